"""Requests about merchants."""

from typing import Annotated, Any

from pydantic import Field

from ctrip.domain.merchants.terms import TERMS, XPUB, Terms
from ctrip.domain.payments.payment import Custody, Late
from functions.http.bounded import Bounded
from functions.http.models import Name, Strict, example


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


class MerchantPatch(MerchantFields):
    """Change a merchant; what is left out stays."""

    name: Name | None = None
    enabled: bool | None = Field(None, description="Whether its keys open anything, and new payments are made.")

    def terms(self) -> Terms:
        """Return what is to be set, in the domain's form."""
        return Terms(**self.model_dump())
