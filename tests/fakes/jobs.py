"""Queues and functions in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ctrip.domain.errors import Busy
from ctrip.domain.jobs import ScanJob, SweepJob, WebhookJob, decode_job, encode_job

LONGEST_DELAY = 900  # of a message in SQS
J = TypeVar("J", WebhookJob, SweepJob, ScanJob)


def _nobody(_: WebhookJob) -> bool:
    return False


@dataclass(slots=True)
class FakeJobs:
    """Queues as lists of what a worker would decode.

    `broken` loses what is sent, as a crash right after a commit does; `refused` says which messages SQS does not take.
    """

    deliveries: list[WebhookJob] = field(default_factory=list)
    delayed: list[tuple[WebhookJob, int]] = field(default_factory=list)
    sweeps: list[SweepJob] = field(default_factory=list)
    scans: list[str] = field(default_factory=list)
    scan_jobs: list[ScanJob] = field(default_factory=list)
    provisions: int = 0
    settles: int = 0
    broken: bool = False
    refused: Callable[[WebhookJob], bool] = _nobody

    def deliver(self, jobs: Sequence[WebhookJob], *, delay: int = 0) -> None:
        if self.broken:
            return
        taken = [_sent(WebhookJob, job) for job in jobs if not self.refused(job)]
        if delay:
            self.delayed += [(job, min(delay, LONGEST_DELAY)) for job in taken]
        else:
            self.deliveries += taken
        if len(taken) < len(jobs):
            raise Busy

    def sweep(self, job: SweepJob) -> None:
        self.sweeps.append(_sent(SweepJob, job))

    def provision(self) -> None:
        self.provisions += 1

    def settle(self) -> None:
        self.settles += 1

    def scan(self, job: ScanJob) -> None:
        self.scan_jobs.append(_sent(ScanJob, job))
        self.scans.append(job.chain)


def _sent(kind: type[J], job: J) -> J:
    """Send a job through its codec, as a queue does."""
    return decode_job(kind, encode_job(job))
