"""The page of an invoice: what is asked for, paid and left. Showing it makes nothing; its form makes a payment."""

from typing import TYPE_CHECKING

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.errors import NotFound, Refusal
from functions.http.answers import FORM, HTML, base_url
from functions.http.resource import Call, Resource
from functions.pages.brand import headers_of
from functions.pages.language import HEADERS, in_language

if TYPE_CHECKING:
    from ctrip.ports.language import Language

routes = Resource(__name__)
PATH = "/i/{invoice_id}"


@routes.on("GET", PATH, media=HTML, translated=True, codes=("invoice_not_found",))
def open_invoice(call: Call, invoice_id: str) -> Response:
    """Show an invoice; nothing is made."""
    return in_language(call, lambda language: _page(call, invoice_id, language))


@routes.on(
    "POST",
    PATH,
    takes=FORM,
    status=303,
    media=HTML,
    translated=True,
    codes=(
        *("invoice_not_found", "invoice_void", "invoice_paid", "invoice_changed", "too_many_openings", "invalid_form"),
        *("currency_unavailable", "asset_without_rate", "rate_unavailable"),
        *("chain_unavailable", "treasury_missing"),
        *("merchant_provisioning", "merchant_key_unverified", "merchant_without_key"),
    ),
)
def pay_invoice(call: Call, invoice_id: str) -> Response:
    """Go on to the payment of what is left, a new one where none goes on."""
    return in_language(call, lambda language: _paid(call, invoice_id, language))


def _paid(call: Call, invoice_id: str, language: "Language") -> Response:
    base = base_url(call.request)
    try:
        made = stage().invoices.payer.pay(invoice_id, base, call.origin)
    except Refusal as refusal:
        return _page(call, invoice_id, language, refusal)
    return Response("", headers={**HEADERS, "Location": f"{base}/pay/{made}?lang={language.tag}"}, status_code=303)


def _page(call: Call, invoice_id: str, language: "Language", refusal: Refusal | None = None) -> Response:
    """Show the invoice, after a refusal with the reason and its status; a program reads the code."""
    from ctrip.pages import bills
    from ctrip.views.invoice_words import trouble_of

    person = HTML in call.request.headers.get("accept", "")
    if refusal and not person:
        raise refusal
    try:
        shown = stage().invoices.payer.show(invoice_id)
        shop = stage().merchants.brands.shop(shown.invoice.merchant_id)
    except NotFound:
        if not person:
            raise
        return Response(bills.no_invoice(language), headers=HEADERS, status_code=404)
    trouble = trouble_of(refusal) if refusal else ""
    headers = headers_of(shop)
    if refusal and refusal.retry_after:
        headers["Retry-After"] = str(refusal.retry_after)
    page = bills.invoice(shown.invoice, shown.known, shown.going, language, shop, aside=shown.aside, trouble=trouble)
    return Response(page, headers=headers, status_code=refusal.status if refusal else 200)
