"""Payments, what came for them, and what a payer sees."""

from typing import Literal

from pydantic import AwareDatetime, Field

from ctrip.domain.payments.payment import Flag, Status
from functions.schemas.shared import Address, Amount, Decimal, Digits, Hash, Id, Long, NextCursor, Shown


class Transfer(Shown):
    """Money that came; without a hash where nothing explains it yet."""

    tx_hash: Hash | None
    log_index: int | None
    block_number: Long
    block_hash: Hash
    sender: Address | None = Field(alias="from")
    amount: Amount
    amount_str: Digits
    confirmations: int


class Sweep(Shown):
    """One transaction that takes the money where it belongs."""

    tx_hash: Hash
    status: Literal["signed", "sent", "mined", "final", "failed"]
    amount: Amount
    amount_str: Digits


class Payment(Shown):
    """A payment. Ship once `fulfillable` is true."""

    id: Id
    chain: str
    token_id: Id | None = Field(description="Null: the chain's coin.")
    symbol: str
    decimals: int
    address: Address
    derivation_path: str
    status: Status
    exception: Flag | None = Field(description="The gravest of `exceptions`.")
    exceptions: list[Flag]
    fulfillable: bool = Field(description="Whether the merchant may ship.")
    amount: Amount
    amount_str: Digits
    amount_received: Amount
    amount_received_str: Digits
    amount_confirmed: Amount
    amount_confirmed_str: Digits
    amount_decimal: Decimal
    received_decimal: Decimal
    confirmations: int
    required_confirmations: int
    detected_in_block: Long | None
    payment_uri: str = Field(description="For wallets, as EIP-681 says.")
    checkout_url: str
    order_id: str | None
    metadata: dict[str, str]
    description: str | None
    success_url: str | None
    cancel_url: str | None
    created_at: AwareDatetime
    expires_at: AwareDatetime
    updated_at: AwareDatetime
    detected_at: AwareDatetime | None
    confirmed_at: AwareDatetime | None
    paid_at: AwareDatetime | None
    settled_at: AwareDatetime | None
    transfers: list[Transfer]
    sweeps: list[Sweep]


class PaymentPage(Shown):
    """Payments, newest first."""

    data: list[Payment]
    next_cursor: NextCursor


class TransferPage(Shown):
    """Transfers, newest first."""

    data: list[Transfer]
    next_cursor: NextCursor


class CheckoutState(Shown):
    """What the checkout page knows."""

    id: Id
    chain: str
    symbol: str
    address: Address
    status: Status
    exception: Flag | None
    fulfillable: bool
    amount_decimal: Decimal
    received_decimal: Decimal
    confirmations: int
    required_confirmations: int
    payment_uri: str
    expires_at: AwareDatetime
    success_url: str | None
    cancel_url: str | None
