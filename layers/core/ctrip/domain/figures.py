"""The figures of a stage: how many payments are in which state, and what each day brought, by chain and asset.

They are sums over events, each counted once: `Sums` is what a stretch of events adds to them.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ctrip.domain.payments.payment import Flag, Status

DAY_MS = 86_400_000
PAID = frozenset({Status.PAID, Status.SETTLED})
# What people look for among payments: each is kept as a list, so that finding three of 100,000 reads three.
REVIEWED = (
    *(Flag.HELD, Flag.LATE, Flag.UNDERPAID, Flag.OVERPAID, Flag.REORGED),
    *(Flag.WRONG_ASSET, Flag.WRONG_NETWORK),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one event tells: a payment's status and flags, and those it had before (`was` None: it is new)."""

    payment_id: str
    merchant_id: str
    at: int
    created_at: int
    chain: str
    asset: str
    symbol: str
    decimals: int
    amount: int
    was: Status | None
    status: Status
    had: frozenset[Flag] = frozenset()
    flags: frozenset[Flag] = frozenset()

    @property
    def paid(self) -> int:
        """By how much the number of paid payments changes: 1, 0, or -1 where a reorganisation undid it."""
        return (self.status in PAID) - (self.was in PAID)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetDay:
    """One asset's day: payments created, how many of those are paid by now, and what was paid that day."""

    chain: str
    asset: str
    symbol: str
    decimals: int
    created: int = 0
    converted: int = 0
    paid: int = 0
    volume: int = 0

    def plus(self, other: "AssetDay") -> "AssetDay":
        """Add another sum of the same asset and day."""
        return replace(
            self,
            created=self.created + other.created,
            converted=self.converted + other.converted,
            paid=self.paid + other.paid,
            volume=self.volume + other.volume,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day in UTC, by its number since 1970, with a sum for each asset that moved."""

    number: int
    assets: tuple[AssetDay, ...] = ()
    version: int = 0

    def plus(self, sums: Iterable[AssetDay]) -> "Day":
        """Add sums, by asset."""
        held = {(each.chain, each.asset): each for each in self.assets}
        for each in sums:
            key = (each.chain, each.asset)
            held[key] = held[key].plus(each) if key in held else each
        return replace(self, assets=tuple(held[key] for key in sorted(held)), version=self.version + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How many payments of a chain are in a state."""

    chain: str
    status: Status
    payments: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The payments by state, counted from every event before `until` (unix milliseconds), the watermark."""

    until: int = 0
    standings: tuple[Standing, ...] = ()
    version: int = 0

    def plus(self, moved: Counter[tuple[str, Status]], until: int) -> "Totals":
        """Move payments between states, and the watermark on."""
        held = Counter({(each.chain, each.status): each.payments for each in self.standings})
        held.update(moved)
        kept = [(chain, status) for status in Status for chain in sorted({each[0] for each in held})]
        standings = tuple(
            Standing(chain=chain, status=status, payments=held[chain, status])
            for chain, status in kept
            if held[chain, status]
        )
        return Totals(until=until, standings=standings, version=self.version + 1)


@dataclass(slots=True)
class Sums:
    """What some events add to the figures."""

    moved: Counter[tuple[str, Status]] = field(default_factory=Counter)
    days: dict[int, list[AssetDay]] = field(default_factory=dict)

    def add(self, change: Change) -> None:
        """Count one event."""
        if change.was is not change.status:
            self.moved[change.chain, change.status] += 1
            if change.was is not None:
                self.moved[change.chain, change.was] -= 1
        if change.was is None:
            self._note(change.created_at, change, created=1)
        if change.paid:
            # A payment counts as converted on the day on which it was created, whenever it was paid.
            self._note(change.created_at, change, converted=change.paid)
            self._note(change.at, change, paid=change.paid, volume=change.paid * change.amount)

    def _note(self, at: int, change: Change, **figures: int) -> None:
        named = {"chain": change.chain, "asset": change.asset, "symbol": change.symbol, "decimals": change.decimals}
        self.days.setdefault(at // DAY_MS, []).append(AssetDay(**named, **figures))  # type: ignore[arg-type]
