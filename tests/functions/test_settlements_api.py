"""Settlements and refunds over HTTP: asked for, shown, cancelled, approved by two, rejected."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from ctrip import bootstrap, config
from ctrip.bootstrap.composition import Stage
from ctrip.domain.admins import Role
from ctrip.domain.chains.kinds import FIRST
from tests.functions.conftest import Api
from tests.world import AUTHORITY, USDC, FakeAdapters

OWN, PAYER = FIRST.shown("0x" + "5e" * 20), FIRST.shown("0x" + "ab" * 20)
RULES = '{"anvil": {"ETH": {"approval_above": "500", "fee_per_mille": 10, "minimum": "5"}}}'
APPROVERS = (Role.OPERATOR, Role.ACCOUNTANT)


@pytest.fixture
def paid(api: Api) -> str:
    """A payment of 1000 that is settled, at a stage where more than 500 at a time is approved by two; its id."""
    given = {"CTRIP_VERIFYING_KEY": AUTHORITY.verifying_key, "CTRIP_PAYOUTS": RULES}
    stage = Stage(FakeAdapters(api.world, config.load(given)))
    api.stage = stage
    bootstrap.use(stage)
    payment: str = api.create()["id"]
    api.world.chain.deposit(api.world.payment(payment).due.address, 1000)
    api.world.settle(25)
    return payment


def with_address(api: Api) -> None:
    """Set where the merchant's settlements go."""
    assert api.call("PUT", "/api/v1/settlement-addresses/anvil", {"address": OWN}).status_code == 200


def settle(api: Api, **wanted: Any) -> Any:
    """Ask for a settlement."""
    return api.call("POST", "/api/v1/settlements", {"chain": "anvil"} | wanted)


def balance(api: Api) -> tuple[int, int]:
    """Return what is available and what is set aside."""
    [held] = api.call("GET", "/api/v1/balances").json["data"]
    return held["available"], held["payable"]


def test_a_settlement_is_asked_for_shown_listed_and_cancelled(api: Api, paid: str) -> None:
    with_address(api)
    made = settle(api, amount="600")
    assert (made.status_code, made.json["status"], made.json["net"], made.json["fee"]) == (
        *(201, "awaiting_approval"),
        *(594, 6),
    )
    assert (made.json["address"], balance(api)) == (OWN, (400, 600))
    where = f"/api/v1/settlements/{made.json['id']}"
    assert api.call("GET", where).json == made.json
    assert settle(api, amount=100).status_code == 201
    first = api.call("GET", "/api/v1/settlements?limit=1").json
    rest = api.call("GET", f"/api/v1/settlements?limit=1&cursor={first['next_cursor']}").json
    assert [each["amount"] for page in (first, rest) for each in page["data"]] == [100, 600]
    assert rest["next_cursor"] is None
    cancelled = api.call("POST", f"{where}/cancel")
    assert (cancelled.status_code, cancelled.json["status"], balance(api)) == (200, "cancelled", (900, 100))
    again = api.call("POST", f"{where}/cancel")
    assert (again.status_code, again.json["code"]) == (409, "payout_not_changeable")


def test_without_an_address_nothing_is_settled(api: Api, paid: str) -> None:
    assert api.call("GET", "/api/v1/settlement-addresses/anvil").json["code"] == "settlement_address_not_found"
    refused = settle(api)
    assert (refused.status_code, refused.json["code"]) == (409, "settlement_address_missing")
    unknown = api.call("PUT", "/api/v1/settlement-addresses/etherum", {"address": OWN})
    assert (unknown.status_code, unknown.json["detail"]) == (400, "Unsupported chain: etherum")
    with_address(api)
    assert api.call("GET", "/api/v1/settlement-addresses/anvil").json["address"] == OWN
    assert settle(api).json["amount"] == 1000


