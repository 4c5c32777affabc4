"""Requests about merchants."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from ctrip.domain.merchants.brand import CONTACT, LOGO_BYTES, ORIGINS, SHOP_NAME
from ctrip.domain.merchants.terms import TERMS, XPUB, Terms
from ctrip.domain.payments.payment import Custody, Late
from ctrip.services.merchants.set_brand import BrandWish
from functions.http.bounded import Bounded
from functions.http.models import Name, Strict, example

LOGO_TEXT = (LOGO_BYTES + 2) // 3 * 4  # characters of the largest logo in base64


def _term(name: str) -> Any:
    return Field(None, description=TERMS[name].means)


class MerchantFields(Strict):
    """What can be set of a merchant."""

    expires_in: Annotated[int, Bounded(TERMS["expires_in"].bounds)] | None = _term("expires_in")
    tolerance_per_mille: Annotated[int, Bounded(TERMS["tolerance_per_mille"].bounds)] | None = _term(
        "tolerance_per_mille"
    )
    monitoring_seconds: Annotated[int, Bounded(TERMS["monitoring_seconds"].bounds)] | None = _term("monitoring_seconds")
    late: Annotated[Late, Field(strict=False), Bounded(TERMS["late"].bounds)] | None = _term("late")
    confirmations: Annotated[int, Bounded(TERMS["confirmations"].bounds)] | None = _term("confirmations")
    calls_per_second: Annotated[int, Bounded(TERMS["calls_per_second"].bounds)] | None = _term("calls_per_second")
    open_payments: Annotated[int, Bounded(TERMS["open_payments"].bounds)] | None = _term("open_payments")


class MerchantRequest(MerchantFields):
    """Ask for a merchant."""

    model_config = example(name="Coffee to go", expires_in=900, tolerance_per_mille=5)

    name: Name
    xpub: Annotated[str, Bounded(XPUB)] | None = Field(
        None,
        description="Its own extended public key of an account (m/44'/60'/n'), which begins with `xpub`; nothing is "
        "swept then, and a payment is settled when it is paid. A key does not tell which coin it is of: compare the "
        "first payment's address with the wallet's. Without one it gets an account of this stage's.",
    )

    custody: Annotated[Custody, Field(strict=False)] | None = Field(
        None,
        description="Where what it receives goes, for good: `hot`, to the stage's treasury, from which it is settled; "
        "`direct`, to the merchant's own treasury of each chain, which is set apart; `xpub`, nowhere: it came under "
        "the merchant's own key. Without it: `xpub` where one is given, else `hot`.",
    )

    def terms(self) -> Terms:
        """Return what is to be set, in the domain's form."""
        return Terms(**self.model_dump(exclude={"xpub", "custody"}))


class ExtendedKeyRequest(Strict):
    """Bring an extended key for the chains of another kind."""

    model_config = example(xpub="xpub6...")

    xpub: Annotated[str, Bounded(XPUB)] = Field(
        description="The merchant's own extended public key of an account, at the chain's own coin (Tron: "
        "m/44'/195'/n'), which begins with `xpub`. It counts for every chain of the kind, for good."
    )


class BrandRequest(Strict):
    """How a merchant's shop looks: this replaces what was set, but a logo stays where the field is left out."""

    model_config = example(name="Coffee to go", colour="#0f766e", contact="help@shop.example", origins=[])

    name: Annotated[str, Bounded(SHOP_NAME)] | None = Field(None, description="Without it: the merchant's name.")
    colour: Annotated[str, StringConstraints(max_length=7)] | None = Field(
        None, description="`#rrggbb`; what is written on it is black or white, whichever is read better."
    )
    contact: Annotated[str, Bounded(CONTACT)] | None = Field(
        None, description="Whom payers ask: an e-mail or https address."
    )
    origins: Annotated[tuple[str, ...], Field(strict=False), Bounded(ORIGINS)] = Field(
        (), description="Web sites that may embed the pages, such as `https://shop.example`; without one nobody may."
    )
    logo: Annotated[str, StringConstraints(max_length=LOGO_TEXT)] | None = Field(
        None, description="A PNG or WebP picture of at most 64 KiB, in base64; null takes the logo away."
    )

    def wish(self) -> BrandWish:
        """Return what is asked for, in the service's form."""
        return BrandWish(
            name=self.name,
            colour=self.colour,
            contact=self.contact,
            origins=self.origins,
            logo=self.logo,
            keeps_logo="logo" not in self.model_fields_set,
        )


class MerchantPatch(MerchantFields):
    """Change a merchant; what is left out stays."""

    name: Name | None = None
    enabled: bool | None = Field(None, description="Whether its keys open anything, and new payments are made.")

    def terms(self) -> Terms:
        """Return what is to be set, in the domain's form."""
        return Terms(**self.model_dump())
