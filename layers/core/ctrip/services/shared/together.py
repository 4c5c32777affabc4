"""What several threads store at about the same time is stored in one call (a group commit)."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

PATIENCE = 0.01  # seconds that a value waits for others


@dataclass(slots=True)
class _Entry(Generic[T]):
    value: T
    stored: bool = False
    failed: Exception | None = None


@dataclass(frozen=True, slots=True)
class Together(Generic[T]):
    """Stores the values of `callers` threads by `store`, which takes several at once.

    A value waits `patience` seconds for others, unless there is one of each caller that has stored none yet.
    """

    store: Callable[[Sequence[T]], None]
    callers: int = 1
    patience: float = PATIENCE
    _waiting: list[_Entry[T]] = field(default_factory=list)
    _seen: list[int] = field(default_factory=lambda: [0])
    _joined: threading.Condition = field(default_factory=threading.Condition)
    _storing: threading.Lock = field(default_factory=threading.Lock)

    def add(self, value: T) -> None:
        """Return when the value is stored; raises what the call raised that it was a part of."""
        entry = _Entry(value)
        with self._joined:
            self._waiting.append(entry)
            self._seen[0] += 1
            self._joined.notify()
        with self._storing:
            if not entry.stored and entry.failed is None:
                self._store_all()
        if entry.failed is not None:
            raise entry.failed

    def _store_all(self) -> None:
        with self._joined:
            self._joined.wait_for(lambda: self._seen[0] >= self.callers, self.patience)
            entries = self._waiting[:]
            self._waiting.clear()
        try:
            self.store([each.value for each in entries])
        except Exception as exc:  # whose value it was is told to each of them
            for each in entries:
                each.failed = exc
        else:
            for each in entries:
                each.stored = True
