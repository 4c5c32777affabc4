"""Other people's servers."""

from dataclasses import dataclass, field
from typing import Protocol

KEPT_BYTES = 1_024  # of an answer, for the log of deliveries


TIMED_OUT = "timed out"  # the error of a receiver that kept its caller waiting to the end


@dataclass(frozen=True, slots=True)
class Reply:
    """How an HTTP receiver answered; `status` is None where it did not, and `error` says why.

    `retry_after` is its header of that name, as it came; `body` the beginning of its answer, at most `KEPT_BYTES`.
    """

    status: int | None
    error: str | None = None
    retry_after: str | None = None
    body: bytes = field(default=b"", compare=False)


class WebhookSender(Protocol):
    """The merchants' webhook endpoints."""

    def post(self, url: str, headers: dict[str, str], body: bytes) -> Reply:
        """Deliver once, within 15 seconds; whatever the receiver does is data, not an exception."""
        ...
