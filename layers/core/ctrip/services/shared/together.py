"""What several threads store at the same time is stored in one call (a group commit)."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Entry(Generic[T]):
    value: T
    stored: bool = False
    failed: Exception | None = None


@dataclass(frozen=True, slots=True)
class Together(Generic[T]):
    """Stores values for many threads by `store`, which takes several at once; nobody waits for more to come.

    The first caller stores its own value. Those who come meanwhile are stored by one further call.
    """

    store: Callable[[Sequence[T]], None]
    _waiting: list[_Entry[T]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _storing: threading.Lock = field(default_factory=threading.Lock)

    def add(self, value: T) -> None:
        """Return when the value is stored; raises what the call raised that it was a part of."""
        entry = _Entry(value)
        with self._lock:
            self._waiting.append(entry)
        with self._storing:
            if not entry.stored and entry.failed is None:
                self._store_all()
        if entry.failed is not None:
            raise entry.failed

    def _store_all(self) -> None:
        with self._lock:
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
