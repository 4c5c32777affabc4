"""Give the first answer again to a request that comes a second time."""

from dataclasses import dataclass
from typing import Any

from ctrip.domain.errors import KeyReused
from ctrip.domain.view import first_answer
from ctrip.ports import EventStore, Idempotency, PaymentStore


@dataclass(frozen=True, slots=True)
class Answer:
    """A payment as it is shown; `replayed` when an earlier call with the same idempotency key got it."""

    view: dict[str, Any]
    replayed: bool


@dataclass(frozen=True, slots=True)
class Replayer:
    """Finds what an idempotency key answered first: the event that the request made has frozen it."""

    payments: PaymentStore
    events: EventStore

    def first(self, idempotency: Idempotency | None) -> Answer | None:
        """Return the first answer, None for a key that is new; raises `KeyReused` where the body was another."""
        if idempotency is None:
            return None
        known = self.payments.remembered(idempotency.merchant_id, idempotency.route, idempotency.key)
        if known is None:
            return None
        if known.body_hash != idempotency.body_hash:
            raise KeyReused("The idempotency key was used before with another body.")
        event = self.events.event(idempotency.merchant_id, known.event_ulid)
        return Answer(first_answer(event.body), replayed=True) if event else None
