"""Fill the templates; everything a merchant or buyer wrote is escaped."""

import io
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.kinds import shown
from ctrip.domain.money import format_decimal
from ctrip.domain.payments.payment import Payment
from ctrip.domain.settlement.payout import Payout
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
    words = "Check the link, or ask the shop for a new one. Please do not send anything."
    return template("missing.html").render(title="Payment not found", words=words)


def no_claim() -> str:
    """Render the page for a refund that nobody knows."""
    words = "Check that the link is whole, or ask the shop for a new one."
    return template("missing.html").render(title="Refund not found", words=words)


def claim(refund: Payout, network: Network | None, *, waits: bool, address: str, wrong: str, why: str) -> str:
    """Render the page on which a payer names where a refund goes.

    `waits`: an address may still be named. `address` is one to be confirmed, `wrong` one that cannot be used, and why.
    """
    until = datetime.fromtimestamp(refund.claim_until / 1000, UTC)
    return template("claim.html").render(
        refund=refund,
        amount=format_decimal(refund.amount, refund.decimals),
        chain_title=network.title if network else refund.chain,
        testnet=network is not None and network.testnet,
        waits=waits,
        address=address,
        wrong=wrong,
        why=why,
        shown=shown(refund.to) if refund.to else "",
        until=until.isoformat(),
        until_words=f"{until:%-d %B %Y, %H:%M} UTC",
    )


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
