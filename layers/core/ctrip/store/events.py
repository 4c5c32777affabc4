"""Events, the outbox, and the record of deliveries."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from pynamodb.expressions.operand import Path

from ctrip.domain.webhooks.events import Event
from ctrip.ports import Delivery, Due, EventFilter, EventPage
from ctrip.store import tables
from ctrip.store.changes import ABSENT
from ctrip.store.engine.database import Item, Store, delete, keyed, put, text, update
from ctrip.store.engine.errors import ConditionFailed
from ctrip.store.layout import delivery_item, delivery_of, event_item, event_of

PAGES = 5
LONG_PAGE = 100
EXAMINED = 5_000  # events of all merchants in one shard of the outbox, which is as good as empty while all is well
PER_SHARD = 25  # so that one answer is at most 200, a batch that a worker can finish
ROWS = 2_000  # of one shard, looked through for those


class DynamoEvents(Store):
    """The `ports.EventStore` on DynamoDB.

    An event that has a receiver is committed to the outbox, whole. Its first attempt files it under its merchant, where
    it is kept for a time, and then deletes it from the outbox: it is always in one of the two places, and for a moment
    in both. An event without a receiver is filed by its commit (`Event.has_receiver`), and never moves.
    """

    own = "events"

    def event(self, merchant_id: str, ulid: str) -> Event | None:
        """Read an event, wherever it stands."""
        outbox, filed = tables.outbox_key(merchant_id, ulid), tables.event_key(merchant_id, ulid)
        # It never changes, so that an eventual read that finds it is as good as any. What those do not find is asked
        # for consistently, in the order in which an event moves.
        for consistent in (False, True):
            for key in (outbox, filed):
                item = self._db.get(self._table, key, consistent=consistent)
                if item and (found := event_of(item)).merchant_id == merchant_id:
                    return found
        return None

    def between(
        self, merchant_id: str, low: str, high: str, *, limit: int, forward: bool = True
    ) -> tuple[list[Event], str | None]:
        """Return a merchant's events between two ULIDs, both included, told or not, and after which to go on.

        Read consistently, in the order in which an event moves: none escapes by moving, so that whoever goes on has
        missed nothing. A page may be short while there are more.
        """
        waiting, edge = self._waiting(merchant_id, low, high, limit, forward)
        condition = (Path("pk") == tables.event_key(merchant_id, "").pk) & Path("sk").between(low, high)
        rows = self._db.query(self._table, condition, limit=limit + 1, forward=forward, consistent=True)
        found = {tables.key_of(item).sk: event_of(item) for item in (*waiting, *rows.items)}
        ulids = sorted(found, reverse=not forward)
        if rows.more and len(rows.items) <= limit:
            # DynamoDB stops at a megabyte, before the limit: nothing is known of what lies behind.
            last = tables.key_of(rows.items[-1]).sk
            edge = last if edge is None else min(edge, last) if forward else max(edge, last)
        if edge is not None:
            ulids = [ulid for ulid in ulids if (ulid <= edge if forward else ulid >= edge)]
        if len(ulids) > limit:
            edge = ulids[limit - 1]
        return [found[ulid] for ulid in ulids[:limit]], edge

    def _waiting(
        self, merchant_id: str, low: str, high: str, limit: int, forward: bool
    ) -> tuple[list[Item], str | None]:
        """Return what is in the outbox, and up to where it was looked at, None where that is all of it."""
        shard = tables.outbox_key(merchant_id, "").pk
        condition = (Path("pk") == shard) & Path("sk").between(low, high)
        found: list[Item] = []
        for number, item in enumerate(self._db.each(self._table, condition, consistent=True, forward=forward), 1):
            if tables.plain(item, "merchant") == merchant_id:
                found.append(item)
            if len(found) > limit or number == EXAMINED:
                return found, tables.key_of(item).sk
        return found, None

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
        """Return the ids of payments of which something was told from `first` up to before `last` (milliseconds)."""
        low, high = tables.ulid_floor(first), tables.ulid_floor(last)
        found: set[str] = set()
        while low:
            events, edge = self.between(merchant_id, low, high, limit=LONG_PAGE)
            found |= {event.payment_id for event in events}
            low = f"{edge}!" if edge else ""
        return found

    def named(self, merchant_id: str, ulids: Sequence[str]) -> list[Event]:
        """Return the events of these ULIDs that are still kept, in that order, wherever each of them stands."""
        found: dict[str, Event] = {}
        for key_of in (tables.outbox_key, tables.event_key):  # the order in which an event moves
            items = self._db.batch(self._table, [key_of(merchant_id, ulid) for ulid in ulids])
            found |= {event.ulid: event for event in map(event_of, items.values()) if event.merchant_id == merchant_id}
        return [found[ulid] for ulid in ulids if ulid in found]

    def unacknowledged(self, before: int) -> list[tuple[str, str, int]]:
        """Return what was committed before that time and not acknowledged, oldest first, of each shard up to `ROWS`."""
        found = []
        for shard in range(tables.OUTBOX_SHARDS):
            for item in self._rows(tables.outbox_partition(shard), tables.ulid_floor(before)):
                ulid = tables.key_of(item).sk
                found.append((tables.plain(item, "merchant"), ulid, tables.ulid_time(ulid)))
        return sorted(found, key=lambda each: each[1])

    def acknowledge(self, event: Event) -> None:
        """Keep an event that is told to nobody, and strike it off the outbox; a second time changes nothing."""
        self._once(event_item(event, None))
        self._db.write(delete(self._table, tables.outbox_key(event.merchant_id, event.ulid)))

    def attempted(self, merchant_id: str, ulid: str, attempt: int) -> Delivery | None:
        """Return the record of an attempt, read eventually: whom it escapes does again what may be done twice."""
        return self._recorded(merchant_id, ulid, attempt, consistent=False)

    def record(self, event: Event, delivery: Delivery, *, due_index: bool) -> None:
        """Store an attempt, once, and then do what follows from it; the first files the event under its merchant."""
        item = event_item(event, delivery) if delivery.attempt == 1 else delivery_item(delivery)
        if self._once(item, ours=lambda: self._is_ours(event.merchant_id, delivery)):
            self.finish(event.merchant_id, delivery, due_index=due_index)

    def finish(self, merchant_id: str, delivery: Delivery, *, due_index: bool) -> None:
        """Do what follows from an attempt that is on record, the outbox last: what stands there is looked at again."""
        ulid = delivery.event_ulid
        if due_index and delivery.next_attempt_at is not None:
            due = tables.due_key(ulid, delivery.attempt + 1, delivery.next_attempt_at)
            self._db.write(put(self._table, keyed(due, merchant=text(merchant_id))))
        if delivery.attempt == 1:
            self._db.write(delete(self._table, tables.outbox_key(merchant_id, ulid)))
            return
        before = self._recorded(merchant_id, ulid, delivery.attempt - 1, consistent=True)
        if before is not None and before.next_attempt_at is not None:
            self._db.write(delete(self._table, tables.due_key(ulid, delivery.attempt, before.next_attempt_at)))

    def due(self, before: int) -> list[Due]:
        """Return the attempts that are due by `before` and leased to nobody then, soonest first, bounded."""
        found: list[Due] = []
        for shard in range(tables.OUTBOX_SHARDS):
            mine = 0
            for item in self._rows(tables.due_partition(shard), tables.until(before)):
                if "leased_until" in item and int(tables.plain(item, "leased_until")) > before:
                    continue
                found.append(_due(item))
                if (mine := mine + 1) == PER_SHARD:
                    break
        return sorted(found, key=lambda each: (each.at, each.ulid))

    def lease(self, due: Due, until: int) -> bool:
        """Leave a due attempt to a worker until that time; False where its outcome has been recorded meanwhile."""
        actions = [Path("leased_until").set(until), Path("leases").set(due.leases + 1)]
        key = tables.due_key(due.ulid, due.attempt, due.at)
        try:
            # Holds while the attempt has no outcome: what has one is not due any more.
            self._db.write(update(self._table, key, actions, Path("pk").exists()))
        except ConditionFailed:
            return False
        return True

    def _recorded(self, merchant_id: str, ulid: str, attempt: int, *, consistent: bool) -> Delivery | None:
        key = tables.event_key(merchant_id, ulid) if attempt == 1 else tables.delivery_key(ulid, attempt)
        item = self._db.get(self._table, key, consistent=consistent)
        return delivery_of(item, ulid, attempt) if item else None

    def _is_ours(self, merchant_id: str, delivery: Delivery) -> bool:
        return self._recorded(merchant_id, delivery.event_ulid, delivery.attempt, consistent=True) == delivery

    def _once(self, item: Item, ours: Callable[[], bool] | None = None) -> bool:
        """Put an item where none is; say whether it is ours."""
        try:
            # Holds unless another worker has recorded this attempt, and does what follows from it.
            self._db.write(put(self._table, item, ABSENT), ours=ours)
        except ConditionFailed:
            return False
        return True

    def _rows(self, partition: str, end: str) -> Iterator[Item]:
        """Read a shard from its oldest row on, up to `end` and to `ROWS`."""
        return islice(self._db.each(self._table, (Path("pk") == partition) & (Path("sk") < end)), ROWS)


def _due(item: Item) -> Due:
    at, ulid, attempt = tables.due_parts(tables.key_of(item))
    leases = int(tables.plain(item, "leases")) if "leases" in item else 0
    return Due(merchant_id=tables.plain(item, "merchant"), ulid=ulid, attempt=attempt, at=at, leases=leases)


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
