"""What is remembered of an endpoint, whatever its kind: how much it answers at once, what was asked, its secrets."""

import ipaddress
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote

# How often a question at a block's hash is asked: a balancer's next node may hold what this one does not.
TRIES = 3
# What reading an answer of the wrong shape raises.
GARBAGE = (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError, RecursionError)
_SHORTEST_KEY = 8


@dataclass(slots=True)
class Meter:
    """What was asked of a network: calls by method, and HTTP requests."""

    calls: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, methods: Sequence[str]) -> None:
        """Count one request."""
        with self._lock:
            self.calls.update(methods)
            self.requests += 1


@dataclass(slots=True)
class Window:
    """How much is asked at once: halves where it was too much, doubles again after successes, later after each refusal.

    A refusal that is not about size, gas or time never comes here.
    """

    maximum: int
    size: int = 0
    patience: int = 4
    _streak: int = 0

    def __post_init__(self) -> None:
        self.size = self.size or self.maximum

    def shrink(self, asked: int, least: int = 1) -> bool:
        """Halve what was asked; False, and nothing learnt, where that was `least` or less already."""
        self._streak = 0
        if asked <= least:
            return False
        self.size = max(least, min(self.size, asked) // 2)
        self.patience = min(256, self.patience * 2)
        return True

    def kept(self) -> tuple[int, int]:
        """Return what `put_back` needs."""
        return self.size, self.patience

    def put_back(self, kept: tuple[int, int]) -> None:
        """Forget what was learnt since: the smallest question was refused too, so it was not about size."""
        self.size, self.patience = kept

    def fits(self) -> None:
        """Note a success."""
        self._streak += 1
        if self._streak >= self.patience and self.size < self.maximum:
            self.size, self._streak = min(self.maximum, self.size * 2), 0


def names(parts: SplitResult) -> tuple[str, str]:
    """Return what an endpoint is called, and whose word its answers are."""
    host = (parts.hostname or "?").rstrip(".")
    if not _loopback(host):
        return host, host
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{host}:{port}", f"loopback:{port}"


def _loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def secrets(parts: SplitResult) -> tuple[str, ...]:
    """Return what of a URL may be a key, the longest first: it is struck out of whatever a node answers."""
    whole = f"{parts.path}?{parts.query}".strip("/?")
    words = {whole, parts.path.strip("/"), parts.query, parts.username or "", parts.password or ""}
    words |= {word for word in parts.path.split("/") if len(word) >= _SHORTEST_KEY}
    words |= {value for _, value in parse_qsl(parts.query)}
    return tuple(sorted({*words, *map(unquote, words)} - {""}, key=len, reverse=True))
