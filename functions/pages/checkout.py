"""The hosted checkout page and its status: open to whoever knows the unguessable id, and nothing private in them."""

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.errors import NotFound
from functions.http.answers import HTML, answer
from functions.http.resource import Call, Resource

routes = Resource(__name__)

HEADERS: dict[str, str | list[str]] = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@routes.on("GET", "/pay/{payment_id}", media=HTML, codes=("payment_not_found",))
def checkout_page(call: Call, payment_id: str) -> Response:
    """Show the page; an unknown id gets a page too."""
    from ctrip.pages import render
    from ctrip.views.checkout import checkout_view

    try:
        payment, head = stage().payments.reader.current(None, payment_id)
    except NotFound:
        return Response(render.missing(), headers=HEADERS, status_code=404)
    state = checkout_view(payment, stage().networks, stage().clock.now(), head)
    page = render.checkout(state, payment, stage().networks.get(payment.due.chain))
    return Response(page, headers=HEADERS)


@routes.on("GET", "/pay/{payment_id}/status", cors=True, response="CheckoutState", codes=("payment_not_found",))
def checkout_status(call: Call, payment_id: str) -> Response:
    """Tell the page what has become of its payment."""
    from ctrip.views.checkout import checkout_view

    payment, head = stage().payments.reader.current(None, payment_id)
    state = checkout_view(payment, stage().networks, stage().clock.now(), head)
    return answer(state, headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})
