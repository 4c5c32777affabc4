"""Sweeps that are not over: which are stuck, which wait, which are not worth their gas; and their approval."""

from typing import TYPE_CHECKING

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.admins import Permission
from functions.admin.root import ROOT
from functions.http.answers import answer, answered
from functions.http.resource import Call, Resource

if TYPE_CHECKING:
    from functions.requests.sweeps import SweepQuery

routes = Resource(__name__)


@routes.on(
    "GET",
    f"{ROOT}/sweeps",
    requires=Permission.PAYOUTS_READ,
    query="sweeps.SweepQuery",
    response="SweepPage",
)
def list_sweeps(call: Call) -> Response:
    """List payments whose money is not in the treasury yet, with the reason; `state=stuck` lists the dead ends."""
    query: SweepQuery = call.query
    return answer(stage().sweeping.reader.page(query.state, query.chain, query.cursor, query.limit))


@routes.on(
    "POST",
    f"{ROOT}/sweeps/{{payment_id}}/approve",
    requires=Permission.PAYOUTS_APPROVE,
    response="SweepStanding",
    codes=("payment_not_found", "sweep_not_waiting", "payment_changed"),
)
def approve_sweep(call: Call, payment_id: str) -> Response:
    """Approve the sweep of what lies at a payment's address now, where it is above the asset's threshold."""
    return answered(stage().sweeping.approver.approve(payment_id, call.origin, call.idempotency))
