"""Events, the outbox, and the record of deliveries."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from pynamodb.expressions.operand import Path

from ctrip.domain.jobs import WebhookJob
from ctrip.domain.webhooks.events import Event
from ctrip.ports.events import Delivery, DeliveryPage, Due, EventFilter, EventPage, Place, Prepared, Waiting
from ctrip.store import tables
from ctrip.store.changes import ABSENT
from ctrip.store.engine.database import Item, Store, delete, keyed, put, text, update
from ctrip.store.engine.errors import ConditionFailed
from ctrip.store.layout import delivery_item, delivery_of, event_items, event_of
from ctrip.store.tables import Key

PAGES = 5
LONG_PAGE = 100
PER_ENDPOINT = 25  # due attempts of one endpoint in one shard that are answered with: it hides no other's
ROWS = 2_000  # of one shard that are looked through


class DynamoEvents(Store):
    """The `ports.EventStore` on DynamoDB.

    An event is committed once, under its merchant, and never moves. For each endpoint that wants it the same
    transaction writes a row of the outbox: the first attempt, until that is on record or on the due index.
    """

    own = "events"

    def event(self, merchant_id: str, ulid: str) -> Event | None:
        """Read an event; it never changes, so that an eventual read that finds it is as good as any."""
        key = tables.event_key(merchant_id, ulid)
        item = self._db.get(self._table, key, consistent=False) or self._db.get(self._table, key)
        return event_of(item) if item else None

    def between(
        self, merchant_id: str, low: str, high: str, *, limit: int, forward: bool = True
    ) -> tuple[list[Event], str | None]:
        """Return a merchant's events between two ULIDs, both included, read consistently, and after which to go on.

        A page may be short while there are more.
        """
        condition = (Path("pk") == tables.event_key(merchant_id, "").pk) & Path("sk").between(low, high)
        rows = self._db.query(self._table, condition, limit=limit + 1, forward=forward, consistent=True)
        found = [event_of(item) for item in rows.items[:limit]]
        more = rows.more or len(rows.items) > limit
        return found, found[-1].ulid if more and found else None

    def page(self, merchant_id: str, wanted: EventFilter) -> EventPage:
        """List a merchant's events; reads at most five pages, then answers short."""
        found: list[Event] = []
        position = wanted.position
        for _ in range(PAGES):
            low, high = _ends(wanted, position)
            if low > high:
                return EventPage(tuple(found), None)
            limit = LONG_PAGE if wanted.type else wanted.limit
            events, edge = self.between(merchant_id, low, high, limit=limit, forward=not wanted.newest_first)
            for event in events:
                if wanted.takes(event):
                    found.append(event)
                if len(found) == wanted.limit:
                    last = edge is None and event is events[-1]
                    return EventPage(tuple(found), None if last else event.ulid)
            if (position := edge) is None:
                return EventPage(tuple(found), None)
        return EventPage(tuple(found), position)

    def payments_between(self, merchant_id: str, first: int, last: int) -> set[str]:
        """Return the ids of payments that have events from `first` up to before `last` (milliseconds)."""
        low, high = tables.ulid_floor(first), tables.ulid_floor(last)
        found: set[str] = set()
        while low:
            events, edge = self.between(merchant_id, low, high, limit=LONG_PAGE)
            found |= {event.payment_id for event in events if event.payment_id is not None}
            low = f"{edge}!" if edge else ""
        return found

    def named(self, merchant_id: str, ulids: Sequence[str]) -> list[Event]:
        """Return the events of these ULIDs that are still kept, in that order."""
        keys = [tables.event_key(merchant_id, ulid) for ulid in ulids]
        items = self._db.batch(self._table, keys)
        return [event_of(items[key]) for key in keys if key in items]

    def prepare(self, jobs: Sequence[WebhookJob]) -> Prepared:
        """Read what a batch of jobs is about, in one call."""
        events = {tables.event_key(each.merchant_id, each.event) for each in jobs}
        made = {tables.delivery_key(each.merchant_id, each.endpoint, each.event, each.attempt) for each in jobs}
        items = self._db.batch(self._table, [*events, *made], consistent=False)
        found = [event_of(items[key]) for key in events if key in items]
        records = [delivery_of(items[key]) for key in made if key in items]
        return Prepared(
            {(each.merchant_id, each.ulid): each for each in found},
            {(each.merchant_id, each.event_ulid, each.endpoint, each.attempt): each for each in records},
        )

    def add(self, event: Event) -> None:
        """Commit an event that no other decision comes with; the same one a second time changes nothing."""
        self._db.transact([put(self._table, item) for item in event_items(event)])

    def unacknowledged(self, before: int) -> list[Waiting]:
        """Return the first attempts that were committed before that time, oldest first, of each shard up to `ROWS`."""
        found = []
        for shard in range(tables.DELIVERY_SHARDS):
            for item in self._rows(tables.outbox_partition(shard), tables.ulid_floor(before)):
                ulid, endpoint = tables.key_of(item).sk.split("#", 1)
                merchant_id, at = tables.plain(item, "merchant"), tables.ulid_time(ulid)
                found.append(Waiting(merchant_id=merchant_id, ulid=ulid, endpoint=endpoint, at=at))
        return sorted(found, key=lambda each: each.ulid)

    def attempted(self, merchant_id: str, ulid: str, endpoint: str, attempt: int) -> Delivery | None:
        """Return the record of an attempt, read eventually: whom it escapes does again what may be done twice."""
        return self._recorded(tables.delivery_key(merchant_id, endpoint, ulid, attempt), consistent=False)

    def last_attempt(self, merchant_id: str, ulid: str, endpoint: str) -> Delivery | None:
        """Return the record of the newest attempt to deliver an event to an endpoint, read consistently."""
        pk = tables.deliveries_partition(merchant_id, endpoint)
        condition = (Path("pk") == pk) & Path("sk").startswith(f"{ulid}#")
        rows = self._db.query(self._table, condition, limit=1, forward=False, consistent=True)
        return delivery_of(rows.items[0]) if rows.items else None

    def deliveries(self, merchant_id: str, endpoint: str, *, position: str | None, limit: int) -> DeliveryPage:
        """Return an endpoint's log, newest first."""
        condition = Path("pk") == tables.deliveries_partition(merchant_id, endpoint)
        if position is not None:
            condition &= Path("sk") < position
        rows = self._db.query(self._table, condition, limit=limit + 1, forward=False)
        shown = rows.items[:limit]
        more = rows.more or len(rows.items) > limit
        return DeliveryPage(tuple(map(delivery_of, shown)), tables.key_of(shown[-1]).sk if more and shown else None)

    def record(
        self, delivery: Delivery, *, due_index: bool, due_at: int = 0, leaving: list[Place] | None = None
    ) -> None:
        """Store an attempt, once, and then do what follows from it."""
        item = delivery_item(delivery)
        key = tables.key_of(item)
        try:
            # Holds unless another worker has recorded this attempt, and does what follows from it.
            write = put(self._table, item, ABSENT)
            self._db.write(write, ours=lambda: self._recorded(key, consistent=True) == delivery)
        except ConditionFailed:
            return
        self._note_next(delivery, due_index=due_index)
        place = Place(delivery.event_ulid, delivery.endpoint, delivery.attempt, due_at)
        if leaving is None:
            self._leave(place)
        else:
            leaving.append(place)

    def record_delivered(self, made: Sequence[tuple[Delivery, Place]]) -> None:
        """Store attempts that succeeded, whatever is on record of them: the endpoint has the event for certain."""
        items = {tables.key_of(item): item for item in (delivery_item(each) for each, _ in made)}
        rows = [key for _, place in made if (key := _row_of(place)) is not None]
        self._db.put_batch(self._table, list(items.values()), rows)

    def finish(self, delivery: Delivery, *, due_index: bool, due_at: int = 0) -> None:
        """Do what follows from an attempt that is on record: first its successor is noted, then its own row deleted."""
        self._note_next(delivery, due_index=due_index)
        self._leave(Place(delivery.event_ulid, delivery.endpoint, delivery.attempt, due_at))

    def leave(self, places: Sequence[Place]) -> None:
        """Delete the rows that attempts came from that are on record."""
        self._db.delete_batch(self._table, [key for place in places if (key := _row_of(place)) is not None])

    def postpone(self, due: Due, *, due_at: int = 0) -> None:
        """Put an attempt that was not made on the due index; then delete the row that it came from."""
        self._put_due(due.merchant_id, tables.due_key(due.ulid, due.endpoint, due.attempt, due.at))
        if due.at != due_at:
            self._leave(Place(due.ulid, due.endpoint, due.attempt, due_at))

    def _note_next(self, delivery: Delivery, *, due_index: bool) -> None:
        if due_index and (at := delivery.next_attempt_at) is not None:
            key = tables.due_key(delivery.event_ulid, delivery.endpoint, delivery.attempt + 1, at)
            self._put_due(delivery.merchant_id, key)

    def _put_due(self, merchant_id: str, key: Key) -> None:
        self._db.write(put(self._table, keyed(key, merchant=text(merchant_id))))

    def _leave(self, place: Place) -> None:
        if (key := _row_of(place)) is not None:
            self._db.write(delete(self._table, key))

    def drop(self, due: Due) -> None:
        """Take an attempt off the due index that is done."""
        self._leave(Place(due.ulid, due.endpoint, due.attempt, due.at))

    def due(self, before: int) -> list[Due]:
        """Return the attempts that are due by `before` and leased to nobody then, soonest first, bounded."""
        found: list[Due] = []
        for shard in range(tables.DELIVERY_SHARDS):
            counts: Counter[tuple[str, str]] = Counter()
            for item in self._rows(tables.due_partition(shard), tables.until(before)):
                if "leased_until" in item and int(tables.plain(item, "leased_until")) > before:
                    continue
                due = _due(item)
                counts[due.merchant_id, due.endpoint] += 1
                if counts[due.merchant_id, due.endpoint] <= PER_ENDPOINT:
                    found.append(due)
        return sorted(found, key=lambda each: (each.at, each.ulid))

    def lease(self, due: Due, until: int) -> bool:
        """Leave a due attempt to a worker until that time; False where its outcome has been recorded meanwhile."""
        actions = [Path("leased_until").set(until), Path("leases").set(due.leases + 1)]
        key = tables.due_key(due.ulid, due.endpoint, due.attempt, due.at)
        try:
            # Holds while the attempt has no outcome: what has one is not due any more.
            self._db.write(update(self._table, key, actions, Path("pk").exists()))
        except ConditionFailed:
            return False
        return True

    def _recorded(self, key: Key, *, consistent: bool) -> Delivery | None:
        item = self._db.get(self._table, key, consistent=consistent)
        return delivery_of(item) if item else None

    def _rows(self, partition: str, end: str) -> Iterator[Item]:
        """Read a shard from its oldest row on, up to `end` and to `ROWS`."""
        return islice(self._db.each(self._table, (Path("pk") == partition) & (Path("sk") < end)), ROWS)


