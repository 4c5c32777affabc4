"""Fill the dashboard's templates; everything that anybody wrote is escaped."""

import io
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from ctrip.domain.chains.kinds import shown
from ctrip.domain.money import format_decimal

if TYPE_CHECKING:
    from jinja2 import Template

_FOLDER = Path(__file__).parent / "admin"
DECIMALS = 6  # that a list shows of an amount; the whole of it stands in its title
LEAST_DECIMALS = 2
SHORT_AMOUNT = 24  # characters

# What is shown after a form that was done.
DONE = {
    "accepted": "Accepted. It is credited with the scanner's next pass, once what came is confirmed.",
    "approved": "Approved.",
    "assigned": "Assigned. It becomes part of the merchant's balance within a minute.",
    "cancelled": "Cancelled.",
    "changed": "Changed.",
    "deleted": "Deleted.",
    "named": "The transaction is named. Once it is final it is compared with the chain.",
    "password": "Your password is changed. Sign in with the new one.",
    "redelivered": "On its way again.",
    "refund_asked": "The refund is asked for. Where it needs an approval, it waits under Payouts.",
    "rejected": "Rejected. The amount is the merchant's again.",
    "revoked": "Revoked. The key opens nothing any more.",
    "tested": "A test event is on its way.",
    "totp_on": "The second factor is on: sign in with a code from now on.",
    "totp_off": "The second factor is off.",
}


def page(name: str, context: Mapping[str, Any]) -> str:
    """Render a whole page."""
    return template(name).render(context)


def part(name: str, context: Mapping[str, Any]) -> str:
    """Render the part of a page that lives, for the page that shows it already."""
    held = template(name)
    return "".join(held.blocks["live"](held.new_context(dict(context))))


def amount(text: str) -> Markup:
    """Show an amount of whole units: thousands apart, two to six decimals, the exact amount in the title."""
    whole, _, fraction = text.partition(".")
    cut = fraction[:DECIMALS].rstrip("0").ljust(LEAST_DECIMALS, "0")
    shown_ = f"{int(whole):,}.{cut}"
    if set(text) - {"0", "."} and not set(shown_) - {"0", ".", ","}:
        shown_ = f"< 0.{'0' * (DECIMALS - 1)}1"
    if len(shown_) <= SHORT_AMOUNT:
        return Markup('<span class="amount" title="{}">{}</span>').format(text, shown_)
    # As long as 2^256: it may be broken between its thousands, or a table outgrows its page.
    return Markup('<span class="amount long" title="{}">{}</span>').format(
        text, Markup(",<wbr>").join(shown_.split(","))
    )


def when(text: str | None, *, exact: bool = False) -> Markup:
    """Show a time (RFC 3339, UTC), `exact` to the second; nothing where there is none."""
    if not text:
        return Markup('<span class="none">&ndash;</span>')
    at = datetime.fromisoformat(text).astimezone(UTC)
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        text, f"{at:%Y-%m-%d %H:%M:%S}", f"{at:%-d %b %Y, %H:%M:%S}" if exact else f"{at:%-d %b %Y, %H:%M}"
    )


def moment(at: int, *, exact: bool = False) -> Markup:
    """Show unix milliseconds as `when` does."""
    return when(datetime.fromtimestamp(at / 1000, UTC).isoformat() if at else None, exact=exact)


def short(text: str | None, keep: int = 6) -> Markup:
    """Show the two ends of a long id, address or hash, with the whole of it in the title."""
    if not text:
        return Markup('<span class="none">&ndash;</span>')
    if len(text) <= 2 * keep + 3:
        return Markup('<code title="{}">{}</code>').format(text, text)
    ends = f"{text[: keep + 2 if text.startswith('0x') else keep]}…{text[-4:]}"
    return Markup('<code title="{}">{}</code>').format(text, ends)


def words(name: str) -> str:
    """Write a stable name as words."""
    return name.replace("_", " ").replace(".", " ")


def qr_of(text: str) -> Markup:
    """Draw a QR code on white of its own."""
    import segno

    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        out,
        kind="svg",
        xmldecl=False,
        svgns=True,
        omitsize=True,
        border=4,
        title="QR code",
        dark="#0b1220",
        light="#fff",
    )
    return Markup(out.getvalue().decode())  # noqa: S704  segno's own markup: the text is encoded as modules, not as text


@cache
def template(name: str) -> "Template":
    """Load a template, once."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"amount": amount, "when": when, "moment": moment, "short": short, "words": words}
    environment.filters |= {"shown": shown, "decimal": format_decimal}
    environment.globals |= {"DONE": DONE, "escape": escape}
    return environment.get_template(name)
