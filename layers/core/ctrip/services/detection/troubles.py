"""The troubles of a pass, kept apart: one payment's, or one part's, stops none of the others."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ctrip.domain.errors import Busy, ChainError, FenceLost
from ctrip.ports.runtime import Log


@dataclass(slots=True)
class Troubles:
    """What went wrong in one pass, by payment or by part of the pass."""

    log: Log
    found: dict[str, Exception] = field(default_factory=dict)

    @contextmanager
    def apart(self, name: str) -> Iterator[None]:
        """Keep one payment's or part's trouble from all the others; only another scanner's claim ends the pass."""
        try:
            yield
        except FenceLost:
            raise
        except (Busy, ChainError) as exc:
            self.found[name] = exc
            self.log.info("apart", part=name, error=str(exc), kind=type(exc).__name__)
        except Exception as exc:  # a bug, or what was stored cannot be read: it must not stop a chain
            self.found[name] = exc
            self.log.error("payment_broken", payment=name, kind=type(exc).__name__, error=str(exc))
