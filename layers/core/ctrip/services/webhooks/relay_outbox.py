"""Repeat what was committed and not acknowledged, and fetch the retries whose time has come.

What nobody can deliver is repeated after growing pauses and stands in nobody's way: the relay looks past it.
"""

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from ctrip.domain.jobs import WebhookJob
from ctrip.ports.events import Due, EventStore
from ctrip.ports.jobs import Jobs
from ctrip.ports.runtime import Clock

T = TypeVar("T", WebhookJob, Due)

GRACE_MS = 10_000  # what is younger is still on its way
EVERY_MS = 60_000  # this runs once a minute
LONGEST_MS = 3_600_000  # between two repetitions of one event
LEASE_MS = 480_000  # for which a due attempt is a worker's: longer than a queue's redelivery and its function take
AT_ONCE = 500  # first attempts repeated in one run, and due ones made


@dataclass(frozen=True, slots=True)
class OutboxRelay:
    """The safety net under every commit's own message."""

    events: EventStore
    jobs: Jobs
    clock: Clock

    def run(self) -> int:
        """Queue everything that is overdue; return how many jobs that made.

        A due attempt stays on the index, leased to the worker that gets it: one that dies leaves the attempt to be made
        again, under the same number, when the lease is over. Only a recorded outcome removes it.
        """
        now = self.clock.now()
        every = self.events.unacknowledged(now - GRACE_MS)
        lost = [WebhookJob(each.merchant_id, each.ulid, each.endpoint) for each in every if _repeated(now - each.at)]
        jobs = _in_turns(lost)[:AT_ONCE]
        for due in _in_turns(self.events.due(now))[:AT_ONCE]:
            if self.events.lease(due, now + min(LEASE_MS * 2**due.leases, LONGEST_MS)):
                jobs.append(WebhookJob(due.merchant_id, due.ulid, due.endpoint, due.attempt, due_at=due.at))
        self.jobs.deliver(jobs)
        return len(jobs)


def _repeated(age: int) -> bool:
    """Whether an event of this age has its turn in this minute: at ages of 0, 1, 2, 4, 8 ... minutes, then hourly."""
    minutes = age // EVERY_MS
    return minutes & (minutes - 1) == 0 or minutes % (LONGEST_MS // EVERY_MS) == 0


def _in_turns(every: Iterable[T]) -> list[T]:
    """Let endpoints take turns, each with its oldest first: one with many attempts delays no other."""
    waiting: dict[tuple[str, str], deque[T]] = defaultdict(deque)
    for each in every:
        waiting[each.merchant_id, each.endpoint].append(each)
    turns: list[T] = []
    while waiting:
        for endpoint in list(waiting):
            turns.append(waiting[endpoint].popleft())
            if not waiting[endpoint]:
                del waiting[endpoint]
    return turns
