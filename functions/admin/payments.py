"""Any merchant's payments."""

from typing import TYPE_CHECKING

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.admins import Permission
from functions.admin.root import ROOT
from functions.http.answers import answer, answered
from functions.http.resource import Call, Resource

if TYPE_CHECKING:
    from functions.requests.payments import AdminPaymentQuery

routes = Resource(__name__)
PAYMENT = f"{ROOT}/payments/{{payment_id}}"


@routes.on(
    "GET",
    f"{ROOT}/payments",
    requires=Permission.PAYMENTS_READ,
    query="payments.AdminPaymentQuery",
    response="PaymentPage",
)
def list_merchant_payments(call: Call) -> Response:
    """List one merchant's payments, newest first."""
    query: AdminPaymentQuery = call.query
    return answer(stage().payments.reader.page(query.merchant_id, query.filtered(), query.order_id))


@routes.on("GET", PAYMENT, requires=Permission.PAYMENTS_READ, response="Payment", codes=("payment_not_found",))
def read_any_payment(call: Call, payment_id: str) -> Response:
    """Show any merchant's payment."""
    return answer(stage().payments.reader.one(None, payment_id))


@routes.on(
    "POST",
    f"{PAYMENT}/cancel",
    requires=Permission.PAYMENTS_DECIDE,
    response="Payment",
    codes=("payment_not_found", "payment_not_cancellable", "payment_changed"),
)
def cancel_any_payment(call: Call, payment_id: str) -> Response:
    """Cancel a payment for its merchant."""
    return answered(stage().payments.closer.cancel(None, payment_id, call.origin, call.idempotency))


@routes.on(
    "POST",
    f"{PAYMENT}/accept",
    requires=Permission.PAYMENTS_DECIDE,
    response="Payment",
    codes=("payment_not_found", "payment_not_acceptable", "payment_changed"),
)
def accept_any_payment(call: Call, payment_id: str) -> Response:
    """Accept a late or held payment for its merchant."""
    return answered(stage().payments.closer.accept(None, payment_id, call.origin, call.idempotency))
