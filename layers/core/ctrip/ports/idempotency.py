"""Idempotency keys: what a caller sent, and what was answered first."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A caller's idempotency key, its route, and the hash of the body that came with it; `owner` is the merchant."""

    owner: str
    route: str
    key: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class Remembered:
    """What an idempotency key answered first: the event that it made holds the body, or `answer` is it, as JSON."""

    body_hash: str
    payment_id: str = ""
    event_ulid: str = ""
    answer: str = ""
