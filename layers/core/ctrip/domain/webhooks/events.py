"""Events: what happened, told once, with a payload that never changes."""

from dataclasses import dataclass

API_VERSION = "2026-11-01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened to a payment; `ulid` orders a merchant's events, `body` is the frozen JSON text."""

    ulid: str
    type: str
    merchant_id: str
    payment_id: str
    at: int
    url: str | None
    body: str
    request_id: str = ""  # of the call that made it happen, where one did

    @property
    def id(self) -> str:
        """The public id."""
        return f"evt_{self.ulid}"
