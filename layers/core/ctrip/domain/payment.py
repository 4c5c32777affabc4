"""A payment as it stands: what is due, what was seen, what was credited. Times are unix milliseconds."""

from dataclasses import dataclass, field
from enum import StrEnum

from ctrip.domain.chain import Block, Move, Transfer
from ctrip.domain.money import less_tolerance

INLINE_TRANSFERS = 25  # newest kept inside the payment; all of them stand in their own rows


class Status(StrEnum):
    """Where a payment stands in its life."""

    PENDING = "pending"
    DETECTED = "detected"
    CONFIRMED = "confirmed"
    PAID = "paid"
    SETTLED = "settled"
    EXPIRED = "expired"
    FAILED = "failed"


class Flag(StrEnum):
    """What is unusual about a payment, gravest first."""

    HELD = "held"
    REORGED = "reorged"
    MANUAL = "manual"
    LATE = "late"
    WRONG_NETWORK = "wrong_network"
    WRONG_ASSET = "wrong_asset"
    UNDERPAID = "underpaid"
    OVERPAID = "overpaid"


class Tier(StrEnum):
    """How often the scanner looks: each pass, each few minutes (a sweep due or not), or only in the daily round.

    A parked payment's funds are not worth the gas of a sweep, for the time being.
    """

    OPEN = "open"
    SWEEP = "sweep"
    MONITORED = "monitored"
    PARKED = "parked"
    CLOSED = "closed"


class Late(StrEnum):
    """What a merchant wants done with money that comes after the deadline."""

    ACCEPT = "accept"
    REVIEW = "review"


class Custody(StrEnum):
    """Whose keys receive: ours and swept to our treasury, ours and swept to the merchant's, or the merchant's own."""

    HOT = "hot"
    DIRECT = "direct"
    XPUB = "xpub"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A merchant's terms, frozen into each payment."""

    tolerance_per_mille: int = 0
    monitoring_seconds: int = 86_400
    late: Late = Late.ACCEPT
    confirmations: int = 0  # at least; never under the chain's own
    custody: Custody = Custody.HOT


@dataclass(frozen=True, slots=True)
class Observation:
    """What had been received at one block, as the chain's state told it."""

    amount: int
    block_number: int
    block_hash: str
    block_time: int

    @classmethod
    def at(cls, block: Block, amount: int) -> "Observation":
        """Record `amount` at `block`."""
        return cls(amount, block.number, block.hash, block.time)


@dataclass(frozen=True, slots=True)
class Stray:
    """Money at a payment's address that is not what was due: `amount` is all of it so far, at a confirmed depth."""

    chain: str
    token_id: str | None
    token: str | None
    symbol: str
    decimals: int
    amount: int

    @property
    def key(self) -> tuple[str, str | None]:
        """Name the chain and asset."""
        return self.chain, self.token_id


@dataclass(frozen=True, slots=True)
class Sweep:
    """One transaction that takes a payment's funds where they belong."""

    tx_hash: str
    status: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One payment; `amount*`, `credited` and `on_time` are base units of the due asset."""

    id: str
    merchant_id: str
    chain: str
    token_id: str | None
    token_address: str | None
    symbol: str
    decimals: int
    address: str
    derivation_path: str
    amount: int
    required_confirmations: int
    created_at: int
    updated_at: int
    expires_at: int
    checkout_url: str
    payment_uri: str
    policy: Policy = field(default_factory=Policy)
    status: Status = Status.PENDING
    flags: frozenset[Flag] = frozenset()
    tier: Tier = Tier.OPEN
    raised_at: int = 0
    version: int = 1
    audit_head: str = ""
    amount_received: int = 0
    amount_confirmed: int = 0
    credited: int = 0
    on_time: int | None = None
    accept_requested: bool = False
    accepted: int = 0  # what a person let count as complete
    confirmations: int = 0
    detected_in_block: int | None = None
    observations: tuple[Observation, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    explained_to: int | None = None
    moves: tuple[Move, ...] = ()
    pending: str | None = None  # the key of the own transaction under way, at most one
    sweeps: tuple[Sweep, ...] = ()
    strays: tuple[Stray, ...] = ()
    order_id: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    description: str | None = None
    webhook_url: str | None = None
    success_url: str | None = None
    cancel_url: str | None = None
    detected_at: int | None = None
    confirmed_at: int | None = None
    paid_at: int | None = None
    settled_at: int | None = None

    @property
    def target(self) -> int:
        """The least amount that completes the payment."""
        return less_tolerance(self.amount, self.policy.tolerance_per_mille)

    @property
    def enough(self) -> int:
        """The least confirmed amount that is credited: what was accepted by hand, where that is less than due."""
        return min(self.target, self.accepted) if self.accepted else self.target

    @property
    def asset_key(self) -> str:
        """Name the due asset within its chain."""
        return self.token_id or "native"

    @property
    def exception(self) -> Flag | None:
        """The gravest flag, or None."""
        return next((flag for flag in Flag if flag in self.flags), None)

    @property
    def fulfillable(self) -> bool:
        """Whether the merchant may ship: credited, and nothing speaks against it."""
        paid = self.status in (Status.PAID, Status.SETTLED) and self.credited >= self.target
        return paid and Flag.HELD not in self.flags

    @property
    def window_ends(self) -> int:
        """When the monitoring window closes, by block time."""
        return self.expires_at + self.policy.monitoring_seconds * 1000

    @property
    def unswept(self) -> int:
        """What still lies at the address of all that was received, our own moves counted."""
        return self.amount_received + sum(move.amount for move in self.moves if move.token == self.token_address)

    def net_moves(self, token: str | None, up_to: int) -> int:
        """Sum our own moves of one asset at this address in blocks up to `up_to`."""
        return sum(move.amount for move in self.moves if move.token == token and move.block_number <= up_to)
