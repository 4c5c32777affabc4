"""Telling queues and functions, best effort: what is committed is told by the relay or the next tick, if not now."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ctrip.ports import Jobs, Log


@dataclass(frozen=True, slots=True)
class BestEffort:
    """A `Jobs` for those who have committed already: a failure to tell must not look like a failure to do."""

    jobs: Jobs
    log: Log

    def deliver(self, deliveries: Sequence[tuple[str, str, int]], *, delay: int = 0) -> None:
        """Queue webhook jobs; else the relay finds them in the outbox."""
        self._try("deliver", lambda: self.jobs.deliver(deliveries, delay=delay))

    def sweep(self, chain: str, asset_key: str) -> None:
        """Queue a sweep job; else a later pass does."""
        self._try("sweep", lambda: self.jobs.sweep(chain, asset_key))

    def scan(self, chain: str) -> None:
        """Start a scanner; else the next tick does."""
        self._try("scan", lambda: self.jobs.scan(chain))

    def provision(self) -> None:
        """Have waiting merchants provisioned; else the schedule does."""
        self._try("provision", self.jobs.provision)

    def _try(self, what: str, tell: Callable[[], None]) -> None:
        try:
            tell()
        except Exception as exc:  # whatever the cause, the commit stands
            self.log.warning("told_later", what=what, kind=type(exc).__name__)
