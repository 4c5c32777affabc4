"""Read how a payment's events were delivered, for who looks at the payment."""

from dataclasses import dataclass

from ctrip.domain.payments.payment import Payment
from ctrip.domain.webhooks.events import Event
from ctrip.ports.events import Delivery, EventStore
from ctrip.ports.payments import PaymentStore

MOST_EVENTS = 50


@dataclass(frozen=True, slots=True)
class Told:
    """One event, and the newest attempt to deliver it to each endpoint that wanted it; None: none was made yet."""

    event: Event
    deliveries: tuple[tuple[str, Delivery | None], ...]


@dataclass(frozen=True, slots=True)
class PaymentDeliveries:
    """Reads the events of a payment, newest first, with their newest deliveries."""

    payments: PaymentStore
    events: EventStore

    def read(self, payment: Payment) -> list[Told]:
        """Return the newest events of a payment, bounded."""
        ulids = self.payments.events_of(payment.id)[-MOST_EVENTS:]
        found = self.events.named(payment.merchant_id, ulids[::-1])
        return [Told(each, tuple(self._newest(each, endpoint) for endpoint in each.endpoints)) for each in found]

    def _newest(self, event: Event, endpoint: str) -> tuple[str, Delivery | None]:
        return endpoint, self.events.last_attempt(event.merchant_id, event.ulid, endpoint)
