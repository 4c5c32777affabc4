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
from ctrip.views.checkout import CheckoutState

if TYPE_CHECKING:
    from jinja2 import Template

_FOLDER = Path(__file__).parent
ASSETS = frozenset({"checkout.css", "checkout.js", "favicon.svg", "reference.css"})
# Files in folders of their own; what is not ours is laid there by `infra.tools.vendored`.
ELSEWHERE = {"admin.css": "admin", "admin.js": "admin"}
ELSEWHERE |= {"htmx.min.js": "vendored", "uplot.min.js": "vendored", "uplot.min.css": "vendored"}


def checkout(state: CheckoutState, payment: Payment, network: Network | None) -> str:
    """Render the checkout page of one payment, as its status says; its network may not be enabled any more."""
    return template("checkout.html").render(
        payment=state,
        chain_title=network.title if network else payment.due.chain,
        testnet=network is not None and network.testnet,
        description=payment.order.description,
        until=_until(payment.due.expires_at),
        qr=_qr(state["rest_uri"], "QR code of the payment") if state["rest_uri"] else None,
        address_qr=_qr(state["address"], "QR code of the address") if state["payable"] else None,
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
        until_words=_until(refund.claim_until),
    )


def asset(name: str) -> str | None:
    """Return a file that the pages load, or None."""
    path = _FOLDER / ELSEWHERE[name] / name if name in ELSEWHERE else _FOLDER / name
    return path.read_text() if (name in ASSETS or name in ELSEWHERE) and path.is_file() else None


def _until(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC):%-d %B %Y, %H:%M} UTC"


def _qr(text: str, title: str) -> Markup:
    """Draw a QR code with its quiet zone of four modules, on white of its own: the page around it may be dark."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        out, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=4, title=title, dark="#0b1220", light="#fff"
    )
    return Markup(out.getvalue().decode())  # noqa: S704  segno's own markup: the text is encoded as modules, not as text


@cache
def template(name: str) -> "Template":
    """Load a template, once."""
    environment = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined)
    return environment.get_template(name)