def test_too_little_is_409_with_the_free_amount(api: Api, paid: str) -> None:
    """In every asset, those that the merchant has none of included."""
    with_address(api)
    for wanted, free in (({"amount": 1001}, "1000"), ({"asset": "USDC", "amount_decimal": "1"}, "0")):
        refused = settle(api, **wanted)
        assert (refused.status_code, refused.json["code"]) == (409, "insufficient_balance")
        assert (refused.json["available"], refused.json["errors"][0]["field"]) == (free, "amount")
    assert settle(api, amount=4).json["errors"][0]["code"] == "below_minimum"
    assert balance(api) == (1000, 0)


def test_a_key_settles_and_refunds_once(api: Api, paid: str) -> None:
    """The same body gets the first answer again, another body 422."""
    with_address(api)
    bodies = {
        "/api/v1/settlements": {"chain": "anvil", "amount": 100},
        f"/api/v1/payments/{paid}/refunds": {"address": PAYER, "amount": 200},
    }
    for path, body in bodies.items():
        answers = [api.call("POST", path, body, Idempotency_Key="k") for _ in range(2)]
        assert [each.status_code for each in answers] == [201, 201]
        assert answers[0].json == answers[1].json
        assert answers[1].headers["Idempotent-Replayed"] == "true"
        other = api.call("POST", path, body | {"amount": 1}, Idempotency_Key="k")
        assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")
    assert balance(api) == (700, 300)


def test_a_refund_is_asked_for_listed_and_cancelled_under_its_own_payment(api: Api, paid: str) -> None:
    refunds, other = f"/api/v1/payments/{paid}/refunds", api.create()["id"]
    made = api.call("POST", refunds, {"address": PAYER, "amount": 600})
    assert (made.status_code, made.json["payment_id"], made.json["fee"]) == (201, paid, 0)
    assert [each["id"] for each in api.call("GET", refunds).json["data"]] == [made.json["id"]]
    assert api.call("GET", f"/api/v1/payments/{other}/refunds").json["data"] == []
    left = api.call("POST", refunds, {"address": PAYER, "amount": 401})
    assert (left.status_code, left.json["available"]) == (409, "400")
    stray = api.call("POST", f"/api/v1/payments/{other}/refunds/{made.json['id']}/cancel")
    assert (stray.status_code, stray.json["code"]) == (404, "payout_not_found")
    assert api.call("GET", f"/api/v1/settlements/{made.json['id']}").status_code == 404
    assert api.call("POST", f"{refunds}/{made.json['id']}/cancel").json["status"] == "cancelled"
    assert balance(api) == (1000, 0)


@pytest.mark.parametrize("address", ["0x" + "0" * 40, USDC.address, PAYER.swapcase().replace("0X", "0x"), "x"])
def test_an_address_that_loses_money_is_400_and_named(api: Api, paid: str, address: str) -> None:
    answers = [
        api.call("POST", f"/api/v1/payments/{paid}/refunds", {"address": address}),
        api.call("PUT", "/api/v1/settlement-addresses/anvil", {"address": address}),
        api.admin("PUT", "/merchants/m1/settlement-addresses/anvil", {"address": address}),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, "address")
    assert balance(api) == (1000, 0)


def test_two_persons_approve_and_no_other_way_leads_there(api: Api, paid: str) -> None:
    """A role without the permission 403, twice by one person 409, whoever asked for it never."""
    with_address(api)
    where = f"/payouts/m1/{settle(api, amount=600).json['id']}"
    assert [each["status"] for each in api.admin("GET", "/payouts", role=Role.VIEWER).json["data"]] == [
        "awaiting_approval"
    ]
    assert api.admin("POST", f"{where}/approve", role=Role.VIEWER).json["code"] == "forbidden"
    first = api.admin("POST", f"{where}/approve", role=APPROVERS[0])
    assert (first.status_code, first.json["status"], first.json["approvals"]) == (200, "awaiting_approval", 1)
    twice = api.admin("POST", f"{where}/approve", role=APPROVERS[0])
    assert (twice.status_code, twice.json["code"]) == (409, "already_approved")
    second = api.admin("POST", f"{where}/approve", role=APPROVERS[1])
    assert (second.json["status"], len(set(second.json["approved_by"]))) == ("approved", 2)
    over = api.admin("POST", f"{where}/approve")
    assert (over.status_code, over.json["code"]) == (409, "payout_not_changeable")
    assert api.admin("POST", f"/payouts/m2/{where.rsplit('/', 1)[1]}/approve").status_code == 404


