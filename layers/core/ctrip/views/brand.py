"""How a merchant's shop looks: for admins, and for the pages of its payers."""

from typing import Annotated, NamedTuple, TypedDict

from ctrip.domain.merchants.access import Brand, Merchant
from ctrip.domain.merchants.brand import contact_link, ink_on


class BrandView(TypedDict):
    """What a merchant has set of its pages; null where nothing is."""

    name: Annotated[str | None, "The shop's name; null: the merchant's."]
    colour: Annotated[str | None, "Of the band at the top and of buttons, as `#rrggbb`."]
    contact: Annotated[str | None, "An e-mail or https address."]
    origins: Annotated[list[str], "Web sites that may embed the pages."]
    logo: Annotated[str | None, "The media type of its picture."]


class Shop(NamedTuple):
    """A shop as its payers see it; `key` names its picture and its colours, and changes with them."""

    id: str
    key: str
    name: str
    colour: str
    contact: str
    contact_link: str
    origins: tuple[str, ...]
    has_logo: bool

    @property
    def ancestors(self) -> str:
        """Who may embed its pages, as a Content-Security-Policy says it."""
        return " ".join(self.origins) or "'none'"

    @property
    def style(self) -> str:
        """Its colours as a style sheet; what is written on them is black or white, whichever is read better."""
        return f":root{{--accent:{self.colour};--on-accent:{ink_on(self.colour)}}}" if self.colour else ""


def brand_view(brand: Brand | None) -> BrandView:
    """Render a brand for admins."""
    held = brand or Brand()
    return {
        "name": held.shop_name or None,
        "colour": held.colour or None,
        "contact": held.contact or None,
        "origins": list(held.origins),
        "logo": held.logo or None,
    }


def shop_of(merchant: Merchant) -> Shop:
    """Show a merchant as its payers see it."""
    brand = merchant.brand or Brand()
    return Shop(
        id=merchant.id,
        key=str(merchant.version),
        name=brand.shop_name or merchant.name,
        colour=brand.colour,
        contact=brand.contact,
        contact_link=contact_link(brand.contact) if brand.contact else "",
        origins=brand.origins,
        has_logo=bool(brand.logo),
    )
