"""Queues and asynchronous calls."""

from collections.abc import Sequence
from typing import Protocol

from ctrip.domain.jobs import ScanJob, SweepJob, WebhookJob


class Jobs(Protocol):
    """Queues and asynchronous calls."""

    def deliver(self, jobs: Sequence[WebhookJob], *, delay: int = 0) -> None:
        """Queue webhook jobs, any number of them, `delay` seconds from now; raises `Busy` where some were not taken."""
        ...

    def sweep(self, job: SweepJob) -> None:
        """Queue one sweep job."""
        ...

    def scan(self, job: ScanJob) -> None:
        """Start a scanner, without waiting for it."""
        ...

    def settle(self) -> None:
        """Have settlements and refunds looked after, without waiting for it."""
        ...

    def provision(self) -> None:
        """Have waiting merchants provisioned, without waiting for it."""
        ...
