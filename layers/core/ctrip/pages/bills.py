"""The pages of payment links and invoices."""

from ctrip.domain.links.link import Link
from ctrip.pages.render import page
from ctrip.ports.language import Language, translatable
from ctrip.views.brand import Shop
from ctrip.views.link_words import bounds_of

_NO_LINK = translatable("Link not found")
_WHOLE = translatable("Check that the link is whole, or ask the shop for a new one.")


def link(link: Link, language: Language, shop: Shop, *, closed: str = "", trouble: str = "", typed: str = "") -> str:
    """Render the page of a payment link.

    `closed` is the message that says why it takes no payments, `trouble` why none was made of what was `typed`.
    """
    terms, price = link.terms, link.terms.price
    fixed = language.price(price.decimal, price.currency) if price else language.number(terms.amount_decimal or "0")
    return page(
        "link.html",
        language,
        shop,
        link=link,
        open_amount=terms.currency is not None,
        asked=fixed,
        bounds=bounds_of(terms, language),
        until=language.moment(terms.expires_at) if terms.expires_at is not None else "",
        closed=closed,
        trouble=trouble,
        typed=typed,
    )


def no_link(language: Language) -> str:
    """Render the page for a payment link that nobody knows."""
    return page("missing.html", language, title=_NO_LINK, words=_WHOLE)