def test_whoever_asked_cannot_approve(api: Api, paid: str) -> None:
    with_address(api)
    made = settle(api, amount=600).json["id"]
    key = ("m1", made)
    payouts = api.world.stores.payouts._state.payouts
    me = api.admin("GET", "/me").json["id"]
    payouts[key] = replace(payouts[key], asked_by=f"admin:{me}")
    own = api.admin("POST", f"/payouts/m1/{made}/approve")
    assert (own.status_code, own.json["code"]) == (403, "own_request")


def test_what_is_rejected_is_the_merchants_again_with_the_reason(api: Api, paid: str) -> None:
    with_address(api)
    made = settle(api, amount=600).json["id"]
    rejected = api.admin("POST", f"/payouts/m1/{made}/reject", {"reason": " not theirs "}, role=Role.ACCOUNTANT)
    assert (rejected.status_code, rejected.json["reason"]) == (200, "not theirs")
    assert api.call("GET", f"/api/v1/settlements/{made}").json["reason"] == "not theirs"
    assert balance(api) == (1000, 0)
    assert api.admin("POST", f"/payouts/m1/{made}/reject", {"reason": " "}).status_code == 400


def test_an_operator_changes_a_merchants_address_with_the_same_delay(api: Api, paid: str) -> None:
    with_address(api)
    changed = api.admin("PUT", "/merchants/m1/settlement-addresses/anvil", {"address": PAYER}, role=Role.OPERATOR)
    assert (changed.json["address"], changed.json["next_address"]) == (OWN, PAYER)
    assert settle(api, amount=10).json["address"] == OWN
    nobody = api.admin("PUT", "/merchants/none/settlement-addresses/anvil", {"address": PAYER})
    assert (nobody.status_code, nobody.json["code"]) == (404, "merchant_not_found")


FORM = "application/x-www-form-urlencoded"


def named(api: Api, page: str, **fields: str) -> Any:
    """Send the form of a claim's page."""
    return api.call("POST", page, urlencode(fields).encode(), key=None, Content_Type=FORM)


def test_a_refund_without_an_address_has_a_page_that_takes_one(api: Api, paid: str) -> None:
    """Its link is in the first answer alone; the page asks twice, and takes one address."""
    body = {"amount": 200}
    refunds = f"/api/v1/payments/{paid}/refunds"
    made, again = (api.call("POST", refunds, body, Idempotency_Key="claim") for _ in range(2))
    assert (made.status_code, made.json["status"], made.json["address"]) == (201, "awaiting_address", None)
    assert (again.json["id"], again.json["claim_url"]) == (made.json["id"], None)
    [listed] = api.call("GET", refunds).json["data"]
    assert (listed["claim_url"], listed["claim_until"]) == (None, made.json["claim_until"])
    page = "/claim/" + made.json["claim_url"].rpartition("/")[2]
    asked = api.call("GET", page, key=None)
    assert (asked.status_code, "Where should your refund go?" in asked.body.decode()) == (200, True)
    wrong = named(api, page, address=PAYER[:-1])
    assert (wrong.status_code, f'value="{PAYER[:-1]}"' in wrong.body.decode()) == (400, True)
    once_more = named(api, page, address=PAYER)
    assert (once_more.status_code, "Yes, send it there" in once_more.body.decode()) == (200, True)
    assert api.call("GET", refunds).json["data"][0]["address"] is None
    done = named(api, page, address=PAYER, confirmed="yes")
    assert (done.status_code, PAYER in done.body.decode()) == (200, True)
    other = named(api, page, address=OWN, confirmed="yes")
    assert (other.status_code, OWN in other.body.decode()) == (200, False)
    [refund] = api.call("GET", refunds).json["data"]
    assert (refund["address"], refund["status"]) == (PAYER, "approved")


