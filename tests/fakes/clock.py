"""A clock that moves when told."""

from dataclasses import dataclass
from typing import Any

T0 = 1_760_000_000_000


@dataclass(slots=True)
class FakeClock:
    """A clock that moves when told; waiting moves it."""

    at: int = T0
    on_wait: Any = None

    def now(self) -> int:
        return self.at

    def wait(self, seconds: float) -> None:
        self.at += round(seconds * 1000)
        if self.on_wait:
            self.on_wait()
