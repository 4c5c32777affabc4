"""Requests about settlements and refunds."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StringConstraints

from ctrip.domain.bounds import Text
from ctrip.domain.payments.bounds import ASSET, CHAIN
from ctrip.domain.settlement.payout import PayoutState
from ctrip.domain.settlement.schedule import Every, Weekday
from ctrip.services.settlement.ask_payout import AskAssignment, AskRefund, AskSettlement
from ctrip.services.settlement.read_payouts import PayoutFilter
from ctrip.services.settlement.schedules import SetSchedule
from functions.http.bounded import Bounded
from functions.http.models import Paged, Query, Strict, example
from functions.requests.amounts import BaseUnits, TokenId, WholeUnits

if TYPE_CHECKING:
    from ctrip.domain.settlement.deposits import UnmatchedDeposit

Address = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Chain = Annotated[str, Bounded(CHAIN)]
Symbol = Annotated[str, Bounded(ASSET)]


PAYERS_ADDRESS = (
    "Where the payer wants it: ask them, or leave it out and send them the link `claim_url`, on which they say so. The "
    "sender of a transfer may be an exchange, which loses it."
)


class _OfAnAmount(Strict):
    """Some of an asset, or all of it."""

    amount: BaseUnits = Field(
        None, description="How much, in base units, as text; without it, and without `amount_decimal`, all there is."
    )
    amount_decimal: WholeUnits | None = Field(None, description="How much, in whole units.")
    token_id: TokenId | None = Field(None, description="The token.")
    asset: Symbol | None = Field(None, description="The coin or token by its symbol on the chain.")

    def _fields(self) -> dict[str, Any]:
        fields = self.model_dump()
        return fields | {"token_id": self.token_id.lower() if self.token_id else None}


class SettlementRequest(_OfAnAmount):
    """Ask for a settlement to the merchant's settlement address of the chain.

    Give at most one of `amount` and `amount_decimal`, and of `token_id` and `asset`; without the latter, the coin.
    """

    model_config = example(chain="anvil", asset="USDC", amount_decimal="250.00")

    chain: Chain = Field(description="The network, by its id.")

    def command(self) -> AskSettlement:
        """Say it in the service's terms."""
        return AskSettlement(**self._fields())


class RefundRequest(_OfAnAmount):
    """Ask for a refund of what came for a payment; without a chain and an asset, of the asset that was due.

    Give at most one of `amount` and `amount_decimal`, and of `token_id` and `asset`.
    """

    model_config = example(address="0x70997970C51812dc3A010C7d01b50e0d17dc79C8", amount_decimal="12.50")

    address: Address | None = Field(None, description=PAYERS_ADDRESS)
    chain: Chain | None = Field(None, description="The network; without it, the payment's.")

    def command(self) -> AskRefund:
        """Say it in the service's terms."""
        return AskRefund(**self._fields())


class DepositRefundRequest(Strict):
    """Ask for a refund of an unmatched deposit; without an amount, of all that is left of it."""

    model_config = example(address="0x70997970C51812dc3A010C7d01b50e0d17dc79C8")

    address: Address | None = Field(None, description=PAYERS_ADDRESS)
    amount: BaseUnits = Field(None, description="In base units, as text, which no language rounds.")
    amount_decimal: WholeUnits | None = Field(None, description="In whole units.")

    def command(self, deposit: "UnmatchedDeposit") -> AskRefund:
        """Say it in the service's terms."""
        return AskRefund(**self.model_dump(), chain=deposit.chain, asset=deposit.symbol, unmatched=True)


class AssignmentRequest(Strict):
    """Ask that an unmatched deposit counts for a payment; without an amount, all that is left of it."""

    model_config = example(payment_id="0b1e3b0e-5f39-4b7f-8f0e-2f4a0f1f0c55")

    payment_id: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        description="The payment that it counts for; the deposit's own, or any other of yours."
    )
    amount: BaseUnits = Field(None, description="In base units, as text, which no language rounds.")
    amount_decimal: WholeUnits | None = Field(None, description="In whole units.")

    def command(self, deposit: "UnmatchedDeposit") -> AskAssignment:
        """Say it in the service's terms."""
        return AskAssignment(**self.model_dump(), chain=deposit.chain, asset=deposit.symbol)


class ClaimRequest(Strict):
    """Name the address that a refund goes to."""

    model_config = example(address="0x70997970C51812dc3A010C7d01b50e0d17dc79C8")

    address: Annotated[str, StringConstraints(max_length=128)] = Field("", description="Where the money goes.")
    confirmed: Annotated[str, StringConstraints(max_length=3)] | None = Field(
        None, description="Given once the payer has read the address again."
    )


class DestinationRequest(Strict):
    """Set where settlements of a chain go."""

    model_config = example(address="0x70997970C51812dc3A010C7d01b50e0d17dc79C8")

    address: Address = Field(description="An address whose key is the merchant's; none of an exchange.")


class TransferRequest(Strict):
    """Name the transaction that has sent a settlement or a refund."""

    model_config = example(tx_hash="0x" + "5d" * 32)

    tx_hash: Annotated[str, StringConstraints(min_length=64, max_length=66)] = Field(
        description="The hash of the transaction; it is compared with the chain once it is final."
    )


class PayoutQuery(Paged):
    """Which settlements or refunds to list."""

    status: Annotated[PayoutState, Field(strict=False)] | None = Field(
        None, description="Only those of a status: `awaiting_transfer` is what somebody has to send."
    )

    def filtered(self) -> PayoutFilter:
        """Return the filter in the service's terms."""
        return PayoutFilter(status=self.status, cursor=self.cursor, limit=self.limit)


class StatusQuery(Query):
    """Which settlements and refunds that are not over to list."""

    status: Annotated[PayoutState, Field(strict=False)] | None = Field(None, description="Only those of a status.")


class ScheduleRequest(Strict):
    """Set when settlements of an asset are asked for by themselves: by the calendar, once an amount is free, or both.

    Give at most one of `token_id` and `asset`; without them, the coin. `every: "none"` and no `threshold` end it.
    """

    model_config = example(asset="USDC", every="weekly", weekday="monday", hour=6, keep="50000000")

    every: Literal["none", "daily", "weekly", "monthly"] = Field(description="How often the calendar asks.")
    hour: Annotated[int, Field(ge=0, le=23)] | None = Field(None, description="Of the day, in UTC; without it, 0.")
    weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] | None = Field(
        None, description="Of a weekly one, which needs it."
    )
    day: Annotated[int, Field(ge=1, le=28)] | None = Field(None, description="Of a monthly one, which needs it.")
    threshold: BaseUnits = Field(
        None, description="Ask as soon as so much is free, in base units, as text, whatever the calendar says."
    )
    keep: BaseUnits = Field(None, description="Leave so much of the balance, in base units, as text.")
    token_id: TokenId | None = Field(None, description="The token.")
    asset: Symbol | None = Field(None, description="The coin or token by its symbol on the chain.")

    def command(self) -> SetSchedule:
        """Say it in the service's terms."""
        fields = self.model_dump() | {"token_id": self.token_id.lower() if self.token_id else None}
        return SetSchedule(
            **fields | {"every": Every(self.every), "weekday": Weekday(self.weekday) if self.weekday else None}
        )


class RejectionRequest(Strict):
    """Reject a settlement or a refund."""

    model_config = example(reason="The address is not the one that the merchant has confirmed.")

    reason: Annotated[str, StringConstraints(strip_whitespace=True), Bounded(Text(1, 200))] = Field(
        description="Why; the merchant reads it."
    )