def _row_of(place: Place) -> Key | None:
    """Return the row that an attempt came from; None where a message alone brought it."""
    if place.due_at:
        return tables.due_key(place.ulid, place.endpoint, place.attempt, place.due_at)
    return tables.outbox_key(place.ulid, place.endpoint) if place.attempt == 1 else None


def _due(item: Item) -> Due:
    at, ulid, attempt, endpoint = tables.due_parts(tables.key_of(item))
    leases = int(tables.plain(item, "leases")) if "leases" in item else 0
    merchant_id = tables.plain(item, "merchant")
    return Due(merchant_id=merchant_id, ulid=ulid, endpoint=endpoint, attempt=attempt, at=at, leases=leases)


def _ends(wanted: EventFilter, position: str | None) -> tuple[str, str]:
    """Return both ends of what a page may hold; neither `after` nor the position is among it.

    Both ends of a range count in DynamoDB: a character before and behind each ULID leaves it out.
    """
    since = tables.ulid_floor(max(wanted.created_after, 0)) if wanted.created_after is not None else ""
    low = max(f"{wanted.after or ''}!", since)
    ends = [each for each in (wanted.until, wanted.created_before and wanted.created_before + 1) if each is not None]
    high = tables.ulid_floor(max(min(ends), 0)) if ends else "~"
    if position is None:
        return low, high
    if wanted.newest_first:
        return low, min(high, f"{position[:-1]}{chr(ord(position[-1]) - 1)}~")
    return max(low, f"{position}!"), high
