"""Fill the templates; everything a merchant or buyer wrote is escaped."""

import io
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ctrip.domain.chains.assets import Network
from ctrip.domain.payments.payment import Payment
from ctrip.views.checkout import checkout_view
from ctrip.views.payments import payment_view

if TYPE_CHECKING:
    from jinja2 import Template

_FOLDER = Path(__file__).parent
ASSETS = frozenset({"checkout.css", "checkout.js", "favicon.svg", "reference.css"})


def checkout(payment: Payment, network: Network | None) -> str:
    """Render the checkout page of one payment; its network may not be enabled any more."""
    view = checkout_view(payment_view(payment))
    return template("checkout.html").render(
        payment=view,
        chain_title=network.title if network else payment.due.chain,
        testnet=network is not None and network.testnet,
        description=payment.order.description,
        qr=_qr(payment.due.payment_uri),
    )


def missing() -> str:
    """Render the page for an id that nobody knows."""
    return template("missing.html").render()


def asset(name: str) -> str | None:
    """Return a file that the pages load, or None."""
    return (_FOLDER / name).read_text() if name in ASSETS else None


def _qr(text: str) -> Markup:
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        out, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=2, title="Payment QR code", dark="#0b1220"
    )
    return Markup(out.getvalue().decode())  # noqa: S704  segno's own markup: the text is encoded as modules, not as text


@cache
def template(name: str) -> "Template":
    """Load a template, once."""
    environment = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined)
    return environment.get_template(name)
