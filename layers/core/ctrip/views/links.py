"""Payment links as merchants see them, and as their pages show them."""

from typing import Annotated, TypedDict

from ctrip.domain.links.link import Link
from ctrip.views.fields import Id, NextCursor, Time, rfc3339, rfc3339_if
from ctrip.views.payments import PriceView, price_view


class PaymentLinkView(TypedDict):
    """A payment link: whoever has its address may make a payment by these terms."""

    id: Id
    url: Annotated[str, "The page that payers open."]
    title: str
    description: str | None
    price: Annotated[PriceView | None, "A fixed price; null: the payer names an amount, or it is of an asset."]
    currency: Annotated[str | None, "Of an amount that the payer names."]
    minimum: Annotated[str | None, "The least that the payer may name, in whole units."]
    maximum: Annotated[str | None, "The most that the payer may name, in whole units."]
    amount_decimal: Annotated[str | None, "An amount of whichever of `assets` the payer chooses."]
    assets: Annotated[list[str], "What the payer may choose (`SYMBOL` or `chain:SYMBOL`); empty: all that is enabled."]
    success_url: str | None
    cancel_url: str | None
    metadata: dict[str, str]
    expires_in: Annotated[int | None, "Seconds until a payment expires; null: the merchant's own."]
    active: bool
    expires_at: Time | None
    max_payments: Annotated[int | None, "How many payments may be made; those that nobody paid in time do not count."]
    created_at: Time
    updated_at: Time


class PaymentLinkPage(TypedDict):
    """Payment links, newest first."""

    data: list[PaymentLinkView]
    next_cursor: NextCursor


def link_view(link: Link, base_url: str) -> PaymentLinkView:
    """Render a payment link."""
    terms = link.terms
    return {
        "id": link.id,
        "url": f"{base_url}/l/{link.id}",
        "title": terms.title,
        "description": terms.description,
        "price": price_view(terms.price) if terms.price else None,
        "currency": terms.currency,
        "minimum": terms.least.decimal if terms.least else None,
        "maximum": terms.most.decimal if terms.most else None,
        "amount_decimal": terms.amount_decimal,
        "assets": list(terms.assets),
        "success_url": terms.success_url,
        "cancel_url": terms.cancel_url,
        "metadata": dict(terms.metadata),
        "expires_in": terms.expires_in,
        "active": terms.active,
        "expires_at": rfc3339_if(terms.expires_at),
        "max_payments": terms.max_payments,
        "created_at": rfc3339(link.created_at),
        "updated_at": rfc3339(link.updated_at),
    }
