"""A payment as it stands: what is due, what was seen, what was credited. Times are unix milliseconds."""

from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, get_type_hints

from ctrip.domain.chains.chain import Block, OwnTransfer, Transfer
from ctrip.domain.money import MAX_AMOUNT, less_tolerance
from ctrip.domain.prices.price import Price
from ctrip.domain.prices.rate import LockedRate

INLINE = (
    25  # transfers, and sweeps, that the payment itself carries: the newest; all of them stand in rows of their own
)
NEVER = 2 * MAX_AMOUNT  # more than can ever come, tolerance included
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

    `tx_hash` and `sender` are of the newest transfer that brought some of it, None while no node has told. `address` is
    where it lies, which is not the payment's where its chain is of another kind.
    """

    chain: str
    token_id: str | None
    token: str | None
    symbol: str
    decimals: int
    amount: int
    tx_hash: str | None = None
    sender: str | None = None
    address: str = ""

    @property
    def key(self) -> tuple[str, str | None]:
        """Name the chain and asset."""
        return self.chain, self.token_id

    @property
    def asset_key(self) -> str:
        """Name the asset within its chain."""
        return self.token_id or "native"


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
class Due:
    """What has to come, where, and until when: `amount` base units of one asset at `address`, by block time."""

    chain: str
    token_id: str | None
    token_address: str | None
    symbol: str
    decimals: int
    address: str
    derivation_path: str
    amount: int
    required_confirmations: int
    expires_at: int
    payment_uri: str | None

    @property
    def asset_key(self) -> str:
        """Name the due asset within its chain."""
        return self.token_id or "native"

    @property
    def is_chosen(self) -> bool:
        """Whether it is decided what has to come; until then there is no chain, address and amount."""
        return bool(self.chain)


def undecided(expires_at: int) -> Due:
    """Return what is due before the payer has chosen; no amount of anything completes it."""
    return Due(
        chain="",
        token_id=None,
        token_address=None,
        symbol="",
        decimals=0,
        address="",
        derivation_path="",
        amount=NEVER,
        required_confirmations=0,
        expires_at=expires_at,
        payment_uri=None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerChoice:
    """What a payer had chosen before another choice; money that comes for it is held for review."""

    chain: str
    token_id: str | None
    symbol: str
    amount: int
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositAddress:
    """An address that was given out for a payment, and the path of its key."""

    address: str
    derivation_path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the amount was derived from, and what is left to the payer.

    With a `price` the amount follows from the locked `rate`; else `whole` is it, in whole units of whatever asset.
    A `choosable` payment is paid in what its payer chooses of what `accepts` names (`symbol` or `chain:symbol`; empty:
    everything). `former` are earlier choices, oldest first; `given` are the addresses that they had, one of each kind.
    """

    price: Price | None = None
    rate: LockedRate | None = None
    choosable: bool = False
    whole: str = ""
    accepts: tuple[str, ...] = ()
    former: tuple[FormerChoice, ...] = ()
    given: tuple[DepositAddress, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the merchant wants to find again: its own number of the order, and notes; and what the payment was made for.

    `link_id` is the payment link by which a payer made it, `invoice_id` the invoice that it is to pay.
    """

    order_id: str | None = None
    link_id: str | None = None
    invoice_id: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Where the payer pays and returns to, and where the payment's events are sent."""

    checkout_url: str
    webhook_url: str | None = None
    success_url: str | None = None
    cancel_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the chain showed; all amounts are base units of the due asset.

    `baseline` is what the address held before the payment existed, None while nothing has been seen there; `doubt` the
    part of it that is only assumed, as the state of that time could not be read. `on_time` is what had been received
    by the deadline. `told_amount` is the amount of the last event about one, of `told_at`. `explained` is the sum of
    all transfers with a hash; `explain_at` is when what is unexplained is asked for again.
    """

    amount_received: int = 0
    amount_confirmed: int = 0
    baseline: int | None = None
    doubt: int = 0
    on_time: int | None = None
    confirmations: int = 0
    detected_in_block: int | None = None
    observations: tuple[Observation, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    explained: int = 0
    explain_at: int = 0
    explain_tries: int = 0
    strays: tuple[UnexpectedDeposit, ...] = ()
    told_at: int = 0
    told_amount: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What waits for a person, and what a person decided.

    `accept_amount` is what had been received when somebody accepted it, `accepted` what then counts as complete.
    `superseded` says that another payment took the order before this one was accepted. `sweep_approved` is the amount
    whose sweep a person has approved.
    """

    hold: Hold | None = None
    accept_requested: bool = False
    accept_amount: int = 0
    accepted: int = 0
    superseded: bool = False
    sweep_approved: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What we did: credited the merchant, and moved funds from and to the address.

    `lost` left the address without us after it was credited. `unmatched` is what an expired or failed payment received,
    as the ledger has it where the key is ours. `pending` is the key of the own transaction under way, at
    most one.
    """

    credited: int = 0
    lost: int = 0
    unmatched: int = 0
    moves: tuple[OwnTransfer, ...] = ()
    folded: tuple[OwnTransferSum, ...] = ()
    pending: str | None = None
    sweeps: tuple[Sweep, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When a payment was created, last changed, put into its tier (`raised_at`), and first came to a status.

    `chosen_at` is when its payer chose last, None where there was no choice.
    """

    created_at: int
    updated_at: int
    raised_at: int = 0
    chosen_at: int | None = None
    detected_at: int | None = None
    confirmed_at: int | None = None
    paid_at: int | None = None
    settled_at: int | None = None


_IN_GROUPS = {"group": True}  # the fields of such a field stand in documents beside those of the payment itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One payment, in groups. No two groups have a field of the same name, so that a name alone says which is meant."""

    id: str
    merchant_id: str
    due: Due = field(metadata=_IN_GROUPS)
    links: Links = field(metadata=_IN_GROUPS)
    times: Times = field(metadata=_IN_GROUPS)
    order: Order = field(default_factory=Order, metadata=_IN_GROUPS)
    choice: Choice = field(default_factory=Choice, metadata=_IN_GROUPS)
    policy: Policy = field(default_factory=Policy)
    status: Status = Status.PENDING
    flags: frozenset[Flag] = frozenset()
    tier: Tier = Tier.OPEN
    version: int = 1
    audit_head: str = ""
    seen: Seen = field(default_factory=Seen, metadata=_IN_GROUPS)
    review: Review = field(default_factory=Review, metadata=_IN_GROUPS)
    own: Own = field(default_factory=Own, metadata=_IN_GROUPS)

    def changed(self, **changes: Any) -> "Payment":
        """Return the payment with other values in fields of its own or of its groups; raises KeyError for no field."""
        by_group: dict[str, dict[str, Any]] = {}
        for name, value in changes.items():
            by_group.setdefault(GROUP_OF[name], {})[name] = value
        own = by_group.pop("", {})
        return replace(self, **own, **{name: replace(getattr(self, name), **each) for name, each in by_group.items()})

    @property
    def target(self) -> int:
        """The least amount that completes the payment."""
        return less_tolerance(self.due.amount, self.policy.tolerance_per_mille)

    @property
    def enough(self) -> int:
        """The least confirmed amount that is credited: what was accepted by hand, where that is less than due."""
        return min(self.target, self.review.accepted) if self.review.accepted else self.target

    @property
    def is_unseen(self) -> bool:
        """Whether no money is seen at the head."""
        return self.status is Status.PENDING

    @property
    def is_chosen(self) -> bool:
        """Whether it is decided what has to come: it is watched from then on."""
        return self.due.is_chosen

    @property
    def asked_at(self) -> int:
        """Since when what is due is asked for: what lay at the address before has not been paid for it."""
        return self.times.chosen_at or self.times.created_at

    @property
    def is_open(self) -> bool:
        """Whether money is still waited for, or for its confirmation."""
        return self.status in (Status.PENDING, Status.DETECTED)

    @property
    def is_credited(self) -> bool:
        """Whether the merchant's ledger was credited, so that there are funds to sweep or swept ones."""
        return self.status in (Status.PAID, Status.SETTLED)

    @property
    def is_swept(self) -> bool:
        """Whether what lies at the address goes to the treasury: it was credited, or nothing will come of it."""
        return self.is_credited or (self.is_dead and self.own.unmatched > 0)

    @property
    def is_settled(self) -> bool:
        """Whether the funds are where they belong."""
        return self.status is Status.SETTLED

    @property
    def is_expired(self) -> bool:
        """Whether the deadline passed, or the merchant cancelled, before enough had come."""
        return self.status is Status.EXPIRED

    @property
    def is_dead(self) -> bool:
        """Whether another payment may take its order."""
        return self.status in (Status.EXPIRED, Status.FAILED)

    @property
    def exception(self) -> Flag | None:
        """The gravest flag, or None."""
        return next((flag for flag in Flag if flag in self.flags), None)

    @property
    def fulfillable(self) -> bool:
        """Whether the merchant may ship: credited, and nothing speaks against it."""
        paid = self.is_credited and self.own.credited >= self.target
        return paid and Flag.HELD not in self.flags and not self.review.superseded

    @property
    def window_ends(self) -> int:
        """When the monitoring window closes, by block time."""
        return self.due.expires_at + self.policy.monitoring_seconds * 1000

    @property
    def unswept(self) -> int:
        """What still lies at the address of all that was received, our own moves counted."""
        folded = sum(each.amount for each in self.own.folded if each.token == self.due.token_address)
        recent = sum(move.amount for move in self.own.moves if move.token == self.due.token_address)
        return self.seen.amount_received + (self.seen.baseline or 0) + folded + recent

    @property
    def folded_to(self) -> int:
        """The newest block of the moves that only their sum is kept of; state before it tells nothing here."""
        return max((each.block_number for each in self.own.folded), default=0)

    @property
    def may_be_unexplained(self) -> int:
        """How much of what was received no transfer with a hash accounts for."""
        return max(self.seen.amount_received - self.seen.explained, 0)

    def net_moves(self, token: str | None, up_to: int) -> int:
        """Sum our own moves of one asset at this address in blocks up to `up_to`, which is `folded_to` at least."""
        folded = sum(each.amount for each in self.own.folded if each.token == token)
        return folded + sum(m.amount for m in self.own.moves if m.token == token and m.block_number <= up_to)

    @property
    def given_coin(self) -> int:
        """What we have given the address of the coin and have not used up; below zero where we used more than that."""
        folded = sum(each.amount for each in self.own.folded if each.token is None)
        return folded + sum(move.amount for move in self.own.moves if move.token is None)

    def bounded(self) -> "Payment":
        """Fold the oldest of many own moves into their sum, so that the payment's item stays small."""
        if len(self.own.moves) <= INLINE_MOVES and len(self.own.sweeps) <= INLINE:
            return self
        moves, folded = self.own.moves, {each.token: each for each in self.own.folded}
        if len(moves) > INLINE_MOVES:
            for move in moves[: -INLINE_MOVES // 2]:
                known = folded.get(move.token, OwnTransferSum(move.token, 0, 0))
                newest = max(known.block_number, move.block_number)
                folded[move.token] = OwnTransferSum(move.token, known.amount + move.amount, newest)
            moves = moves[-INLINE_MOVES // 2 :]
        return self.changed(moves=moves, folded=tuple(folded.values()), sweeps=self.own.sweeps[-INLINE:])


_GROUPS = {each.name: get_type_hints(Payment)[each.name] for each in fields(Payment) if each.metadata.get("group")}
# The group of each field, "" for the payment's own.
GROUP_OF = {each.name: group for group, kind in _GROUPS.items() for each in fields(kind)} | {
    each.name: "" for each in fields(Payment) if each.name not in _GROUPS
}
