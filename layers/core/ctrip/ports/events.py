"""Events and deliveries, as the services keep them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ctrip.domain.jobs import WebhookJob
from ctrip.domain.webhooks.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One attempt to deliver one event to one endpoint; `status_code` is None where no answer came.

    `type` is the event's, and `answer` how the endpoint's answer begins, masked.
    """

    merchant_id: str
    event_ulid: str
    type: str
    endpoint: str
    attempt: int
    at: int
    latency_ms: int
    status_code: int | None
    error: str | None
    next_attempt_at: int | None
    answer: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the endpoint has the event."""
        return self.status_code is not None and 200 <= self.status_code < 300


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """A page of an endpoint's log; it may be short while `position` is set."""

    deliveries: tuple[Delivery, ...]
    position: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A first attempt that is in the outbox: committed `at` that time (unix milliseconds), and on record nowhere."""

    merchant_id: str
    ulid: str
    endpoint: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An attempt whose time has come (`at`), and how many times it has been left to a worker already."""

    merchant_id: str
    ulid: str
    endpoint: str
    attempt: int
    at: int
    leases: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """What a feed asks for: `after` and `position` are ULIDs, the latter a cursor's; times are unix milliseconds.

    Nothing from `until` on is shown: what is younger may yet be preceded by what commits more slowly.
    """

    newest_first: bool = True
    after: str | None = None
    type: str | None = None
    created_after: int | None = None
    created_before: int | None = None
    until: int | None = None
    limit: int = 20
    position: str | None = None

    def takes(self, event: Event) -> bool:
        """Whether an event is among what is asked for, wherever the page begins."""
        return (
            event.ulid > (self.after or "")
            and self.type in (None, event.type)
            and (self.created_after is None or event.at >= self.created_after)
            and (self.created_before is None or event.at <= self.created_before)
            and (self.until is None or event.at < self.until)
        )


@dataclass(frozen=True, slots=True)
class EventPage:
    """A page of events; it may be short while `position` is set."""

    events: tuple[Event, ...]
    position: str | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is known of jobs before they are done, by merchant, ULID, endpoint and attempt; some of it may be missing.

    `events` are the jobs' events, and `made` the records of the very attempts that they ask for.
    """

    events: Mapping[tuple[str, str], Event]
    made: Mapping[tuple[str, str, str, int], Delivery]


@dataclass(frozen=True, slots=True)
class Place:
    """The row that an attempt came from: of the due index at `due_at`, else of the outbox where it was a first one."""

    ulid: str
    endpoint: str
    attempt: int
    due_at: int


class EventStore(Protocol):
    """Events, their deliveries that are still to be made, and how those went that were."""

    def page(self, merchant_id: str, wanted: EventFilter) -> EventPage:
        """List a merchant's events; reads at most five pages, then answers short."""
        ...

    def payments_between(self, merchant_id: str, first: int, last: int) -> set[str]:
        """Return the ids of payments that have events from `first` up to before `last` (milliseconds)."""
        ...

    def named(self, merchant_id: str, ulids: Sequence[str]) -> list[Event]:
        """Return the events of these ULIDs that are still kept, in that order."""
        ...

    def event(self, merchant_id: str, ulid: str) -> Event | None:
        """Read an event, consistently."""
        ...

    def prepare(self, jobs: Sequence[WebhookJob]) -> Prepared:
        """Read what a batch of jobs is about, in one call; what is of this moment may be missing."""
        ...

    def add(self, event: Event) -> None:
        """Commit an event that no other decision comes with, and a row of the outbox for each of its endpoints."""
        ...

    def unacknowledged(self, before: int) -> list[Waiting]:
        """Return the first attempts in the outbox that were committed before that time, oldest first, bounded.

        An event has one for each endpoint that wanted it when it was committed (`Event.endpoints`).
        """
        ...

    def attempted(self, merchant_id: str, ulid: str, endpoint: str, attempt: int) -> Delivery | None:
        """Return the record of an attempt; one of this moment may be missing yet."""
        ...

    def last_attempt(self, merchant_id: str, ulid: str, endpoint: str) -> Delivery | None:
        """Return the record of the newest attempt to deliver an event to an endpoint, read consistently."""
        ...

    def deliveries(self, merchant_id: str, endpoint: str, *, position: str | None, limit: int) -> DeliveryPage:
        """Return an endpoint's log: the newest event's attempts first, each event's newest attempt first."""
        ...

    def record(
        self, delivery: Delivery, *, due_index: bool, due_at: int = 0, leaving: list[Place] | None = None
    ) -> None:
        """Store an attempt, once, and then do what follows from it; the one whose record stands already does nothing.

        With `leaving` the row that it came from is put there, for a later `leave`, instead of being deleted.
        A crash in between leaves the record without what follows: whoever repeats the attempt finds it, and finishes.
        """
        ...

    def record_delivered(self, made: Sequence[tuple[Delivery, Place]]) -> None:
        """Store attempts that succeeded and delete the rows that they came from, in one call.

        A record that stands already is replaced: an attempt that two workers made has been delivered if one says so.
        A crash may leave a row without its record or the reverse: the attempt's message is still queued then.
        """
        ...

    def finish(self, delivery: Delivery, *, due_index: bool, due_at: int = 0) -> None:
        """Do what follows from an attempt that is on record; a second time changes nothing.

        With `due_index` the next attempt goes on the due index. Only then does the attempt itself leave the place that
        it came from: the row of the due index at `due_at`, or else the outbox, where it was a first one.
        """
        ...

    def leave(self, places: Sequence[Place]) -> None:
        """Delete the rows that attempts came from that are on record; a second time changes nothing."""
        ...

    def postpone(self, due: Due, *, due_at: int = 0) -> None:
        """Put an attempt that was not made on the due index, at `due.at`; then it leaves the place that it came from.

        That is as in `finish`: what is on the due index is as safe as in the outbox.
        """
        ...

    def drop(self, due: Due) -> None:
        """Take an attempt off the due index that is done; a second time changes nothing."""
        ...

    def due(self, before: int) -> list[Due]:
        """Return the attempts that are due by `before` and leased to nobody then, soonest first, bounded."""
        ...

    def lease(self, due: Due, until: int) -> bool:
        """Leave a due attempt to a worker until that time; False where its outcome has been recorded meanwhile."""
        ...
