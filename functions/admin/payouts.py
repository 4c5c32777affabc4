"""Any merchant's settlements and refunds: approve, reject; and where settlements go."""

from typing import TYPE_CHECKING

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.admins import Permission
from functions.admin.root import ROOT
from functions.http.answers import CSV, answer, answered, table
from functions.http.resource import Call, Resource

if TYPE_CHECKING:
    from functions.requests.payouts import DestinationRequest, RejectionRequest, TransferRequest

routes = Resource(__name__)
PAYOUT = f"{ROOT}/payouts/{{merchant_id}}/{{payout_id}}"
OF_ONE = ("payout_not_found", "payout_not_changeable", "payout_changed")


@routes.on(
    "GET", f"{ROOT}/payouts", requires=Permission.PAYOUTS_READ, query="payouts.StatusQuery", response="PayoutList"
)
def list_payouts(call: Call) -> Response:
    """List the settlements and refunds of all merchants that are not over, oldest first."""
    return answer(stage().settlement.reader.unfinished(call.query.status))


@routes.on("GET", f"{ROOT}/payouts.csv", requires=Permission.PAYOUTS_READ, query="payouts.StatusQuery", media=CSV)
def export_payouts(call: Call) -> Response:
    """Export them as CSV: with `status=awaiting_transfer` what is to be sent, from which treasury."""
    return table(stage().settlement.reader.export_unfinished(call.query.status), "payouts.csv")


@routes.on(
    "POST",
    f"{PAYOUT}/complete",
    requires=Permission.PAYOUTS_APPROVE,
    body="payouts.TransferRequest",
    response="Payout",
    codes=OF_ONE,
)
def complete_payout(call: Call, merchant_id: str, payout_id: str) -> Response:
    """Name the transaction that has sent one from a treasury whose key is elsewhere; once final, it is compared."""
    body: TransferRequest = call.body
    namer = stage().settlement.namer
    return answered(namer.by_operator(merchant_id, payout_id, body.tx_hash, call.idempotency))


@routes.on(
    "POST",
    f"{PAYOUT}/approve",
    requires=Permission.PAYOUTS_APPROVE,
    response="Payout",
    codes=(*OF_ONE, "own_request", "already_approved"),
)
def approve_payout(call: Call, merchant_id: str, payout_id: str) -> Response:
    """Approve a settlement or a refund; once enough persons have, it is sent."""
    decider = stage().settlement.decider
    return answered(decider.approve(merchant_id, payout_id, call.origin, call.idempotency))


@routes.on(
    "POST",
    f"{PAYOUT}/reject",
    requires=Permission.PAYOUTS_APPROVE,
    body="payouts.RejectionRequest",
    response="Payout",
    codes=OF_ONE,
)
def reject_payout(call: Call, merchant_id: str, payout_id: str) -> Response:
    """Reject a settlement or a refund that is not being sent; its amount is the merchant's again."""
    body: RejectionRequest = call.body
    decider = stage().settlement.decider
    return answered(decider.reject(merchant_id, payout_id, body.reason, call.origin, call.idempotency))


@routes.on(
    "PUT",
    f"{ROOT}/merchants/{{merchant_id}}/settlement-addresses/{{chain}}",
    requires=Permission.MERCHANTS_WRITE,
    body="payouts.DestinationRequest",
    response="SettlementDestination",
    codes=("merchant_not_found", "unsupported_chain", "payout_changed"),
)
def set_merchant_settlement_address(call: Call, merchant_id: str, chain: str) -> Response:
    """Set where a merchant's settlements of a chain go, with the same delay as its own change."""
    body: DestinationRequest = call.body
    stage().merchants.manager.one(merchant_id)
    return answer(stage().settlement.addresses.set(merchant_id, chain, body.address, call.origin))
