"""Repeat what was committed and not acknowledged, and fetch the retries whose time has come."""

from dataclasses import dataclass

from ctrip.ports import Clock, EventStore, Jobs

GRACE_MS = 10_000  # what is younger is still on its way
BATCH = 10


@dataclass(frozen=True, slots=True)
class OutboxRelay:
    """The safety net under every commit's own message."""

    events: EventStore
    jobs: Jobs
    clock: Clock

    def run(self) -> int:
        """Queue everything that is overdue; return how many jobs that made."""
        now = self.clock.now()
        lost = [(merchant, ulid, 1) for merchant, ulid in self.events.unacknowledged(now - GRACE_MS)]
        for start in range(0, len(lost), BATCH):
            self.jobs.deliver(lost[start : start + BATCH])
        due = self.events.due(now)
        for merchant, ulid, attempt, due_at in due:
            self.jobs.deliver([(merchant, ulid, attempt)])
            self.events.taken(ulid, attempt, due_at)
        return len(lost) + len(due)
