"""What is kept of one symbol's rate in US dollars, for all functions."""

from dataclasses import dataclass

from ctrip.domain.prices.agreement import Judged, Missing, Trouble

# How long the last value still serves a payment with a stablecoin, when the sources are out.
GRACE_MS = 3_600_000
# A rate is kept up for so long after somebody last had to wait for one.
WANTED_MS = 1_800_000
# After a failure the sources are not asked again for so long.
RETRY_MS = 3_000
OUT_MS = 600_000  # a source that has been out for so long is an alarm


@dataclass(frozen=True, slots=True)
class RateRecord:
    """The last value that two sources agreed on, and what came of the last try. Times are unix milliseconds.

    `value` is empty where they have never agreed. `missing` are the sources that took no part in the last try.
    """

    symbol: str
    value: str = ""
    sources: tuple[str, ...] = ()
    agreed_at: int = 0
    tried_at: int = 0
    wanted_at: int = 0
    trouble: Trouble | None = None
    missing: tuple[Missing, ...] = ()

    def fresh(self, now: int, fresh_ms: int) -> bool:
        """Whether the value may price a payment now: it is agreed on, and not too old."""
        return bool(self.value) and self.trouble in (None, Trouble.OUT) and now - self.agreed_at <= fresh_ms

    def lasting(self, now: int) -> bool:
        """Whether the value may still serve a stablecoin, as its sources are out, or cannot be asked."""
        return bool(self.value) and self.trouble in (None, Trouble.OUT) and now - self.agreed_at <= GRACE_MS

    def due(self, now: int, fresh_ms: int) -> bool:
        """Whether the sources are to be asked: the value is old, or none, and they have not been asked just now.

        That they do not know of it holds as long as a value.
        """
        pause = fresh_ms + 1 if self.trouble is Trouble.UNOFFERED else min(RETRY_MS, fresh_ms)
        return not self.fresh(now, fresh_ms) and now - self.tried_at >= pause

    def wanted(self, now: int) -> bool:
        """Whether the rate is kept up."""
        return now - self.wanted_at <= WANTED_MS


def renewed(before: RateRecord, judged: Judged, now: int, *, wanted: bool) -> RateRecord:
    """Return what is kept after a try; where nothing was agreed on, the last value stays, with its age."""
    since = {each.source: each.since for each in before.missing}
    missing = tuple(
        Missing(source, reason, since.get(source, now)) for source, reason in sorted((judged.missing or {}).items())
    )
    agreed = judged.value is not None
    return RateRecord(
        symbol=before.symbol,
        value=judged.value or before.value,
        sources=judged.sources if agreed else before.sources,
        agreed_at=now if agreed else before.agreed_at,
        tried_at=now,
        wanted_at=now if wanted else before.wanted_at,
        trouble=judged.trouble,
        missing=missing,
    )
