"""The page on which a payer names where a refund goes; open to whoever knows its unguessable secret."""

from typing import TYPE_CHECKING

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.errors import Conflict, InvalidField, NotFound
from functions.http.answers import FORM, HTML, request_id
from functions.http.resource import Call, Resource
from functions.pages.brand import headers_of
from functions.pages.language import HEADERS, in_language

if TYPE_CHECKING:
    from ctrip.ports.language import Language
    from functions.requests.payouts import ClaimRequest

routes = Resource(__name__)
PATH = "/claim/{secret}"


@routes.on("GET", PATH, media=HTML, translated=True, codes=("claim_not_found",))
def claim_page(call: Call, secret: str) -> Response:
    """Show the page; an unknown secret gets a page too."""
    return in_language(call, lambda language: _page(secret, language))


@routes.on(
    "POST",
    PATH,
    body="payouts.ClaimRequest",
    takes=FORM,
    media=HTML,
    translated=True,
    codes=("claim_not_found", "payout_not_changeable", "payout_changed", "invalid_form"),
)
def claim_refund(call: Call, secret: str) -> Response:
    """Take the address that the page's form sends: shown once more first, then for good."""
    return in_language(call, lambda language: _claim(call, secret, language))


def _claim(call: Call, secret: str, language: "Language") -> Response:
    from ctrip.views.claim_words import refusal_of

    body: ClaimRequest = call.body
    claims = stage().settlement.claims
    try:
        if body.confirmed is None:
            return _page(secret, language, address=claims.checked(claims.find(secret), body.address), status=200)
        claims.claim(secret, body.address, request_id(call.request))
    except InvalidField as exc:
        return _page(secret, language, wrong=body.address, why=refusal_of(exc.errors[0].code), status=400)
    except (NotFound, Conflict):
        return _page(secret, language)
    return _page(secret, language)


def _page(
    secret: str, language: "Language", *, address: str = "", wrong: str = "", why: str = "", status: int = 200
) -> Response:
    from ctrip.pages import render

    claims = stage().settlement.claims
    try:
        refund = claims.find(secret)
    except NotFound:
        return Response(render.no_claim(language), headers=HEADERS, status_code=404)
    network = stage().networks.get(refund.chain)
    shop = stage().merchants.brands.shop(refund.merchant_id)
    page = render.claim(
        refund, network, language, shop, waits=claims.waits(refund), address=address, wrong=wrong, why=why
    )
    return Response(page, headers=headers_of(shop), status_code=status)
