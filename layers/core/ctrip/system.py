"""The machine's own clock and randomness: the only place that asks for either."""

import secrets
import threading
import time
import uuid

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class SystemClock:
    """The wall clock."""

    def now(self) -> int:
        """Return unix milliseconds."""
        return time.time_ns() // 1_000_000

    def wait(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)


class SystemIds:
    """Random identifiers; ULIDs increase within the process, also inside one millisecond."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def uuid(self) -> str:
        """Return a UUID of 122 random bits."""
        return str(uuid.uuid4())

    def ulid(self, now: int) -> str:
        """Return a ULID at `now` (unix milliseconds)."""
        fresh = (now << 80) | secrets.randbits(80)
        with self._lock:
            self._last = fresh if fresh > self._last else self._last + 1
            value = self._last
        return "".join(_CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5))

    def entropy(self, count: int) -> bytes:
        """Return random bytes, for secrets."""
        return secrets.token_bytes(count)


def fraction() -> float:
    """Return a random number from 0 up to, not including, 1."""
    return secrets.randbelow(1_000) / 1_000


def spread() -> float:
    """Return a random number from -1 to 1, to spread retries."""
    return (secrets.randbelow(2_001) - 1_000) / 1_000
