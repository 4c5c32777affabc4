"""The hosted checkout page and its status: open to whoever knows the unguessable id, and nothing private in them."""

from typing import TYPE_CHECKING

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.errors import NotFound, Refusal
from ctrip.domain.payments.payer import PayerStep
from functions.http.answers import FORM, HTML, answer, base_url
from functions.http.resource import Call, Resource
from functions.pages.brand import headers_of
from functions.pages.language import HEADERS, in_language

if TYPE_CHECKING:
    from ctrip.domain.payments.payment import Payment
    from ctrip.ports.language import Language
    from ctrip.views.brand import Shop
    from ctrip.views.checkout import CheckoutState
    from functions.requests.payments import ChoiceRequest

routes = Resource(__name__)


@routes.on("GET", "/pay/{payment_id}", media=HTML, translated=True, codes=("payment_not_found",))
def checkout_page(call: Call, payment_id: str) -> Response:
    """Show the page; an unknown id gets a page too."""
    return in_language(call, lambda language: _page(payment_id, language))


def _page(payment_id: str, language: "Language") -> Response:
    from ctrip.pages import render
    from ctrip.views.checkout import checkout_view

    try:
        payment, head = stage().payments.reader.current(None, payment_id)
    except NotFound:
        return Response(render.missing(language), headers=HEADERS, status_code=404)
    state = checkout_view(payment, stage().networks, stage().clock.now(), head, language)
    shop = stage().merchants.brands.shop(payment.merchant_id)
    if state["step"] == PayerStep.CHOOSE:
        return _choose(payment, state, language, shop, up="../")
    page = render.checkout(state, payment, stage().networks.get(payment.due.chain), language, shop)
    return Response(page, headers=headers_of(shop))


@routes.on(
    "GET",
    "/pay/{payment_id}/status",
    cors=True,
    translated=True,
    response="CheckoutState",
    codes=("payment_not_found",),
)
def checkout_status(call: Call, payment_id: str) -> Response:
    """Tell the page what has become of its payment."""
    return in_language(call, lambda language: _status(payment_id, language), page=False)


def _status(payment_id: str, language: "Language") -> Response:
    from ctrip.views.checkout import checkout_view

    payment, head = stage().payments.reader.current(None, payment_id)
    state = checkout_view(payment, stage().networks, stage().clock.now(), head, language)
    return answer(state, headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})


CHOOSE = "/pay/{payment_id}/choose"


@routes.on("GET", CHOOSE, media=HTML, translated=True, leads_on=True, codes=("payment_not_found",))
def choose_page(call: Call, payment_id: str) -> Response:
    """Show what the payer may choose; where nothing may be chosen any more, the payment."""
    return in_language(call, lambda language: _offers(call, payment_id, language))


@routes.on(
    "POST",
    CHOOSE,
    body="payments.ChoiceRequest",
    takes=FORM,
    media=HTML,
    translated=True,
    leads_on=True,
    codes=(
        *("payment_not_found", "payment_not_choosable", "payment_expired", "choice_closed", "payment_changed"),
        *("too_many_choices", "invalid_form"),
        *("currency_unavailable", "asset_without_rate", "rate_unavailable"),
        *("chain_unavailable", "too_many_open_payments", "treasury_missing"),
        *("merchant_provisioning", "merchant_key_unverified", "merchant_without_key"),
    ),
)
def choose(call: Call, payment_id: str) -> Response:
    """Take the payer's choice, and go on to the payment."""
    return in_language(call, lambda language: _chosen(call, payment_id, language))


def _chosen(call: Call, payment_id: str, language: "Language") -> Response:
    body: ChoiceRequest = call.body
    try:
        chain, _, symbol = body.offer.rpartition(":")
        stage().payments.chooser.choose(payment_id, chain, symbol, call.origin)
    except Refusal as refusal:
        if HTML not in call.request.headers.get("accept", ""):
            raise  # a program reads the code
        return _offers(call, payment_id, language, refusal)
    place = f"{base_url(call.request)}/pay/{payment_id}?lang={language.tag}"
    return Response("", headers={**HEADERS, "Location": place}, status_code=303)


def _offers(call: Call, payment_id: str, language: "Language", refusal: Refusal | None = None) -> Response:
    """Show the offers, after a refusal with the reason and its status."""
    from ctrip.pages import render
    from ctrip.views.checkout import checkout_view
    from ctrip.views.choice_words import trouble_of

    try:
        payment, head = stage().payments.reader.current(None, payment_id)
    except NotFound:
        return Response(render.missing(language, up="../../"), headers=HEADERS, status_code=404)
    state = checkout_view(payment, stage().networks, stage().clock.now(), head, language)
    if not state["choosable"]:
        place = f"{base_url(call.request)}/pay/{payment_id}?lang={language.tag}"
        return Response("", headers={**HEADERS, "Location": place}, status_code=303)
    trouble = language.say(trouble_of(refusal)) if refusal else ""
    shop = stage().merchants.brands.shop(payment.merchant_id)
    answer = _choose(payment, state, language, shop, up="../../", trouble=trouble)
    if refusal:
        answer.status_code = refusal.status
    return answer


def _choose(
    payment: "Payment", state: "CheckoutState", language: "Language", shop: "Shop", *, up: str, trouble: str = ""
) -> Response:
    from ctrip.pages import render

    offers = stage().payments.chooser.offers(payment)
    page = render.choose(state, payment, offers, language, shop, trouble=trouble, up=up)
    return Response(page, headers=headers_of(shop))
