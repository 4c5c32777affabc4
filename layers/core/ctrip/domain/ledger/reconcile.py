"""Reconciliation: what the ledger says lies at a place, beside what the chain shows there at one block.

A place is an account of the ledger with the addresses that it stands for: the treasury, the gas station, and each
deposit address. What is unknown is no difference. What an own transaction may have moved already, and has not posted
yet, is none either: it widens the bounds (`least`, `most`) within which the balance may lie.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ctrip.domain.ledger.entries import CAPITAL, GAS_STATION, OPERATOR, TREASURY, Entry, EntryType

# Money that comes to these or leaves them without us is the operator's own.
OPERATORS = (TREASURY, GAS_STATION)

# A difference must be seen twice, at two blocks: what moved while one was looked at is gone by the next.
ESTABLISHED_MS = 45_000
# Money that came to a deposit address is recorded by the scanner, at the latest by its daily round.
ARRIVAL_MS = 26 * 3_600_000
AGAIN_MS = 3_600_000  # until a difference that stays is alarmed again
MOST_DIFFERENCES = 100  # that one chain keeps; more say nothing more


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One place and asset at one block, in base units; `seen` None is unknown.

    `payment_id` names a deposit address. `because` names the own transactions that widen the bounds.
    """

    account: str
    asset: str
    booked: int
    seen: int | None
    payment_id: str = ""
    leaving: int = 0
    entering: int = 0
    because: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        """Name the place and asset."""
        return self.account, self.payment_id, self.asset

    @property
    def amount(self) -> int:
        """What the chain shows above what is booked (below: negative); 0 where the bounds explain it."""
        if self.seen is None or self.booked - self.leaving <= self.seen <= self.booked + self.entering:
            return 0
        return self.seen - self.booked


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What the books do not explain; `since` and `alarmed_at` are unix milliseconds, `block` is the newest look's."""

    account: str
    asset: str
    payment_id: str
    booked: int
    seen: int
    since: int
    block: int
    alarmed_at: int = 0
    because: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        """Name the place and asset."""
        return self.account, self.payment_id, self.asset

    @property
    def amount(self) -> int:
        """What the chain shows above what is booked (below: negative)."""
        return self.seen - self.booked

    @property
    def patience(self) -> int:
        """How long it may last before it is alarmed, in milliseconds."""
        return ARRIVAL_MS if self.payment_id and self.amount > 0 else ESTABLISHED_MS


@dataclass(frozen=True, slots=True)
class Holding:
    """What a place of the operator's held of an asset, in base units, as the chain showed it."""

    account: str
    asset: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """One chain's last look; `position` is where the next slice of the old addresses begins.

    `opened` holds the places and assets whose balance before the books is recorded, as the operator's capital, and
    `holdings` what was seen at each of them.
    """

    chain: str
    version: int = 0
    looked_at: int = 0
    block: int = 0
    position: str = ""
    compared: int = 0
    unknown: int = 0
    opened: tuple[tuple[str, str], ...] = ()
    differences: tuple[Difference, ...] = ()
    holdings: tuple[Holding, ...] = ()
    audit_version: int = 0
    audit_head: str = ""

    @property
    def established(self) -> tuple[Difference, ...]:
        """Return the differences that were alarmed: the others are gone with the next look, or opened, or alarmed."""
        return tuple(each for each in self.differences if each.alarmed_at)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from a look: the new state, the opening entries, and what is to be alarmed."""

    after: Reconciliation
    openings: tuple[Entry, ...] = ()
    alarms: tuple[Difference, ...] = ()


@dataclass(slots=True)
class _Look:
    before: Reconciliation
    block: int
    now: int
    differences: dict[tuple[str, str, str], Difference] = field(default_factory=dict)
    opened: set[tuple[str, str]] = field(default_factory=set)
    openings: list[Entry] = field(default_factory=list)
    alarms: list[Difference] = field(default_factory=list)


def judge(before: Reconciliation, compared: Iterable[Compared], *, block: int, now: int, position: str = "") -> Verdict:
    """Compare a look with the one before: what is gone, what stays, what is alarmed, and what is opened."""
    found = tuple(compared)
    look = _Look(before, block, now, {each.key: each for each in before.differences}, set(before.opened))
    for each in found:
        if each.seen is not None:
            _settle(look, each, each.seen)
    kept = sorted(look.differences.values(), key=lambda each: (-each.alarmed_at, each.since, each.key))
    after = replace(
        before,
        version=before.version + 1,
        looked_at=now,
        block=block,
        position=position,
        compared=len(found),
        unknown=sum(each.seen is None for each in found),
        opened=tuple(sorted(look.opened)),
        differences=tuple(kept[:MOST_DIFFERENCES]),
        holdings=tuple(
            Holding(each.account, each.asset, each.seen)
            for each in found
            if each.account in OPERATORS and each.seen is not None
        ),
    )
    return Verdict(after, tuple(look.openings), tuple(look.alarms))


def _settle(look: _Look, each: Compared, seen: int) -> None:
    unopened = each.account in OPERATORS and (each.account, each.asset) not in look.opened
    if not each.amount:
        look.differences.pop(each.key, None)
        if unopened and not each.because:
            look.opened.add((each.account, each.asset))
        return
    difference = _continued(look, each, seen, exactly=unopened)
    look.differences[each.key] = difference
    if look.now - difference.since < difference.patience:
        return
    if not unopened:
        if look.now - difference.alarmed_at >= AGAIN_MS:
            difference = replace(difference, alarmed_at=look.now)
            look.alarms.append(difference)
        look.differences[each.key] = difference
    elif not each.because:
        look.opened.add((each.account, each.asset))
        look.openings.append(capital(look.before, difference, look.now, "opening"))
        del look.differences[each.key]


def _continued(look: _Look, each: Compared, seen: int, *, exactly: bool) -> Difference:
    """Carry a difference on from the look before, where it was one of the same direction, or `exactly` this one."""
    last = look.differences.get(each.key)
    goes_on = last is not None and (last.amount == each.amount if exactly else (last.amount > 0) == (each.amount > 0))
    return Difference(
        account=each.account,
        asset=each.asset,
        payment_id=each.payment_id,
        booked=each.booked,
        seen=seen,
        since=last.since if last and goes_on else look.now,
        block=look.block,
        alarmed_at=last.alarmed_at if last and goes_on else 0,
        because=each.because,
    )


def capital(state: Reconciliation, difference: Difference, now: int, why: str) -> Entry:
    """Record money that came to a place of the operator's, or left it, without us: the operator's capital."""
    place, more = difference.account, difference.amount > 0
    return Entry(
        id=f"{why}#{state.chain}#{place}#{difference.asset}#{state.version + 1:06d}",
        type=EntryType.CAPITAL,
        owner=OPERATOR,
        chain=state.chain,
        asset=difference.asset,
        debit=place if more else CAPITAL,
        credit=CAPITAL if more else place,
        amount=abs(difference.amount),
        at=now,
    )