def test_a_page_of_no_refund_is_404(api: Api, paid: str) -> None:
    for secret in ("a" * 32, "x", "%00"):
        for answer in (api.call("GET", f"/claim/{secret}", key=None), named(api, f"/claim/{secret}", address=PAYER)):
            assert (answer.status_code, "Refund not found" in answer.body.decode()) == (404, True)


@pytest.mark.parametrize("raw", [b"address=1&address=2", b"address=%ff", b"&".join(b"a=1" for _ in range(30))])
def test_what_is_no_form_is_400(api: Api, raw: bytes) -> None:
    answer = api.call("POST", f"/claim/{'a' * 32}", raw, key=None, Content_Type=FORM)
    assert answer.status_code == 400


def test_an_unmatched_deposit_is_assigned_and_listed(api: Api, paid: str) -> None:
    """What came of another asset counts for another payment of the merchant's."""
    other = api.create()["id"]
    api.world.chain.deposit(api.world.payment(paid).due.address, 777, USDC.address)
    api.world.step(4)
    api.world.step(4)
    [deposit] = api.call("GET", "/api/v1/deposits/unmatched").json["data"]
    where = f"/api/v1/deposits/unmatched/{deposit['id']}/assign"
    stranger = api.call("POST", where, {"payment_id": "nobody"})
    assert (stranger.status_code, stranger.json["errors"][0]["field"]) == (400, "payment_id")
    much = api.call("POST", where, {"payment_id": other, "amount": 778})
    assert (much.status_code, much.json["code"], much.json["available"]) == (409, "insufficient_balance", "777")
    made = api.call("POST", where, {"payment_id": other, "amount": 700})
    assert (made.status_code, made.json["assigned_to"], made.json["payment_id"]) == (201, other, paid)
    assert [each["id"] for each in api.call("GET", "/api/v1/deposits/assignments").json["data"]] == [made.json["id"]]
    [left] = api.call("GET", "/api/v1/deposits/unmatched").json["data"]
    assert (left["assigned"], left["refunded"]) == (700, 0)
    assert api.call("GET", f"/api/v1/payments/{paid}/refunds").json["data"] == []


def test_a_schedule_is_set_listed_and_ended(api: Api, paid: str) -> None:
    where = "/api/v1/settlement-schedules"
    wanted = {"every": "weekly", "weekday": "monday", "hour": 6, "threshold": "5000", "keep": 7}
    made = api.call("PUT", f"{where}/anvil", wanted)
    assert (made.status_code, made.json["threshold_str"], made.json["keep"]) == (200, "5000", 7)
    assert made.json["next_at"].endswith("T06:00:00.000Z")
    assert (made.json["skipped"], made.json["token_id"], made.json["symbol"]) == (None, None, "ETH")
    assert api.call("GET", where).json == {"data": [made.json], "next_cursor": None}
    assert api.call("PUT", f"{where}/anvil", {"every": "daily", "asset": "USDC"}).json["symbol"] == "USDC"
    ended = api.call("PUT", f"{where}/anvil", {"every": "none"}).json
    assert (ended["every"], ended["next_at"], ended["threshold"]) == ("none", None, 0)
    assert len(api.call("GET", where).json["data"]) == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "every"),
        ({"every": "hourly"}, "every"),
        ({"every": "daily", "hour": 24}, "hour"),
        ({"every": "daily", "hour": True}, "hour"),
        ({"every": "monthly", "day": 29}, "day"),
        ({"every": "monthly"}, "day"),
        ({"every": "weekly", "weekday": "funday"}, "weekday"),
        ({"every": "daily", "threshold": 0}, "threshold"),
        ({"every": "daily", "keep": -1}, "keep"),
        ({"every": "daily", "asset": "DOGE"}, "asset"),
        ({"every": "daily", "when": "now"}, "when"),
    ],
)
def test_what_is_wrong_with_a_schedule_is_named(api: Api, paid: str, body: dict[str, Any], field: str) -> None:
    refused = api.call("PUT", "/api/v1/settlement-schedules/anvil", body)
    assert (refused.status_code, [each["field"] for each in refused.json["errors"]]) == (400, [field])
    assert api.call("GET", "/api/v1/settlement-schedules").json["data"] == []
