"""Events, the outbox, and the record of deliveries."""

from collections.abc import Callable, Sequence

from pynamodb.connection import Connection
from pynamodb.expressions.operand import Path

from ctrip.domain.events import Event
from ctrip.ports import Clock, Delivery, EventFilter, EventPage
from ctrip.store import tables
from ctrip.store.codec import decode, encode
from ctrip.store.database import Database, Item, Rows, delete, document, keyed, number, put, read_document, text
from ctrip.store.errors import ConditionFailed
from ctrip.store.layout import EVENT_SECONDS, event_of

PAGES = 5
PER_SHARD = 25  # so that one answer is at most 200, a batch that a worker can finish

_DELIVERY_KEYS = frozenset({"event_ulid", "attempt"})


class DynamoEvents:
    """The `ports.EventStore` on DynamoDB."""

    def __init__(
        self,
        stage: str,
        *,
        clock: Clock | None = None,
        jitter: Callable[[], float] | None = None,
        connected: Connection | None = None,
    ) -> None:
        self._db = Database(stage, clock=clock, jitter=jitter, connected=connected)
        self._table = self._db.tables.events

    def event(self, merchant_id: str, ulid: str) -> Event | None:
        """Read an event, consistently."""
        item = self._db.get(self._table, tables.event_key(merchant_id, ulid))
        return event_of(item) if item else None

    def page(self, merchant_id: str, wanted: EventFilter) -> EventPage:
        """List a merchant's events; reads at most five pages, then answers short."""
        found: list[Event] = []
        position = wanted.position
        for _ in range(PAGES):
            rows = self._events_after(merchant_id, wanted, position)
            for item in rows.items:
                position = tables.key_of(item).sk
                event = event_of(item)
                if wanted.type in (None, event.type):
                    found.append(event)
                if len(found) == wanted.limit:
                    last = not rows.more and position == tables.key_of(rows.items[-1]).sk
                    return EventPage(tuple(found), None if last else position)
            if not rows.more:
                return EventPage(tuple(found), None)
        return EventPage(tuple(found), position)

    def payments_between(self, merchant_id: str, first: int, last: int) -> set[str]:
        """Return the ids of payments of which something was told from `first` up to before `last` (milliseconds)."""
        low, high = tables.ulid_floor(first), tables.ulid_floor(last)
        condition = (Path("pk") == tables.event_key(merchant_id, "").pk) & Path("sk").between(low, high)
        return {event_of(item).payment_id for item in self._db.each(self._table, condition, consistent=True)}

    def named(self, merchant_id: str, ulids: Sequence[str]) -> list[Event]:
        """Return the events of these ULIDs that are still kept, in that order."""
        keys = [tables.event_key(merchant_id, ulid) for ulid in ulids]
        items = self._db.batch(self._table, keys, consistent=False)
        return [event_of(items[key]) for key in keys if key in items]

    def _events_after(self, merchant_id: str, wanted: EventFilter, position: str | None) -> Rows:
        # Neither end is wanted itself, and DynamoDB's BETWEEN takes both: a character before and behind each.
        low = (wanted.after or "") + "!"
        high = "~"
        if position is not None and wanted.newest_first:
            high = position[:-1] + chr(ord(position[-1]) - 1) + "~"
        elif position is not None:
            low = max(low, position + "!")
        limit = 100 if wanted.type else wanted.limit + 1
        if low > high:
            return Rows([], more=False)
        condition = (Path("pk") == tables.event_key(merchant_id, "").pk) & Path("sk").between(low, high)
        return self._db.query(self._table, condition, limit=limit, forward=not wanted.newest_first)

    def unacknowledged(self, before: int) -> list[tuple[str, str]]:
        """Return (merchant id, ulid) of what was committed before that time and not acknowledged, oldest first."""
        items = self._first_of_shards(tables.outbox_partition, tables.ulid_floor(before))
        return sorted(
            ((tables.plain(item, "merchant"), tables.key_of(item).sk) for item in items), key=lambda each: each[1]
        )

    def acknowledge(self, ulid: str) -> None:
        """Strike an event off the outbox; a second time changes nothing."""
        self._db.write(delete(self._table, tables.outbox_key(ulid)))

    def attempted(self, event_ulid: str, attempt: int) -> Delivery | None:
        """Return the record of an attempt."""
        item = self._db.get(self._table, tables.delivery_key(event_ulid, attempt))
        return decode(Delivery, read_document(item, "doc"), event_ulid=event_ulid, attempt=attempt) if item else None

    def record(self, event: Event, delivery: Delivery, *, due_index: bool) -> None:
        """Store an attempt, strike the event off the outbox and, with `due_index`, note when the next is due; once."""
        attempt = keyed(
            tables.delivery_key(event.ulid, delivery.attempt),
            doc=document(encode(delivery, without=_DELIVERY_KEYS)),
            ttl=number(delivery.at // 1000 + EVENT_SECONDS),
        )
        writes = [
            # Holds unless another worker has recorded this attempt, and with it what follows from it.
            put(self._table, attempt, Path("pk").does_not_exist(), name="attempt"),
            delete(self._table, tables.outbox_key(event.ulid)),
        ]
        if due_index and delivery.next_attempt_at is not None:
            due = tables.due_key(event.ulid, delivery.attempt + 1, delivery.next_attempt_at)
            writes.append(put(self._table, keyed(due, merchant=text(event.merchant_id))))
        try:
            self._db.transact(writes)
        except ConditionFailed:
            return

    def due(self, before: int) -> list[tuple[str, str, int]]:
        """Return (merchant id, ulid, attempt) whose time has come at `before`, soonest first, bounded."""
        items = self._first_of_shards(tables.due_partition, tables.until(before))
        found = sorted((tables.due_parts(tables.key_of(item)), tables.plain(item, "merchant")) for item in items)
        return [(merchant, ulid, attempt) for (_, ulid, attempt), merchant in found]

    def taken(self, ulid: str, attempt: int, due_at: int) -> None:
        """Strike a due attempt off the index; a second time changes nothing.

        `due_at` may be any time since it was due: the attempt before it says when exactly.
        """
        before = self.attempted(ulid, attempt - 1)
        exactly = before.next_attempt_at if before and before.next_attempt_at is not None else due_at
        self._db.write(delete(self._table, tables.due_key(ulid, attempt, exactly)))

    def _first_of_shards(self, partition: Callable[[int], str], end: str) -> list[Item]:
        return [
            item
            for shard in range(tables.OUTBOX_SHARDS)
            for item in self._db.query(
                self._table, (Path("pk") == partition(shard)) & (Path("sk") < end), limit=PER_SHARD
            ).items
        ]
