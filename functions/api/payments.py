"""Payments: create, read, list, cancel, accept."""

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.merchants.access import Scope
from functions.http.answers import answer, answered, base_url
from functions.http.resource import Call, Resource

routes = Resource(__name__)
OF_ONE = ("payment_not_found",)


@routes.on(
    "POST",
    "/api/v1/payments",
    requires=Scope.PAYMENTS_WRITE,
    body="payments.PaymentRequest",
    response="Payment",
    status=201,
    codes=(
        "unsupported_chain",
        "token_not_found",
        "order_id_in_use",
        "merchant_provisioning",
        "merchant_key_unverified",
        "merchant_without_key",
        "treasury_missing",
        "too_many_open_payments",
        "chain_unavailable",
        "currency_unavailable",
        "asset_without_rate",
        "rate_unavailable",
    ),
)
def create_payment(call: Call) -> Response:
    """Create a payment."""
    wanted = call.body.command()
    made = stage().payments.creator.create(call.merchant, wanted, base_url(call.request), call.origin, call.idempotency)
    return answered(made, 201)


@routes.on("GET", "/api/v1/payments/{payment_id}", requires=Scope.PAYMENTS_READ, response="Payment", codes=OF_ONE)
def read_payment(call: Call, payment_id: str) -> Response:
    """Show one payment."""
    return answer(stage().payments.reader.one(call.merchant.id, payment_id))


@routes.on(
    "GET",
    "/api/v1/payments/{payment_id}/transfers",
    requires=Scope.PAYMENTS_READ,
    query="payments.TransferQuery",
    response="TransferPage",
    codes=OF_ONE,
)
def list_transfers(call: Call, payment_id: str) -> Response:
    """List everything that came for a payment, newest first; the payment itself shows the newest 25."""
    page = call.query
    return answer(stage().payments.reader.transfers(call.merchant.id, payment_id, page.cursor, page.limit))


@routes.on(
    "GET",
    "/api/v1/payments",
    requires=Scope.PAYMENTS_READ,
    query="payments.PaymentQuery",
    response="PaymentPage",
)
def list_payments(call: Call) -> Response:
    """List payments, newest first."""
    return answer(stage().payments.reader.page(call.merchant.id, call.query.filtered(), call.query.order_id))


@routes.on(
    "POST",
    "/api/v1/payments/{payment_id}/cancel",
    requires=Scope.PAYMENTS_WRITE,
    response="Payment",
    codes=(*OF_ONE, "payment_not_cancellable", "payment_changed"),
)
def cancel_payment(call: Call, payment_id: str) -> Response:
    """Cancel a payment that nothing but dust has reached."""
    return answered(stage().payments.closer.cancel(call.merchant.id, payment_id, call.origin, call.idempotency))


@routes.on(
    "POST",
    "/api/v1/payments/{payment_id}/accept",
    requires=Scope.PAYMENTS_WRITE,
    response="Payment",
    codes=(*OF_ONE, "operator_required", "payment_not_acceptable", "payment_changed"),
)
def accept_payment(call: Call, payment_id: str) -> Response:
    """Accept a late or held payment by hand."""
    return answered(stage().payments.closer.accept(call.merchant.id, payment_id, call.origin, call.idempotency))
