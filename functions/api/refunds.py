"""A merchant's refunds, of whatever payment; and those that it sends itself."""

from typing import TYPE_CHECKING

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.merchants.access import Scope
from functions.http.answers import CSV, answer, answered, table
from functions.http.resource import Call, Resource

if TYPE_CHECKING:
    from functions.requests.payouts import TransferRequest

routes = Resource(__name__)
REFUND = "/api/v1/refunds/{refund_id}"


@routes.on("GET", "/api/v1/refunds", requires=Scope.SETTLEMENTS, query="payouts.PayoutQuery", response="RefundPage")
def list_every_refund(call: Call) -> Response:
    """List the refunds of all payments, newest first; `status=awaiting_transfer` are those to be sent."""
    return answer(stage().settlement.reader.every_refund(call.merchant.id, call.query.filtered()))


@routes.on("GET", "/api/v1/refunds.csv", requires=Scope.SETTLEMENTS, query="payouts.PayoutQuery", media=CSV)
def export_refunds(call: Call) -> Response:
    """Export refunds as CSV, newest first; the header `X-Next-Cursor` leads to the next page."""
    from ctrip.domain.settlement.payout import PayoutKind

    exported = stage().settlement.reader.export(call.merchant.id, PayoutKind.REFUND, call.query.filtered())
    return table(exported[0], "refunds.csv", {"X-Next-Cursor": exported[1]} if exported[1] else None)


@routes.on("GET", REFUND, requires=Scope.SETTLEMENTS, response="Refund", codes=("payout_not_found",))
def read_refund(call: Call, refund_id: str) -> Response:
    """Show one refund."""
    return answer(stage().settlement.reader.refund(call.merchant.id, refund_id))


@routes.on(
    "POST",
    f"{REFUND}/complete",
    requires=Scope.SETTLEMENTS,
    body="payouts.TransferRequest",
    response="Refund",
    codes=("payout_not_found", "payout_not_changeable", "payout_changed"),
)
def complete_refund(call: Call, refund_id: str) -> Response:
    """Name the transaction by which you have sent a refund: custody `direct` and `xpub` pay refunds themselves.

    It is completed, and `refund.completed` sent, once the transaction is final and brings exactly `net` from the
    treasury (custody `xpub`: from any wallet) to the refund's address. A transaction completes one refund alone. One
    that is not it is taken back, with `refund.awaiting_transfer` and the reason; then name the right one.
    """
    body: TransferRequest = call.body
    namer = stage().settlement.namer
    return answered(namer.by_merchant(call.merchant.id, refund_id, body.tx_hash, call.idempotency))
