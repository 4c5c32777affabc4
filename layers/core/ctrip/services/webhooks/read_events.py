"""The feed of events, for whoever missed a webhook."""

import json
import re
from dataclasses import dataclass, replace

from ctrip.domain.errors import InvalidField
from ctrip.domain.webhooks.events import Event
from ctrip.ports.events import EventFilter, EventStore
from ctrip.ports.runtime import Clock
from ctrip.services.payments.read_payment import PaymentReader
from ctrip.views.events import EventPage

# An event is dated before it commits: whoever follows the feed must not be shown the later one first.
SETTLE_MS = 1_000
EVENT_ID = re.compile(r"evt_([0-9A-HJKMNP-TV-Z]{26})", re.ASCII)


@dataclass(frozen=True, slots=True)
class EventReader:
    """Reads events, each merchant its own, with the payloads that they were frozen with."""

    events: EventStore
    payments: PaymentReader
    clock: Clock

    def page(self, merchant_id: str, wanted: EventFilter, payment_id: str | None) -> EventPage:
        """List events; `next_cursor` is the id of the event to go on from."""
        wanted = replace(wanted, until=self.clock.now() - SETTLE_MS)
        if payment_id is not None:
            return self._of_payment(merchant_id, wanted, payment_id)
        page = self.events.page(merchant_id, wanted)
        return _answer(page.events, page.position)

    def _of_payment(self, merchant_id: str, wanted: EventFilter, payment_id: str) -> EventPage:
        payment = self.payments.find(merchant_id, payment_id)
        ulids = [each for each in self.payments.payments.events_of(payment.id) if each > (wanted.after or "")]
        if wanted.newest_first:
            ulids.reverse()
        if (position := wanted.position) is not None:
            ulids = [each for each in ulids if (each < position if wanted.newest_first else each > position)]
        found: list[Event] = []
        for start in range(0, len(ulids), wanted.limit):
            found += self.events.named(merchant_id, ulids[start : start + wanted.limit])
            found = [event for event in found if wanted.takes(event)]
            if len(found) >= wanted.limit:
                break
        shown = found[: wanted.limit]
        more = bool(shown) and shown[-1].ulid != ulids[-1]
        return _answer(tuple(shown), shown[-1].ulid if more else None)


def ulid_of(name: str, event_id: str | None) -> str | None:
    """Read an event's id; raises `InvalidField` naming the parameter."""
    if event_id is None:
        return None
    if (match := EVENT_ID.fullmatch(event_id)) is None:
        raise InvalidField(name, "invalid_value", "must be the id of an event, such as evt_01J...")
    return match.group(1)


def _answer(events: tuple[Event, ...], position: str | None) -> EventPage:
    data = [json.loads(event.body) for event in events]
    return {"data": data, "next_cursor": f"evt_{position}" if position else None}
