"""Requests about payment links."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints, WithJsonSchema

from ctrip.domain.links.bounds import FIELDS
from ctrip.domain.payments.bounds import ASSETS, METADATA_NAME, METADATA_VALUE, OFFER
from functions.http.bounded import Bounded
from functions.http.models import Strict, Time, example
from functions.requests.amounts import WholeUnits
from functions.requests.payments import PriceRequest

Title = Annotated[str, Bounded(FIELDS["title"])]
Description = Annotated[str, Bounded(FIELDS["description"])]
Assets = Annotated[list[Annotated[str, Bounded(OFFER)]], Bounded(ASSETS)]
Metadata = Annotated[
    dict[Annotated[str, Bounded(METADATA_NAME)], Annotated[str, Bounded(METADATA_VALUE)]],
    Bounded(FIELDS["metadata"]),
]
Currency = Annotated[str, StringConstraints(max_length=16)]
InCurrency = Annotated[str, StringConstraints(max_length=64)]
# As programs write it; people may also write 12,50, or in the digits of their script.
TYPED = r"^[0-9]{1,78}(\.[0-9]{1,18})?$"
_STAY = ("title", "active")
_MINIMUM = "The least that the payer may name, in whole units of `currency`."
_MAXIMUM = "The most that the payer may name, in whole units of `currency`."


class PaymentLinkRequest(Strict):
    """Ask for a payment link.

    Give one of `price` (fixed), `currency` (the payer names an amount of it) and `amount_decimal` (of whichever of
    `assets` the payer chooses).
    """

    model_config = example(title="A coffee", price={"currency": "EUR", "amount": "4.50"})

    title: Title = Field(description="What is paid for; shown to the payer.")
    description: Description | None = Field(None, description="More about it; shown to the payer.")
    price: PriceRequest | None = Field(None, description="A fixed price.")
    currency: Currency | None = Field(None, description="The payer names an amount of this currency (ISO 4217).")
    minimum: InCurrency | None = Field(None, description=_MINIMUM)
    maximum: InCurrency | None = Field(None, description=_MAXIMUM)
    amount_decimal: WholeUnits | None = Field(None, description="An amount, in whole units of the chosen asset.")
    assets: Assets = Field([], description="What the payer may choose: `SYMBOL` or `chain:SYMBOL`. Without it: [].")
    success_url: Annotated[str, Bounded(FIELDS["success_url"])] | None = Field(
        None, description="Where the payer returns once a payment is confirmed; https."
    )
    cancel_url: Annotated[str, Bounded(FIELDS["cancel_url"])] | None = Field(
        None, description="Where the payer returns who gave up; https."
    )
    metadata: Metadata = Field({}, description="Yours; each payment of the link has it.")
    expires_in: Annotated[int, Bounded(FIELDS["expires_in"])] | None = Field(
        None, description="Seconds until a payment of the link expires."
    )
    active: bool = Field(True, description="Whether the link takes payments.")
    expires_at: Time | None = Field(None, description="When the link stops taking payments.")
    max_payments: Annotated[int, Bounded(FIELDS["max_payments"])] | None = Field(
        None, description="How many payments may be made; those that nobody paid in time do not count."
    )

    def terms(self) -> dict[str, Any]:
        """Return what is asked for in the service's terms."""
        return _terms(self.model_dump(exclude_unset=True))


class PaymentLinkUpdate(Strict):
    """Change a payment link; what is left out stays, and what is null is taken away, where it need not be there."""

    model_config = example(active=False)

    title: Title | None = Field(None, description="What is paid for; shown to the payer.")
    description: Description | None = Field(None, description="More about it; shown to the payer.")
    price: PriceRequest | None = Field(None, description="A fixed price.")
    currency: Currency | None = Field(None, description="The payer names an amount of this currency (ISO 4217).")
    minimum: InCurrency | None = Field(None, description=_MINIMUM)
    maximum: InCurrency | None = Field(None, description=_MAXIMUM)
    amount_decimal: WholeUnits | None = Field(None, description="An amount, in whole units of the chosen asset.")
    assets: Assets | None = Field(
        None, description="What the payer may choose: `SYMBOL` or `chain:SYMBOL`; []: everything."
    )
    success_url: Annotated[str, Bounded(FIELDS["success_url"])] | None = Field(
        None, description="Where the payer returns once a payment is confirmed; https."
    )
    cancel_url: Annotated[str, Bounded(FIELDS["cancel_url"])] | None = Field(
        None, description="Where the payer returns who gave up; https."
    )
    metadata: Metadata | None = Field(None, description="Yours; each payment made from now on has it.")
    expires_in: Annotated[int, Bounded(FIELDS["expires_in"])] | None = Field(
        None, description="Seconds until a payment of the link expires."
    )
    active: bool | None = Field(None, description="Whether the link takes payments.")
    expires_at: Time | None = Field(None, description="When the link stops taking payments.")
    max_payments: Annotated[int, Bounded(FIELDS["max_payments"])] | None = Field(
        None, description="How many payments may be made; those that nobody paid in time do not count."
    )

    def terms(self) -> dict[str, Any]:
        """Return what changes in the service's terms."""
        asked = self.model_dump(exclude_unset=True)
        for name, nothing in (("assets", []), ("metadata", {})):
            if name in asked and asked[name] is None:
                asked[name] = nothing
        # No link is without these: null leaves what is there.
        return _terms({name: value for name, value in asked.items() if value is not None or name not in _STAY})


class OpeningRequest(Strict):
    """Make a payment by a link's terms."""

    model_config = example(amount="12.50")

    amount: Annotated[
        Annotated[str, StringConstraints(max_length=80)] | None,
        WithJsonSchema({"type": "string", "maxLength": 80, "pattern": TYPED}),
    ] = Field(None, description="What the payer names, where the link leaves it open, in whole units of its currency.")


def _terms(asked: dict[str, Any]) -> dict[str, Any]:
    """Say fields in the service's terms."""
    price = asked.get("price")
    if price is not None:
        asked["price"] = (price["currency"], price["amount"])
    if "assets" in asked:
        asked["assets"] = tuple(asked["assets"])
    if "metadata" in asked:
        asked["metadata"] = tuple(asked["metadata"].items())
    return asked
