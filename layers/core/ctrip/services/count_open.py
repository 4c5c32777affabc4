"""Count each merchant's open payments from what the scanner watches anyway, and set the counters right."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ctrip.domain.errors import Busy
from ctrip.domain.payment import Payment, Tier
from ctrip.ports import Clock, LimitStore

EVERY_MS = 60_000
AT_LEAST_MS = 300_000  # an unchanged count is said again, well before the store takes it for stale


@dataclass(slots=True)
class OpenCounter:
    """Creations only ever count up; this is what counts down, one write for each merchant whose count has changed."""

    limits: LimitStore
    clock: Clock
    chain: str
    _counted_at: int = 0
    _told: dict[str, tuple[int, int]] = field(default_factory=dict)

    def count(self, watched: Iterable[Payment]) -> None:
        """Set the counts, once a minute; a store that is short of breath gets them the next time."""
        now = self.clock.now()
        if now - self._counted_at < EVERY_MS:
            return
        self._counted_at = now
        counts = Counter(payment.merchant_id for payment in watched if payment.tier is Tier.OPEN)
        due = {
            merchant: counts[merchant]
            for merchant in {*counts, *self._told}
            if self._told.get(merchant, (-1, 0))[0] != counts[merchant]
            or (counts[merchant] and now - self._told[merchant][1] >= AT_LEAST_MS)
        }
        try:
            self.limits.count_places(self.chain, due, now)
        except Busy:
            return
        self._told |= {merchant: (count, now) for merchant, count in due.items()}
