"""Names of a stage's queues and functions, as `data.yaml` and `template.yaml` give them; a test compares them."""

from enum import StrEnum

SCAN_FAILURES = "scan-failures"
"""The queue, without a worker, in which AWS leaves the event of a scanner that died."""


class Queue(StrEnum):
    """A queue with a worker; beside each stands its dead-letter queue."""

    SWEEP = "sweep"
    WEBHOOKS = "webhooks"

    @property
    def dead_letters(self) -> str:
        """Name the queue of the messages that its worker has failed on."""
        return f"{self.value}-dlq"


def queue_names() -> tuple[str, ...]:
    """List every queue, each followed by its dead-letter queue."""
    return tuple(name for queue in Queue for name in (queue.value, queue.dead_letters))


def named(stage: str, name: str) -> str:
    """Name one of a stage's queues or functions in full."""
    return f"ctrip-{stage}-{name}"
