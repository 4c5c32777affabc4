"""Requests about payments."""

from typing import Annotated

from pydantic import Field, StringConstraints, WithJsonSchema

from ctrip.domain.payments.bounds import ASSETS, FIELDS, METADATA_NAME, METADATA_VALUE, OFFER
from ctrip.domain.payments.payment import Status
from ctrip.ports.payments import PaymentFilter
from ctrip.services.payments.create_payment import CreatePayment
from functions.http.bounded import Bounded
from functions.http.models import Paged, Strict, Time, example
from functions.requests.amounts import BaseUnits, TokenId, WholeUnits

PRICE = r"^[0-9]{1,15}(\.[0-9]{1,15})?$"


class PriceRequest(Strict):
    """A price in a currency."""

    currency: str = Field(description='The currency by ISO 4217, such as "EUR".')
    amount: Annotated[str, WithJsonSchema({"type": "string", "pattern": PRICE})] = Field(
        description='In whole units of the currency, such as "12.50".'
    )


class PaymentRequest(Strict):
    """Ask for a payment.

    Give `chain` with one of `amount`, `amount_decimal` and `price`, and at most one of `token_id` and `asset`. Without
    a chain the payer chooses: give `price`, or `assets` and `amount_decimal`.
    """

    model_config = example(chain="anvil", asset="USDC", amount_decimal="12.50", metadata={"cart": "1042"})

    chain: Annotated[str, Bounded(FIELDS["chain"])] | None = Field(
        None, description="The network, by its id; without one the payer chooses."
    )
    amount: BaseUnits = Field(
        None, description="What is due, in base units, as text, which no language rounds; 1 to 2^256-1."
    )
    amount_decimal: WholeUnits | None = Field(None, description="What is due, in whole units.")
    token_id: TokenId | None = Field(None, description="The token; without one, and without `asset`, the chain's coin.")
    asset: Annotated[str, Bounded(FIELDS["asset"])] | None = Field(
        None, description="The coin or token by its symbol on the chain."
    )
    assets: Annotated[list[Annotated[str, Bounded(OFFER)]], Bounded(ASSETS)] = Field(
        [], description="What the payer may choose: `SYMBOL` on every network, or `chain:SYMBOL`. Without it: []."
    )
    price: PriceRequest | None = Field(
        None, description="What is due, in a currency: the amount follows from the rate, which is locked."
    )
    order_id: Annotated[str, Bounded(FIELDS["order_id"])] | None = Field(
        None, description="Yours; an order has one live payment."
    )
    metadata: Annotated[
        dict[Annotated[str, Bounded(METADATA_NAME)], Annotated[str, Bounded(METADATA_VALUE)]],
        Bounded(FIELDS["metadata"]),
    ] = Field({}, description="Yours; comes back in answers and events.")
    description: Annotated[str, Bounded(FIELDS["description"])] | None = Field(None, description="Shown to the payer.")
    expires_in: Annotated[int, Bounded(FIELDS["expires_in"])] | None = Field(
        None, description="Seconds until it expires."
    )
    webhook_url: Annotated[str, Bounded(FIELDS["webhook_url"])] | None = Field(
        None, description="Where this payment's events go; https."
    )
    success_url: Annotated[str, Bounded(FIELDS["success_url"])] | None = Field(
        None, description="Where the payer returns once it is confirmed; https."
    )
    cancel_url: Annotated[str, Bounded(FIELDS["cancel_url"])] | None = Field(
        None, description="Where the payer returns who gave up; https."
    )

    def command(self) -> CreatePayment:
        """Say it in the service's terms."""
        fields = self.model_dump(exclude={"metadata", "token_id", "assets", "price"})
        return CreatePayment(
            **fields,
            token_id=self.token_id.lower() if self.token_id else None,
            metadata=tuple(self.metadata.items()),
            assets=tuple(self.assets),
            price=(self.price.currency, self.price.amount) if self.price else None,
        )


class ChoiceRequest(Strict):
    """Choose what to pay with."""

    model_config = example(offer="anvil:USDC")

    offer: Annotated[str, Bounded(OFFER)] = Field(description="The chain and the symbol, as the page offers them.")


class PaymentQuery(Paged):
    """Filters of a list of payments; together, all hold."""

    status: Annotated[Status, Field(strict=False)] | None = None
    chain: Annotated[str, StringConstraints(max_length=64)] | None = None
    order_id: Annotated[str, StringConstraints(max_length=64)] | None = None
    created_after: Time | None = None
    created_before: Time | None = None

    def filtered(self) -> PaymentFilter:
        """Return the filter in the store's terms."""
        return PaymentFilter(
            status=self.status,
            chain=self.chain,
            created_after=self.created_after,
            created_before=self.created_before,
            limit=self.limit,
            cursor=self.cursor,
        )


class AdminPaymentQuery(PaymentQuery):
    """Filters of a list of one merchant's payments."""

    merchant_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class TransferQuery(Paged):
    """Which transfers."""
