"""The hosted checkout page and its status: open to whoever knows the unguessable id, and nothing private in them."""

from typing import TYPE_CHECKING

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.errors import NotFound
from functions.http.answers import HTML, answer
from functions.http.resource import Call, Resource
from functions.pages.brand import headers_of
from functions.pages.language import HEADERS, in_language

if TYPE_CHECKING:
    from ctrip.ports.language import Language

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
