"""The page of a payment link. Showing it makes nothing, as crawlers and previews open links; its form does."""

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
    from functions.requests.links import OpeningRequest

routes = Resource(__name__)
PATH = "/l/{link_id}"
CLOSED = ("link_not_found", "link_disabled", "link_expired", "link_used_up")


@routes.on("GET", PATH, media=HTML, translated=True, codes=CLOSED)
def link_page(call: Call, link_id: str) -> Response:
    """Show what a payment link asks for; nothing is made."""
    return in_language(call, lambda language: _shown(call, link_id, language))


@routes.on(
    "POST",
    PATH,
    body="links.OpeningRequest",
    takes=FORM,
    status=303,
    media=HTML,
    translated=True,
    codes=(
        *CLOSED,
        *("link_changed", "too_many_openings", "amount_out_of_bounds", "invalid_form"),
        *("currency_unavailable", "asset_without_rate", "rate_unavailable"),
        *("chain_unavailable", "treasury_missing"),
        *("merchant_provisioning", "merchant_key_unverified", "merchant_without_key"),
    ),
)
def open_link(call: Call, link_id: str) -> Response:
    """Make a payment by the link's terms, and go on to it."""
    return in_language(call, lambda language: _opened(call, link_id, language))


def _shown(call: Call, link_id: str, language: "Language") -> Response:
    from ctrip.pages import bills

    try:
        link = stage().links.opener.show(link_id)
    except Refusal as refusal:
        return _refused(call, link_id, language, refusal)
    shop = stage().merchants.brands.shop(link.merchant_id)
    return Response(bills.link(link, language, shop), headers=headers_of(shop))


def _opened(call: Call, link_id: str, language: "Language") -> Response:
    body: OpeningRequest = call.body
    base = base_url(call.request)
    try:
        made = stage().links.opener.open(link_id, body.amount, base, call.origin)
    except Refusal as refusal:
        return _refused(call, link_id, language, refusal, body.amount or "")
    return Response("", headers={**HEADERS, "Location": f"{base}/pay/{made}?lang={language.tag}"}, status_code=303)


def _refused(call: Call, link_id: str, language: "Language", refusal: Refusal, typed: str = "") -> Response:
    """Say on the page why no payment can be made; a program reads the code."""
    from ctrip.pages import bills
    from ctrip.views.link_words import closed_of, trouble_of

    if HTML not in call.request.headers.get("accept", ""):
        raise refusal
    try:
        link = stage().links.manager.find(None, link_id)
        shop = stage().merchants.brands.shop(link.merchant_id)
    except NotFound:
        return Response(bills.no_link(language), headers=HEADERS, status_code=404)
    closed = closed_of(refusal)
    trouble = "" if closed else trouble_of(refusal, link.terms, language)
    page = bills.link(link, language, shop, closed=closed, trouble=trouble, typed=typed)
    headers = headers_of(shop)
    if refusal.retry_after:
        headers["Retry-After"] = str(refusal.retry_after)
    return Response(page, headers=headers, status_code=refusal.status)
