"""A payment as it stands: what is due, what was seen, what was credited. Times are unix milliseconds."""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from ctrip.domain.chains.chain import Block, OwnTransfer, Transfer
from ctrip.domain.money import less_tolerance

INLINE = (
    25  # transfers, and sweeps, that the payment itself carries: the newest; all of them stand in rows of their own
)
INLINE_MOVES = 24  # more than this are folded into their sum, down to half of it


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
    """How often the scanner looks: each pass, each few minutes, or only in the daily round.

    A payment in `SWEEP` has funds to sweep; one in `PARKED` has some that are not worth their gas.
    """

    OPEN = "open"
    SWEEP = "sweep"
    PARKED = "parked"
    MONITORED = "monitored"
    CLOSED = "closed"


class Late(StrEnum):
    """What a merchant wants done with money that comes after the deadline."""

    ACCEPT = "accept"
    REVIEW = "review"


class Hold(StrEnum):
    """Why a payment is held."""

    NOT_FRESH = "address_not_fresh"  # what lay there before the payment existed would complete it
    BASELINE_UNKNOWN = "baseline_unknown"  # what lay there before can no longer be learnt, and would complete it
    DEADLINE_UNKNOWN = "deadline_unknown"
    OUTFLOW = "unexplained_outflow"
    ORDER_TAKEN = "order_taken"
    CANCELLED = "cancelled"  # money came for a payment that its merchant had cancelled


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
class UnexpectedDeposit:
    """Money at a payment's address that is not what was due: `amount` is all of it so far, at a confirmed depth.

    `tx_hash` and `sender` are of the newest transfer that brought some of it, None while no node has told.
    """

    chain: str
    token_id: str | None
    token: str | None
    symbol: str
    decimals: int
    amount: int
    tx_hash: str | None = None
    sender: str | None = None

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


@dataclass(frozen=True, slots=True)
class OwnTransferSum:
    """The sum of older own moves of one asset, and the newest block among them."""

    token: str | None
    amount: int
    block_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One payment; `amount*`, `credited`, `on_time`, `baseline`, `doubt`, `told_amount` and `lost` are base units.

    `baseline` is what the address held before the payment existed, None while nothing has been seen there; `doubt` the
    part of it that is only assumed, as the state of that time could not be read. `told_amount` is the amount of the
    last event about one, of `told_at`. `lost` left without us after it was credited. `superseded` says that another
    payment took the order before this one was accepted. `explained` is the sum of all transfers with a hash.
    """

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
    hold: Hold | None = None
    baseline: int | None = None
    doubt: int = 0
    told_at: int = 0
    told_amount: int = 0
    lost: int = 0
    superseded: bool = False
    amount_received: int = 0
    amount_confirmed: int = 0
    credited: int = 0
    on_time: int | None = None
    accept_requested: bool = False
    accept_amount: int = 0  # what had been received when a person accepted it
    accepted: int = 0  # what a person let count as complete
    confirmations: int = 0
    detected_in_block: int | None = None
    observations: tuple[Observation, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    explained: int = 0
    explain_at: int = 0  # when what is unexplained is asked for again
    explain_tries: int = 0
    moves: tuple[OwnTransfer, ...] = ()
    folded: tuple[OwnTransferSum, ...] = ()
    pending: str | None = None  # the key of the own transaction under way, at most one
    sweeps: tuple[Sweep, ...] = ()
    strays: tuple[UnexpectedDeposit, ...] = ()
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
        return paid and Flag.HELD not in self.flags and not self.superseded

    @property
    def window_ends(self) -> int:
        """When the monitoring window closes, by block time."""
        return self.expires_at + self.policy.monitoring_seconds * 1000

    @property
    def unswept(self) -> int:
        """What still lies at the address of all that was received, our own moves counted."""
        folded = sum(each.amount for each in self.folded if each.token == self.token_address)
        recent = sum(move.amount for move in self.moves if move.token == self.token_address)
        return self.amount_received + (self.baseline or 0) + folded + recent

    @property
    def folded_to(self) -> int:
        """The newest block of the moves that only their sum is kept of; state before it tells nothing here."""
        return max((each.block_number for each in self.folded), default=0)

    @property
    def may_be_unexplained(self) -> int:
        """How much of what was received no transfer with a hash accounts for."""
        return max(self.amount_received - self.explained, 0)

    def net_moves(self, token: str | None, up_to: int) -> int:
        """Sum our own moves of one asset at this address in blocks up to `up_to`, which is `folded_to` at least."""
        folded = sum(each.amount for each in self.folded if each.token == token)
        return folded + sum(m.amount for m in self.moves if m.token == token and m.block_number <= up_to)

    def bounded(self) -> "Payment":
        """Fold the oldest of many own moves into their sum, so that the payment's item stays small."""
        if len(self.moves) <= INLINE_MOVES and len(self.sweeps) <= INLINE:
            return self
        moves, folded = self.moves, {each.token: each for each in self.folded}
        if len(moves) > INLINE_MOVES:
            for move in moves[: -INLINE_MOVES // 2]:
                known = folded.get(move.token, OwnTransferSum(move.token, 0, 0))
                newest = max(known.block_number, move.block_number)
                folded[move.token] = OwnTransferSum(move.token, known.amount + move.amount, newest)
            moves = moves[-INLINE_MOVES // 2 :]
        return replace(self, moves=moves, folded=tuple(folded.values()), sweeps=self.sweeps[-INLINE:])
