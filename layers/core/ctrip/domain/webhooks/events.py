"""Events: what happened, reported once, with a payload that never changes."""

from dataclasses import dataclass
from enum import StrEnum

API_VERSION = "2026-11-01"
# Of endpoints themselves; those of payments are in the table of `domain.payments.machine`.
TEST_EVENT = "webhook.test"
DISABLED_EVENT = "webhook.endpoint_disabled"
WEBHOOK_EVENTS = frozenset({TEST_EVENT, DISABLED_EVENT})


class SubjectKind(StrEnum):
    """What an event may be about; the `object` of its payload's data has the same name."""

    PAYMENT = "payment"
    DEPOSIT = "deposit"
    SETTLEMENT = "settlement"
    REFUND = "refund"
    ASSIGNMENT = "assignment"
    ENDPOINT = "endpoint"


@dataclass(frozen=True, slots=True)
class Subject:
    """The thing that an event is about."""

    kind: SubjectKind
    id: str

    @classmethod
    def payment(cls, payment_id: str) -> "Subject":
        """Name a payment."""
        return cls(SubjectKind.PAYMENT, payment_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened to its subject; `ulid` orders a merchant's events, `body` is the frozen JSON text.

    `endpoints` are the ids of the endpoints that wanted the event when it was committed, and `webhook_url` is the
    address of the endpoint `payment`, which no merchant has created. `payment_id` is None where it concerns no payment.
    Of an event about a payment's state, `was` is the status before it, empty for a new payment, and `had` the flags.
    """

    ulid: str
    type: str
    merchant_id: str
    subject: Subject
    payment_id: str | None
    at: int
    body: str
    endpoints: tuple[str, ...] = ()
    webhook_url: str | None = None
    request_id: str = ""  # of the call that made it happen, where one did
    was: str | None = None
    had: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The public id."""
        return f"evt_{self.ulid}"
