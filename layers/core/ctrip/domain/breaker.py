"""A breaker: who has failed several times in a row is left alone for a while."""

from collections.abc import Callable
from dataclasses import dataclass

FAILURES_TO_OPEN = 3
FIRST_REST_MS = 1_000
LONGEST_REST_MS = 60_000


@dataclass(slots=True)
class Breaker:
    """Opens after three failures in a row; then lets one try through after a rest that doubles."""

    jitter: Callable[[], float]
    failures: int = 0
    until: int = 0
    rest: int = FIRST_REST_MS
    reason: str = ""

    def closed(self, now: int) -> bool:
        """Say whether the endpoint may be asked."""
        return now >= self.until

    def failed(self, now: int, reason: str = "") -> None:
        """Count a failure; rest between half and the whole of the present pause."""
        self.failures += 1
        self.reason = reason
        if self.failures >= FAILURES_TO_OPEN:
            self.until = max(self.until, now + int(self.rest * (1 + self.jitter()) / 2))
            self.rest = min(LONGEST_REST_MS, self.rest * 2)

    def suspended(self, now: int, least: int, reason: str = "") -> None:
        """Rest for `least` milliseconds and up to half as long again: the endpoint has asked for it."""
        self.reason = reason
        self.until = max(self.until, now + int(least * (2 + self.jitter()) / 2))

    def stand_aside(self, now: int, reason: str = "") -> None:
        """Rest for long without a failure: others know more."""
        self.reason = reason
        self.until = now + int(LONGEST_REST_MS * (1 + self.jitter()) / 2)

    def worked(self) -> None:
        """Close."""
        self.failures, self.until, self.rest, self.reason = 0, 0, FIRST_REST_MS, ""
