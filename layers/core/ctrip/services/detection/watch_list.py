"""What one scanner keeps in memory of what it watches, from pass to pass."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ctrip.domain.detection.watch import Watch
from ctrip.domain.payments.payment import Payment, Tier
from ctrip.ports.payments import PaymentStore
from ctrip.ports.runtime import Log
from ctrip.services.detection.count_parked import ParkedCount

# The watch index lags, by less than a second as a rule: each refresh looks back a little, and one in a while far enough
# for a lag of a minute. What is raised is then seen within `OVERLAP_MS` at the latest.
LOOK_BACK_MS, REACH_BACK_MS = 5_000, 15_000
OVERLAP_MS = 60_000 + REACH_BACK_MS
SLICE = 500  # payments of the slow tiers that a pass looks at
REREAD = 100  # payments of the tier `SWEEP` that a pass reads again at most, as the sweeper changes them
REREAD_MS = 15_000
EACH_PASS = (Tier.OPEN, Tier.SWEEP)
SLOW = (Tier.MONITORED, Tier.PARKED)


@dataclass(slots=True, kw_only=True)
class WatchList:
    """The watched payments of one chain, as rows of the index; those that something happened to are read and kept too.

    `looked_at` is the time of the last pass of whoever scanned before: what was asked for more than the index's overlap
    before it has been looked at. `position` is how far the round over the slow tiers has come.
    """

    chain: str
    payments: PaymentStore
    log: Log
    monitor_ms: int
    looked_at: int = 0
    position: str = ""
    rows: dict[str, Watch] = field(default_factory=dict)
    read: dict[str, Payment] = field(default_factory=dict)
    fresh: set[str] = field(default_factory=set)  # never looked at, as far as is known
    slow: dict[str, Watch] = field(default_factory=dict)  # of this pass alone, as are those of them that were read
    slow_read: dict[str, Payment] = field(default_factory=dict)
    slow_counts: Counter[str] = field(default_factory=Counter)
    round_counts: Counter[str] | None = None  # of the slow tiers by merchant, once a whole round has been made
    parked: ParkedCount = field(default_factory=ParkedCount)
    round_at: int = 0
    _read_at: dict[str, int] = field(default_factory=dict)
    _refreshed: int = 0
    _reached_at: int = 0
    _turn: int = 0
    _began_here: bool = False

    def refresh(self, now: int) -> None:
        """Add what was raised to the fast tiers since the last pass."""
        far = now - self._reached_at >= REACH_BACK_MS
        after = self._refreshed - (OVERLAP_MS if far else LOOK_BACK_MS) if self._refreshed else 0
        for tier in EACH_PASS:
            for row in self.payments.rows(self.chain, tier, raised_after=after):
                self._add(row)
        self._refreshed = now
        self._reached_at = now if far else self._reached_at

    def _add(self, row: Watch) -> None:
        known = self.rows.get(row.id)
        if known is not None and known.raised_at >= row.raised_at:
            return
        self._put(row)
        self.read.pop(row.id, None)

    def _put(self, row: Watch) -> None:
        known = self.rows.get(row.id)
        self.rows[row.id] = row
        new = known is None or known.token != row.token
        if new and not row.touched and row.asked_at + OVERLAP_MS >= self.looked_at:
            self.fresh.add(row.id)

    def next_slice(self, now: int) -> None:
        """Take the next slice of the slow tiers; a round begins `monitor_ms` after the one before it at the soonest."""
        self.slow, self.slow_read = {}, {}
        if not self.position and now - self.round_at < self.monitor_ms:
            return
        if not self.position:
            self.round_at, self.slow_counts, self._began_here = now, Counter(), True
            self.parked.begin()
        tier, _, after = self.position.partition("/")
        for each in SLOW[SLOW.index(Tier(tier)) if tier else 0 :]:
            left = SLICE - len(self.slow)
            rows, further = self.payments.slice(self.chain, each, after=after, limit=left) if left > 0 else ([], "")
            self._take(rows)
            if further or left <= 0:
                self.position = f"{each.value}/{further}"
                return
            after = ""
        self.position, self.parked.last = "", True
        self.round_counts = self.slow_counts if self._began_here else self.round_counts

    def _take(self, rows: Sequence[Watch]) -> None:
        for row in rows:
            if (known := self.rows.get(row.id)) is not None and known.raised_at < row.raised_at:
                self.forget(row.id)  # it left its tier by another hand: cancelled, or parked
        self.slow |= {row.id: row for row in rows if row.id not in self.rows}
        self.slow_counts.update(row.merchant_id for row in rows)

    def due(self) -> list[Watch]:
        """Return what this pass looks at, beginning with another one each time: a slow one delays no fixed others."""
        rows = [*self.rows.values(), *self.slow.values()]
        self._turn += 1
        first = self._turn * 997 % len(rows) if rows else 0
        return rows[first:] + rows[:first]

    def payments_of(self, rows: Sequence[Watch], now: int) -> dict[str, Payment]:
        """Return the payments of these rows, read where they are not in memory, or were long ago."""
        old = now - REREAD_MS
        swept = [row.id for row in rows if row.tier is Tier.SWEEP and self._read_at.get(row.id, now) <= old]
        again = set(swept[:REREAD])
        wanted = [row.id for row in rows if row.id not in self.read or row.id in again]
        found = self.payments.read(wanted) if wanted else {}
        if lost := [row.id for row in rows if row.id in wanted and row.id not in found]:
            self.log.error("payments_unreadable", chain=self.chain, count=len(lost), payment=lost[0])
        for payment in found.values():
            self.keep(payment)
            self._read_at[payment.id] = now
            if payment.id in self.slow:
                self.slow_read[payment.id] = payment
        held = {row.id: self.read.get(row.id) or found.get(row.id) for row in rows}
        # The balance of a row tells nothing of a payment for which the payer has chosen something else meanwhile.
        return {row.id: each for row in rows if (each := held[row.id]) and self._is_of(row, each)}

    def _is_of(self, row: Watch, payment: Payment) -> bool:
        due = payment.due
        return (due.chain, due.address, due.token_address) == (self.chain, row.address, row.token)

    def keep(self, payment: Payment) -> None:
        """Take a payment as it is now: one of a fast tier stays in memory, any other leaves it."""
        known = self.read.get(payment.id)
        if payment.due.chain != self.chain:
            self.forget(payment.id)  # its payer has chosen another chain: nothing is to be looked at here
            self.fresh.discard(payment.id)
            return
        if known is not None and known.version > payment.version:
            return
        if payment.tier in EACH_PASS:
            self.read[payment.id] = payment
            self._put(Watch.of(payment))
        else:
            self.forget(payment.id)

    def forget(self, payment_id: str) -> None:
        """Drop a payment from memory, to be read again when it is due."""
        for held in (self.read, self.rows, self._read_at):
            held.pop(payment_id, None)

    def looked(self, rows: Iterable[Watch], balances: Mapping[str, int | None]) -> None:
        """Note that these have been looked at.

        One whose balance is unknown, or that shows money of which nothing is recorded yet for whatever reason, is as
        fresh as before: its first look is still to come.
        """
        self.parked.add(self.slow.values(), balances)
        for row in rows if self.fresh else ():
            payment = self.read.get(row.id)
            recorded = payment is not None and payment.seen.baseline is not None
            if balances[row.id] == 0 or recorded:
                self.fresh.discard(row.id)

    def counts(self) -> Counter[str]:
        """Count the open payments by merchant."""
        return Counter(row.merchant_id for row in self.rows.values() if row.tier is Tier.OPEN)
