"""Other people's servers."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Reply:
    """How an HTTP receiver answered; `status` is None where it did not, and `error` says why.

    `retry_after` is its header of that name, as it came.
    """

    status: int | None
    error: str | None = None
    retry_after: str | None = None


class WebhookSender(Protocol):
    """The merchants' webhook endpoints."""

    def post(self, url: str, headers: dict[str, str], body: bytes) -> Reply:
        """Deliver once, within 15 seconds; whatever the receiver does is data, not an exception."""
        ...
