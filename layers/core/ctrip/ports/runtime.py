"""What the services need of the machine: time, ids, a log."""

from collections.abc import Mapping
from typing import Protocol


class Clock(Protocol):
    """The only source of the time."""

    def now(self) -> int:
        """Return unix milliseconds."""
        ...

    def wait(self, seconds: float) -> None:
        """Let `seconds` pass."""
        ...


class Ids(Protocol):
    """The only source of identifiers."""

    def uuid(self) -> str:
        """Return an unguessable id (UUID)."""
        ...

    def ulid(self, now: int) -> str:
        """Return a ULID at `now` (unix milliseconds): sortable, 80 random bits, increasing within a process."""
        ...

    def entropy(self, count: int) -> bytes:
        """Return random bytes, for secrets."""
        ...


class Log(Protocol):
    """Structured lines: a name of the thing that happened, and facts; never a secret, an ERROR is an alarm."""

    def info(self, message: str, **facts: object) -> None:
        """Note it."""
        ...

    def warning(self, message: str, **facts: object) -> None:
        """Note what somebody should look at."""
        ...

    def error(self, message: str, **facts: object) -> None:
        """Raise an alarm: the line, and a metric named after it."""
        ...

    def measure(self, chain: str, **figures: float) -> None:
        """Publish figures of one chain as metrics."""
        ...


class Metrics(Protocol):
    """Figures, for dashboards and alarms."""

    def publish(self, dimensions: Mapping[str, str], figures: Mapping[str, float]) -> None:
        """Publish figures of one thing."""
        ...
