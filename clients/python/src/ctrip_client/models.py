"""What the gateway answers, as frozen records.

Amounts are exact integers of base units, times are aware datetimes in UTC. Statuses, exceptions and event types are
text, since new ones may come. Fields that are newer than this client are in `raw`, which is the JSON as it came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from ctrip_client.reading import read

T = TypeVar("T")
_CHOSEN = {"unless": "payer_chooses"}  # where the payer does not choose, it is never missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Base of what the gateway answers; `raw` is the JSON that it was read from."""

    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list; it may be short, even empty, while `next_cursor` is set."""

    data: tuple[T, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Record):
    """Money that came; `tx_hash` is None where only the balance tells of it."""

    amount: int
    tx_hash: str | None = None
    log_index: int | None = None
    block_number: int | None = None
    block_hash: str | None = None
    sender: str | None = field(default=None, metadata={"name": "from"})
    confirmations: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep(Record):
    """Money that was moved on to where it belongs."""

    amount: int
    status: str
    tx_hash: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Price(Record):
    """What is asked for in a currency (ISO 4217): an amount as decimal text."""

    currency: str
    amount: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedRate(Record):
    """The rate by which an amount follows from a price: what one unit of the asset was worth, as decimal text."""

    asset: str
    currency: str
    rate: str
    at: datetime
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment(Record):
    """A payment; ship when `fulfillable`, which it is from `paid` on.

    Where `payer_chooses`, `chain`, `address` and `amount` are None until the payer has chosen what to pay with.
    """

    id: str
    chain: str | None = field(default=None, metadata=_CHOSEN)
    address: str | None = field(default=None, metadata=_CHOSEN)
    amount: int | None = field(default=None, metadata=_CHOSEN)
    price: Price | None = None
    rate: LockedRate | None = None
    payer_chooses: bool = False
    assets: tuple[str, ...] = ()
    amount_received: int
    amount_confirmed: int
    status: str
    created_at: datetime
    expires_at: datetime
    exception: str | None = None
    exceptions: tuple[str, ...] = ()
    fulfillable: bool = False
    token_id: str | None = None
    symbol: str = ""
    decimals: int | None = None
    amount_decimal: str = ""
    received_decimal: str = ""
    confirmations: int = 0
    required_confirmations: int | None = None
    detected_in_block: int | None = None
    derivation_path: str | None = None
    payment_uri: str | None = None
    checkout_url: str | None = None
    order_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)
    description: str | None = None
    success_url: str | None = None
    cancel_url: str | None = None
    detected_at: datetime | None = None
    confirmed_at: datetime | None = None
    paid_at: datetime | None = None
    settled_at: datetime | None = None
    updated_at: datetime | None = None
    transfers: tuple[Transfer, ...] = ()
    sweeps: tuple[Sweep, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Token(Record):
    """A token that can be paid with."""

    id: str
    symbol: str
    decimals: int
    chain: str | None = None
    address: str | None = None
    confirmations: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain(Record):
    """A network that can be paid on; `symbol` and `decimals` are its coin's."""

    id: str
    name: str = ""
    kind: str = ""
    chain_id: int | None = None
    symbol: str = ""
    decimals: int | None = None
    confirmations: int | None = None
    explorer: str | None = None
    tokens: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Record):
    """Something that happened; it may come more than once, always with the same id.

    `data` is the JSON of what it happened to; `sequence` orders the events of one payment, with gaps.
    """

    id: str
    type: str
    timestamp: datetime | None = None
    api_version: str | None = None
    payment_id: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def sequence(self) -> int | None:
        """Return its place among the payment's events."""
        return self.data.get("sequence")

    @property
    def payment(self) -> Payment | None:
        """Read the payment as it was then; None where the event tells of something else."""
        return read(Payment, self.data) if self.data.get("object") == "payment" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance(Record):
    """What the merchant has in one asset; `available` can be settled or refunded now."""

    chain: str
    available: int
    held: int
    payable: int
    unmatched: int
    owed: int
    token_id: str | None = None
    symbol: str = ""
    decimals: int | None = None
    available_decimal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry(Record):
    """One posting: the amount entered the account `debit` and left `credit`."""

    id: str
    type: str
    created_at: datetime
    chain: str
    debit: str
    credit: str
    amount: int
    amount_decimal: str = ""
    token_id: str | None = None
    symbol: str = ""
    decimals: int | None = None
    payment_id: str | None = None
    payout_id: str | None = None
    tx_hash: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement(Record):
    """Money on its way to the merchant: `net` is sent, `fee` of the amount is the operator's."""

    id: str
    status: str
    chain: str
    amount: int
    fee: int
    net: int
    created_at: datetime
    address: str | None = None
    token_id: str | None = None
    symbol: str = ""
    decimals: int | None = None
    amount_decimal: str = ""
    fee_decimal: str = ""
    net_decimal: str = ""
    approvals: int = 0
    approvals_needed: int = 0
    treasury: str | None = None
    tx_hash: str | None = None
    reason: str | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund(Settlement):
    """Money on its way back to a payer, of what came for a payment.

    Without an address it has a page on which the payer names it: `claim_url` is in the first answer alone.
    """

    payment_id: str
    claim_url: str | None = None
    claim_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmatchedDeposit(Record):
    """Money that came to a payment's address and belongs to no payment by itself."""

    id: str
    payment_id: str
    chain: str
    amount: int
    refunded: int
    assigned: int
    order_id: str | None = None
    token_id: str | None = None
    symbol: str = ""
    decimals: int | None = None
    address: str = ""
    amount_decimal: str = ""
    tx_hash: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment(Record):
    """What came unmatched to `payment_id` and counts for `assigned_to`, as part of the merchant's balance."""

    id: str
    status: str
    payment_id: str
    assigned_to: str
    chain: str
    amount: int
    created_at: datetime
    token_id: str | None = None
    symbol: str = ""
    decimals: int | None = None
    amount_decimal: str = ""
    reason: str | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementDestination(Record):
    """Where settlements of a chain go: to `next_address` from `next_from` on, where another one is set."""

    chain: str
    address: str
    since: datetime | None = None
    next_address: str | None = None
    next_from: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementSchedule(Record):
    """When settlements of an asset are asked for by themselves; `skipped` says why nothing was the last time."""

    chain: str
    every: str
    symbol: str
    keep: int = 0
    hour: int = 0
    weekday: str | None = None
    day: int | None = None
    threshold: int = 0
    token_id: str | None = None
    decimals: int | None = None
    threshold_decimal: str = ""
    keep_decimal: str = ""
    next_at: datetime | None = None
    skipped: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Key(Record):
    """An API key, without its secrets."""

    id: str
    name: str | None = None
    scopes: tuple[str, ...] = ()
    signed_only: bool = False
    allowed_ips: tuple[str, ...] = ()
    expires_at: datetime | None = None
    enabled: bool = True
    created_at: datetime | None = None
    last_used_at: datetime | None = None
    versions: tuple[Any, ...] = field(default=(), hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedKey(Key):
    """A key with its secrets, which are shown this once; None where a retry got the first answer again: rotate then."""

    api_key: str | None = field(default=None, repr=False)
    signing_secret: str | None = field(default=None, repr=False)
