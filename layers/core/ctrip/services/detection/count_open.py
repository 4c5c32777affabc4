"""Count each merchant's watched payments from what the scanner holds anyway, and set the counters right."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from ctrip.domain.errors import Busy
from ctrip.ports.merchants import LimitStore
from ctrip.ports.runtime import Clock

EVERY_MS = 60_000
AT_LEAST_MS = 300_000  # an unchanged count is said again, well before the store takes it for stale
MANY = 100  # payments watched after their end of which a merchant has fewer are not worth a write


@dataclass(slots=True)
class OpenCounter:
    """Creations only ever count up; this is what counts down, one write for each merchant whose count has changed."""

    limits: LimitStore
    clock: Clock
    chain: str
    _counted_at: int = 0
    _told: dict[str, tuple[int, int]] = field(default_factory=dict)
    _watched: dict[str, int] = field(default_factory=dict)

    def count(self, counts: Counter[str], watched: Mapping[str, int] | None) -> None:
        """Set the counts, once a minute; a store that is short of breath gets them the next time.

        `counts` are the open payments by merchant; `watched` those that are watched after their end, None where no
        round over them is complete.
        """
        now = self.clock.now()
        if now - self._counted_at < EVERY_MS:
            return
        self._counted_at = now
        due = {
            merchant: counts[merchant]
            for merchant in {*counts, *self._told}
            if self._told.get(merchant, (-1, 0))[0] != counts[merchant]
            or (counts[merchant] and now - self._told[merchant][1] >= AT_LEAST_MS)
        }
        try:
            self.limits.count_places(self.chain, due, now)
            if watched is not None:
                self._count_watched(watched)
        except Busy:
            return
        self._told |= {merchant: (count, now) for merchant, count in due.items()}

    def _count_watched(self, watched: Mapping[str, int]) -> None:
        known = self._watched
        many = {merchant: count for merchant, count in watched.items() if count >= MANY}
        many |= {merchant: watched.get(merchant, 0) for merchant in known}
        changed = {merchant: count for merchant, count in many.items() if known.get(merchant) != count}
        if changed:
            self.limits.count_watched(self.chain, changed)
        self._watched |= changed
