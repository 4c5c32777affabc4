"""Set how a merchant's shop looks on the pages of its payers, and read it for them."""

import hashlib
from base64 import b64decode
from dataclasses import dataclass, replace

from ctrip.domain.audit import Origin
from ctrip.domain.errors import InvalidField, NotFound
from ctrip.domain.merchants.access import Brand, Merchant
from ctrip.domain.merchants.brand import checked_brand, logo_type
from ctrip.ports.merchants import AccessStore
from ctrip.ports.runtime import Clock
from ctrip.services.merchants.manage_merchants import change_merchant, find_merchant
from ctrip.views.brand import Shop, shop_of
from ctrip.views.merchants import MerchantView, merchant_view


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandWish:
    """What is asked for; what is None is taken away, but the logo only where `logo` is empty.

    `logo` is a picture in base64; `keeps_logo`: the one that is there stays.
    """

    name: str | None = None
    colour: str | None = None
    contact: str | None = None
    origins: tuple[str, ...] = ()
    logo: str | None = None
    keeps_logo: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Brands:
    """The brands of merchants; on the local stage `plain_http` origins may embed the pages."""

    access: AccessStore
    clock: Clock
    plain_http: bool

    def set(self, merchant_id: str, wish: BrandWish, origin: Origin) -> MerchantView:
        """Put a brand in the place of the one that is there; raises `InvalidField` and `NotFound`."""
        picture = None if wish.keeps_logo else _picture(wish.logo)
        if picture:
            logo_type(picture)
        made = checked_brand(
            name=wish.name,
            colour=wish.colour,
            contact=wish.contact,
            origins=wish.origins,
            plain_http=self.plain_http,
        )

        def change(merchant: Merchant) -> tuple[Merchant, str]:
            brand, before = made, merchant.brand
            if wish.keeps_logo and before:
                brand = replace(made, logo=before.logo, logo_digest=before.logo_digest)
            elif picture:
                brand = replace(made, logo=logo_type(picture), logo_digest=hashlib.sha256(picture).hexdigest())
            return replace(merchant, brand=None if brand == Brand() else brand), "merchant.brand"

        return merchant_view(change_merchant(self.access, merchant_id, change, origin, self.clock.now(), logo=picture))

    def shop(self, merchant_id: str) -> Shop:
        """Show a merchant as its payers see it."""
        return shop_of(find_merchant(self.access, merchant_id))

    def logo(self, merchant_id: str) -> tuple[str, bytes]:
        """Return the media type and the bytes of a logo; raises `NotFound`."""
        brand = find_merchant(self.access, merchant_id).brand
        picture = self.access.logo(merchant_id) if brand and brand.logo else b""
        if not picture:
            raise NotFound("This shop has no logo.")
        return logo_type(picture), picture


def _picture(text: str | None) -> bytes:
    try:
        return b64decode(text or "", validate=True)
    except ValueError:
        raise InvalidField("logo", "invalid_logo", "must be a picture in base64") from None
