"""Fill the templates; everything a merchant or buyer wrote is escaped."""

import io
from collections.abc import Callable, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.kinds import rules_of, shown
from ctrip.domain.money import format_decimal
from ctrip.domain.payments.choosing import Offered
from ctrip.domain.payments.payment import Payment
from ctrip.domain.settlement.payout import Payout
from ctrip.pages.language import DEFAULT, LANGUAGES, UNKNOWN
from ctrip.pages.language import language as language_of
from ctrip.ports.language import Language, amount_in, translatable
from ctrip.views.brand import Shop
from ctrip.views.checkout import CheckoutState, asked, token_standard, wallet_request
from ctrip.views.claim_words import STATES, state_of

if TYPE_CHECKING:
    from jinja2 import Template

_FOLDER = Path(__file__).parent
_QR, _ADDRESS_QR = translatable("QR code of the payment"), translatable("QR code of the address")
_NO_PAYMENT = translatable("Payment not found")
_NO_PAYMENT_WORDS = translatable("Check the link, or ask the shop for a new one. Please do not send anything.")
_NO_REFUND = translatable("Refund not found")
_NO_REFUND_WORDS = translatable("Check that the link is whole, or ask the shop for a new one.")
ASSETS = frozenset({"checkout.css", "checkout.js", "wallet.js", "favicon.svg", "reference.css"})
# Files in folders of their own; what is not ours is laid there by `infra.tools.vendored`.
ELSEWHERE = {"admin.css": "admin", "admin.js": "admin"}
ELSEWHERE |= {"htmx.min.js": "vendored", "uplot.min.js": "vendored", "uplot.min.css": "vendored"}


def checkout(state: CheckoutState, payment: Payment, network: Network | None, language: Language, shop: Shop) -> str:
    """Render the checkout page of one payment, as its status says; its network may not be enabled any more."""
    return page(
        "checkout.html",
        language,
        shop,
        order_id=payment.order.order_id,
        payment=state,
        chain_title=network.title if network else payment.due.chain,
        testnet=network is not None and network.testnet,
        asked=asked(payment, language),
        description=payment.order.description,
        until=language.moment(payment.due.expires_at),
        final=network is not None and rules_of(network).seen_final,
        standard=token_standard(payment, network),
        alone=network is not None and not rules_of(network).shares_addresses,
        wallet=wallet_request(payment, network) if state["payable"] else None,
        qr=_qr(state["rest_uri"], language.say(_QR)) if state["rest_uri"] else None,
        address_qr=_qr(payment.due.address, language.say(_ADDRESS_QR)) if state["payable"] else None,
    )


def choose(
    state: CheckoutState,
    payment: Payment,
    offers: Sequence[Offered],
    language: Language,
    shop: Shop,
    *,
    trouble: str,
    up: str,
) -> str:
    """Render the page on which a payer chooses what to pay with; `trouble` says why a choice was not taken.

    `up` leads from the page's address to the stage's own.
    """
    groups = groupby(offers, lambda each: each.network)
    return page(
        "choose.html",
        language,
        shop,
        payment=state,
        asked=asked(payment, language),
        order_id=payment.order.order_id,
        description=payment.order.description,
        until=language.moment(payment.due.expires_at),
        networks=[
            (network, rules_of(network).token_standard(network), [_offer(each, payment, language) for each in group])
            for network, group in groups
        ],
        trouble=trouble,
        up=up,
    )


def _offer(offered: Offered, payment: Payment, language: Language) -> dict[str, object]:
    asset, amount, due = offered.asset, offered.amount, payment.due
    return {
        "asset": asset,
        "amount": amount,
        "shown": "" if amount is None else amount_in(language, format_decimal(amount, asset.decimals), asset.symbol),
        "chosen": (due.chain, due.token_id) == (offered.network.name, asset.id) and payment.is_chosen,
    }


def missing(language: Language, *, up: str = "../") -> str:
    """Render the page for an id that nobody knows."""
    return page("missing.html", language, title=_NO_PAYMENT, words=_NO_PAYMENT_WORDS, up=up)


def no_claim(language: Language) -> str:
    """Render the page for a refund that nobody knows."""
    return page("missing.html", language, title=_NO_REFUND, words=_NO_REFUND_WORDS)


def no_language(code: str) -> str:
    """Render the page for a language that is none, from which each of the ten is reached."""
    return page("language.html", language_of(DEFAULT), code=code, words=UNKNOWN)


def claim(
    refund: Payout,
    network: Network | None,
    language: Language,
    shop: Shop,
    *,
    waits: bool,
    address: str,
    wrong: str,
    why: str,
) -> str:
    """Render the page on which a payer names where a refund goes.

    `waits`: an address may still be named. `address` is one to be confirmed, `wrong` one that cannot be used, and `why`
    the message that says so.
    """
    return page(
        "claim.html",
        language,
        shop,
        refund=refund,
        words=language.say(state_of(refund.state)),
        amount=language.number(format_decimal(refund.amount, refund.decimals)),
        chain_title=network.title if network else refund.chain,
        testnet=network is not None and network.testnet,
        waits=waits,
        address=address,
        wrong=wrong,
        why=why,
        shown=shown(refund.to) if refund.to and refund.state in STATES else "",
        until=language.moment(refund.claim_until),
    )


def page(name: str, language: Language, shop: Shop | None = None, **values: object) -> str:
    """Render a page that payers read, as their shop looks where one is known.

    In it, `_("a message with {names}", name=...)` is translated and filled in.
    """
    own = {"language": language, "languages": LANGUAGES, "shop": shop, "up": "../", "_": _words_of(language)}
    return template(name).render(own | values)


def _words_of(language: Language) -> Callable[..., Markup]:
    def say(message: str, /, **values: object) -> Markup:
        # First the words, then the values: those that are markup stay so, and all others are escaped.
        translated = language.say(message, **{name: f"{{{name}}}" for name in values})
        return escape(translated).format(**values)

    return say


def asset(name: str) -> str | None:
    """Return a file that the pages load, or None."""
    path = _FOLDER / ELSEWHERE[name] / name if name in ELSEWHERE else _FOLDER / name
    return path.read_text() if (name in ASSETS or name in ELSEWHERE) and path.is_file() else None


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
