"""Money that came and belongs to no payment by itself."""

from typing import TYPE_CHECKING

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.merchants.access import Scope
from functions.http.answers import answer, answered, base_url
from functions.http.resource import Call, Resource

if TYPE_CHECKING:
    from functions.requests.payouts import AssignmentRequest, DepositRefundRequest

routes = Resource(__name__)


@routes.on(
    "GET",
    "/api/v1/deposits/unmatched",
    requires=Scope.SETTLEMENTS,
    query="pages.Paged",
    response="UnmatchedDepositPage",
)
def list_unmatched_deposits(call: Call) -> Response:
    """List what came and is unmatched, those of a payment together; what was refunded whole is left out."""
    return answer(stage().settlement.reader.unmatched(call.merchant.id, call.query.cursor, call.query.limit))


@routes.on(
    "POST",
    "/api/v1/deposits/unmatched/{deposit_id}/refund",
    requires=Scope.SETTLEMENTS,
    body="payouts.DepositRefundRequest",
    response="Refund",
    status=201,
    codes=(
        *("deposit_not_found", "unsupported_chain", "token_not_found"),
        *("insufficient_balance", "balance_changed", "too_many_payouts"),
    ),
)
def refund_unmatched_deposit(call: Call, deposit_id: str) -> Response:
    """Ask for a refund of an unmatched deposit, whole or in part: its amount is set aside at once."""
    body: DepositRefundRequest = call.body
    deposit = stage().settlement.reader.deposit(call.merchant.id, deposit_id)
    asked = body.command(deposit)
    asker, base = stage().settlement.asker, base_url(call.request)
    return answered(asker.refund(call.merchant, deposit.payment.id, asked, call.origin, call.idempotency, base), 201)


@routes.on(
    "POST",
    "/api/v1/deposits/unmatched/{deposit_id}/assign",
    requires=Scope.SETTLEMENTS,
    body="payouts.AssignmentRequest",
    response="Assignment",
    status=201,
    codes=(
        *("deposit_not_found", "unsupported_chain", "token_not_found"),
        *("insufficient_balance", "balance_changed", "too_many_payouts"),
    ),
)
def assign_unmatched_deposit(call: Call, deposit_id: str) -> Response:
    """Have an unmatched deposit count for a payment, whole or in part: it becomes part of the balance."""
    body: AssignmentRequest = call.body
    deposit = stage().settlement.reader.deposit(call.merchant.id, deposit_id)
    asker, wanted = stage().settlement.asker, body.command(deposit)
    return answered(asker.assign(call.merchant, deposit.payment.id, wanted, call.origin, call.idempotency), 201)


@routes.on(
    "GET",
    "/api/v1/deposits/assignments",
    requires=Scope.SETTLEMENTS,
    query="pages.Paged",
    response="AssignmentPage",
)
def list_assignments(call: Call) -> Response:
    """List what was assigned to payments, newest first."""
    return answer(stage().settlement.reader.assignments(call.merchant.id, call.query.cursor, call.query.limit))
