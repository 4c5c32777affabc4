"""Commit, then notify queues and functions, best effort: the relay or the next tick does what is not done now."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ctrip.domain.jobs import ScanJob, SweepJob, WebhookJob
from ctrip.domain.payments.payment import Payment
from ctrip.domain.webhooks.events import Event
from ctrip.ports.jobs import Jobs
from ctrip.ports.payments import Commit, PaymentStore
from ctrip.ports.runtime import Log


@dataclass(frozen=True, slots=True)
class BestEffort:
    """A `Jobs` for those who have committed already: a failure to notify must not look like a failure to do."""

    jobs: Jobs
    log: Log

    def deliver(self, jobs: Sequence[WebhookJob], *, delay: int = 0) -> None:
        """Queue webhook jobs; else the relay finds them in the outbox."""
        self._try("deliver", lambda: self.jobs.deliver(jobs, delay=delay))

    def sweep(self, job: SweepJob) -> None:
        """Queue a sweep job; else a later pass does."""
        self._try("sweep", lambda: self.jobs.sweep(job))

    def scan(self, job: ScanJob) -> None:
        """Start a scanner; else the next tick does."""
        self._try("scan", lambda: self.jobs.scan(job))

    def settle(self) -> None:
        """Have settlements and refunds looked after; else the schedule does."""
        self._try("settle", self.jobs.settle)

    def provision(self) -> None:
        """Have waiting merchants provisioned; else the schedule does."""
        self._try("provision", self.jobs.provision)

    def _try(self, what: str, notify: Callable[[], None]) -> None:
        try:
            notify()
        except Exception as exc:  # whatever the cause, the commit stands
            self.log.warning("notified_later", what=what, kind=type(exc).__name__)


def commit_and_notify(payments: PaymentStore, jobs: Jobs, commit: Commit) -> Payment:
    """Commit one decision and queue its event; return the payment as it is now."""
    payments.commit(commit)
    notify(jobs, [commit.event])
    return commit.after


def notify(jobs: Jobs, events: Iterable[Event | None]) -> None:
    """Queue the first deliveries of committed events, a job for each endpoint; where there is none, call nothing."""
    wanted = [job for each in events if each for job in first_jobs(each)]
    if wanted:
        jobs.deliver(wanted)


def first_jobs(event: Event) -> list[WebhookJob]:
    """Return the first attempt to deliver an event, for each endpoint that wants it."""
    return [
        WebhookJob(event.merchant_id, event.ulid, endpoint, request_id=event.request_id) for endpoint in event.endpoints
    ]
