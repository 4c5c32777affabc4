"""Events: what happened, told once, with a payload that never changes."""

from dataclasses import dataclass

API_VERSION = "2026-11-01"
# Of endpoints themselves; those of payments are in the table of `domain.payments.machine`.
TEST_EVENT = "webhook.test"
DISABLED_EVENT = "webhook.endpoint_disabled"
WEBHOOK_EVENTS = frozenset({TEST_EVENT, DISABLED_EVENT})


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

    @property
    def has_receiver(self) -> bool:
        """Whether an endpoint wants this event; the one place that decides where its transaction writes it.

        An event with a receiver is written to the outbox, and its first delivery is enqueued; its first attempt files
        it. An event without one is filed under its merchant at once: nobody is notified, and there is nothing to relay.
        The invariant: after a commit there is exactly one item of its event, in the outbox or filed.
        Endpoints that a merchant creates or enables later must catch up on what was filed meanwhile; today an event's
        one possible receiver, its `url`, is known when it is committed, so that there is nothing to catch up on.
        """
        return self.url is not None
