"""Queues and asynchronous calls."""

from collections.abc import Sequence
from typing import Protocol


class Jobs(Protocol):
    """Queues and asynchronous calls."""

    def deliver(self, deliveries: Sequence[tuple[str, str, int]], *, delay: int = 0) -> None:
        """Queue webhook jobs (merchant id, event id, attempt), `delay` seconds from now."""
        ...

    def sweep(self, chain: str, asset_key: str) -> None:
        """Queue one sweep job for a chain and asset."""
        ...

    def scan(self, chain: str) -> None:
        """Start a scanner, without waiting for it."""
        ...

    def provision(self) -> None:
        """Have waiting merchants provisioned, without waiting for it."""
        ...
