"""Invoices: create, read, list, void."""

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.merchants.access import Scope
from functions.http.answers import answer, answered, base_url
from functions.http.resource import Call, Resource

routes = Resource(__name__)
OF_ONE = ("invoice_not_found",)


@routes.on(
    "POST",
    "/api/v1/invoices",
    requires=Scope.PAYMENTS_WRITE,
    body="invoices.InvoiceRequest",
    response="Invoice",
    status=201,
    codes=("invoice_number_in_use",),
)
def create_invoice(call: Call) -> Response:
    """Make an invoice."""
    manager, wanted = stage().invoices.manager, call.body.command()
    return answered(manager.create(call.merchant.id, wanted, base_url(call.request), call.idempotency), 201)


@routes.on("GET", "/api/v1/invoices", requires=Scope.PAYMENTS_READ, query="pages.Paged", response="InvoicePage")
def list_invoices(call: Call) -> Response:
    """List invoices, newest first."""
    page, manager = call.query, stage().invoices.manager
    return answer(manager.page(call.merchant.id, page.cursor, page.limit, base_url(call.request)))


@routes.on("GET", "/api/v1/invoices/{invoice_id}", requires=Scope.PAYMENTS_READ, response="Invoice", codes=OF_ONE)
def read_invoice(call: Call, invoice_id: str) -> Response:
    """Show an invoice as it stands."""
    return answer(stage().invoices.manager.one(call.merchant.id, invoice_id, base_url(call.request)))


@routes.on(
    "POST",
    "/api/v1/invoices/{invoice_id}/void",
    requires=Scope.PAYMENTS_WRITE,
    response="Invoice",
    codes=(*OF_ONE, "invoice_void", "invoice_not_voidable", "invoice_changed", "payment_changed"),
)
def void_invoice(call: Call, invoice_id: str) -> Response:
    """Void an invoice of which nothing is paid."""
    manager, base = stage().invoices.manager, base_url(call.request)
    return answered(manager.void(call.merchant.id, invoice_id, base, call.origin, call.idempotency))
