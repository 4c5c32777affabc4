"""Requests about merchants."""

from typing import Annotated

from pydantic import (
    Field,
    StringConstraints,
)

from ctrip.domain.payments.payment import Late
from ctrip.services.merchants.manage_merchants import Terms
from functions.http.models import Name, Strict, example


class MerchantFields(Strict):
    """What can be set of a merchant."""

    expires_in: Annotated[int, Field(ge=60, le=86_400)] | None = Field(None, description="Seconds a payment lives.")
    tolerance_per_mille: Annotated[int, Field(ge=0, le=100)] | None = Field(
        None, description="How much may be missing of what is due, in thousandths."
    )
    monitoring_seconds: Annotated[int, Field(ge=0, le=2_592_000)] | None = Field(
        None, description="How long a payment is looked at after its deadline."
    )
    late: Annotated[Late, Field(strict=False)] | None = Field(
        None, description="Whether what completes late is accepted, or waits for review."
    )
    confirmations: Annotated[int, Field(ge=0, le=10_000)] | None = Field(
        None, description="Confirmations at least; never fewer than the chain's own."
    )
    calls_per_second: Annotated[int, Field(ge=0, le=10_000)] | None = Field(
        None, description="Changing calls a second; 0: as many as the stage gives."
    )
    open_payments: Annotated[int, Field(ge=0, le=1_000_000)] | None = Field(
        None, description="Open payments on a chain; 0: as many as the stage gives."
    )


class MerchantRequest(MerchantFields):
    """Ask for a merchant."""

    model_config = example(name="Coffee to go", expires_in=900, tolerance_per_mille=5)

    name: Name
    xpub: Annotated[str, StringConstraints(max_length=1024)] | None = Field(
        None,
        description="Its own extended public key of an account (m/44'/60'/n'), which begins with `xpub`; nothing is "
        "swept then, and a payment is settled when it is paid. A key does not tell which coin it is of: compare the "
        "first payment's address with the wallet's. Without one it gets an account of this stage's.",
    )

    def terms(self) -> Terms:
        """Say it in the service's terms."""
        return Terms(**self.model_dump(exclude={"xpub"}))


class MerchantPatch(MerchantFields):
    """Change a merchant; what is left out stays."""

    name: Name | None = None
    enabled: bool | None = Field(None, description="Whether its keys open anything, and new payments are made.")

    def terms(self) -> Terms:
        """Say it in the service's terms."""
        return Terms(**self.model_dump())
