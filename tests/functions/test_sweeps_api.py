"""Sweeps that are not over, through the admin API: the list with its reasons, and the approval of large ones."""

import json
from dataclasses import replace

import pytest

from ctrip.domain.admins import Role
from ctrip.domain.payments.payment import Flag, Hold, Tier
from ctrip.domain.sweeping.policy import parse_policies
from tests.functions.conftest import Api
from tests.world import SETTINGS

POLICIES = parse_policies(json.dumps({"anvil": {"ETH": {"approval_above": "500"}}}))


@pytest.fixture
def waiting(api: Api, monkeypatch: pytest.MonkeyPatch) -> str:
    """A payment that is paid and above the threshold."""
    for stage in (api.stage, api.world.stage):
        monkeypatch.setattr(stage.adapters, "own", replace(SETTINGS, sweeps=POLICIES))
    payment = api.world.create(1_000)
    api.world.chain.deposit(payment.due.address, 1_000)
    api.world.step(4)
    assert api.world.payment(payment.id).tier is Tier.SWEEP
    return payment.id


def listed(api: Api, query: str = "", role: Role = Role.VIEWER) -> list[str]:
    """List the payments' ids."""
    return [each["payment_id"] for each in api.admin("GET", f"/sweeps{query}", role=role).json["data"]]


def test_everybody_sees_what_waits_and_why(api: Api, waiting: str) -> None:
    """By state and chain; another state's list is empty."""
    answer = api.admin("GET", "/sweeps?state=waiting", role=Role.VIEWER)
    (shown,) = answer.json["data"]
    assert (shown["payment_id"], shown["reason"], shown["amount"]) == (waiting, "approval", 1_000)
    assert listed(api, "?state=stuck") == listed(api, "?state=parked") == []
    assert listed(api) == listed(api, "?chain=anvil") == [waiting]
    assert api.admin("GET", "/sweeps?chain=polygn").status_code == 400
    assert api.admin("GET", "/sweeps?state=lost").status_code == 400
    assert api.admin("GET", "/sweeps?cursor=x").status_code == 400


def test_what_is_stuck_has_a_list_of_its_own(api: Api, waiting: str) -> None:
    """A held payment is not swept, whoever approves it."""
    state = api.world.stores.payments._state
    state.payments[waiting] = state.payments[waiting].changed(flags=frozenset({Flag.HELD}), hold=Hold.OUTFLOW)
    (shown,) = api.admin("GET", "/sweeps?state=stuck").json["data"]
    assert (shown["payment_id"], shown["reason"], shown["detail"]) == (waiting, "held", "unexplained_outflow")


def test_whoever_approves_payouts_approves_sweeps_and_nobody_else(api: Api, waiting: str) -> None:
    """Once; a repeated key gets the first answer, and a viewer none."""
    path = f"/sweeps/{waiting}/approve"
    assert api.admin("POST", path, role=Role.VIEWER).status_code == 403
    keyed = {"Idempotency-Key": "once"}
    first = api.admin("POST", path, role=Role.ACCOUNTANT, **keyed)
    assert (first.status_code, first.json["reason"], first.json["approved"]) == (200, "due", 1_000)
    again = api.admin("POST", path, role=Role.ACCOUNTANT, **keyed)
    assert (again.json, again.headers["Idempotent-Replayed"]) == (first.json, "true")
    assert api.world.payment(waiting).review.sweep_approved == 1_000
    record = api.world.stores.payments.audit(waiting)[-1]
    assert '"sweep_approved":"1000"' in record.body
    assert '"actor":"admin:' in record.body


def test_an_approval_of_nothing_is_refused(api: Api) -> None:
    """An unknown payment, and one that is not paid."""
    made = api.create()["id"]
    assert api.admin("POST", f"/sweeps/{made}/approve").json["code"] == "sweep_not_waiting"
    unknown = "00000000-0000-4000-8000-00000000dead"
    assert api.admin("POST", f"/sweeps/{unknown}/approve").json["code"] == "payment_not_found"
