"""An endpoint's log of deliveries, and deliveries that are made again: one, those of a time, and those it missed."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ctrip.domain.errors import Conflict, InvalidField, NotFound
from ctrip.domain.jobs import WebhookJob
from ctrip.domain.webhooks.endpoint import ENDPOINT_ID, Endpoint
from ctrip.domain.webhooks.events import TEST_EVENT, Event
from ctrip.ports.endpoints import EndpointStore
from ctrip.ports.events import Delivery, Due, EventFilter, EventStore
from ctrip.ports.jobs import Jobs
from ctrip.ports.runtime import Clock
from ctrip.services.webhooks.read_events import ulid_of
from ctrip.views.deliveries import DeliveryPage, delivery_id, delivery_view

DELIVERY_ID = re.compile(r"dlv_([0-9A-HJKMNP-TV-Z]{26})_([0-9]{1,4})", re.ASCII)
AT_ONCE = 500  # events that one call looks at
PAGE = 100
CATCH_UP = 0  # the number of the attempt that stands for all that an endpoint missed
SETTLE_MS = 10_000  # within which whoever commits without knowing of an endpoint has committed


@dataclass(frozen=True, slots=True)
class Redelivered:
    """How many deliveries were queued, and the event to go on after, with its time; None where that is all of it."""

    queued: int
    position: str | None
    reached: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeliverer:
    """Reads an endpoint's log, and delivers again: under the next number, so that a retry that is due is that one.

    `longest_cache_ms` is how long whoever commits events may not know of a new endpoint.
    """

    events: EventStore
    endpoints: EndpointStore
    jobs: Jobs
    clock: Clock
    longest_cache_ms: int

    def page(self, merchant_id: str, endpoint_id: str, cursor: str | None, limit: int) -> DeliveryPage:
        """List an endpoint's deliveries; `next_cursor` is the id of the last one shown."""
        self._find(merchant_id, endpoint_id)
        position = None if cursor is None else _position(cursor)
        page = self.events.deliveries(merchant_id, endpoint_id, position=position, limit=limit)
        last = page.deliveries[-1] if page.position else None
        return {
            "data": [delivery_view(each) for each in page.deliveries],
            "next_cursor": delivery_id(last.event_ulid, last.attempt) if last else None,
        }

    def one(self, merchant_id: str, endpoint_id: str, wanted: str) -> None:
        """Deliver the event of a delivery again, now; raises `NotFound`, and `Conflict` for a disabled endpoint."""
        self._enabled(merchant_id, endpoint_id)
        match = DELIVERY_ID.fullmatch(wanted)
        last = self.events.last_attempt(merchant_id, match.group(1), endpoint_id) if match else None
        if match is None or last is None or not 1 <= int(match.group(2)) <= last.attempt:
            raise NotFound(f"Delivery {wanted[:64]} not found.", code="delivery_not_found")
        self.jobs.deliver([WebhookJob(merchant_id, last.event_ulid, endpoint_id, last.attempt + 1)])

    def again(
        self, merchant_id: str, endpoint_id: str, first: int, last: int | None, *, cursor: str | None, everything: bool
    ) -> dict[str, Any]:
        """Do `between` for a request: up to now without a `last`, and with ids of events instead of ULIDs."""
        until = self.clock.now() if last is None else last
        if until < first:
            raise InvalidField("created_before", "invalid_value", "must not be before created_after")
        done = self.between(merchant_id, endpoint_id, first, until, after=ulid_of("cursor", cursor), all_=everything)
        return {"queued": done.queued, "next_cursor": f"evt_{done.position}" if done.position else None}

    def between(
        self, merchant_id: str, endpoint_id: str, first: int, last: int, *, after: str | None = None, all_: bool = False
    ) -> Redelivered:
        """Deliver again what the endpoint wants of a time (unix milliseconds, both included) and does not have.

        With `all_` also what it has. One call looks at `AT_ONCE` events: it goes on `after` the ULID that the one
        before returned. Raises `NotFound`, and `Conflict` for a disabled endpoint.
        """
        endpoint = self._enabled(merchant_id, endpoint_id)
        wanted = EventFilter(
            newest_first=False,
            after=after,
            created_after=first,
            created_before=last,
            until=self.clock.now(),
            limit=PAGE,
        )
        return self._again(endpoint, wanted, lambda made: made is None or all_ or not made.succeeded)

    def plan_catch_up(self, merchant_id: str, endpoint_id: str, since: int) -> None:
        """See to it that an endpoint gets the events since it was made or enabled that were committed without it.

        Called before that is committed: a plan for an endpoint that does not come to be does nothing.
        """
        at = self.clock.now() + 2 * self.longest_cache_ms + SETTLE_MS
        self.events.postpone(_plan(merchant_id, endpoint_id, since, at))

    def catch_up(self, job: WebhookJob) -> None:
        """Queue what an endpoint missed since the time that the job names; what exceeds a call is planned anew."""
        since, until = int(job.event), job.due_at or self.clock.now()
        endpoint = self.endpoints.endpoint(job.merchant_id, job.endpoint)
        if endpoint is not None and endpoint.enabled:
            wanted = EventFilter(newest_first=False, created_after=since, created_before=until, limit=PAGE)
            done = self._again(endpoint, wanted, lambda made: made is None)
            if done.reached is not None:
                self.events.postpone(_plan(job.merchant_id, job.endpoint, done.reached, until + 1))
        self.events.drop(_plan(job.merchant_id, job.endpoint, since, until))

    def _again(
        self, endpoint: Endpoint, wanted: EventFilter, missing: Callable[[Delivery | None], bool]
    ) -> Redelivered:
        """Queue the next attempt of each event whose newest one is as asked for; look at `AT_ONCE` of them."""
        jobs: list[WebhookJob] = []
        looked, more, newest = 0, True, None
        while more and looked < AT_ONCE:
            page = self.events.page(endpoint.merchant_id, wanted)
            for event in page.events:
                looked, newest = looked + 1, event
                if not _concerns(event, endpoint):
                    continue
                made = self.events.last_attempt(event.merchant_id, event.ulid, endpoint.id)
                if missing(made):
                    jobs.append(_next(event, endpoint.id, made))
            more = page.position is not None
            wanted = replace(wanted, position=page.position)
        self.jobs.deliver(jobs)
        if not more or newest is None:
            return Redelivered(len(jobs), None, None)
        return Redelivered(len(jobs), newest.ulid, newest.at)

    def _enabled(self, merchant_id: str, endpoint_id: str) -> Endpoint:
        if not (found := self._find(merchant_id, endpoint_id)).enabled:
            raise Conflict("The webhook endpoint is disabled; enable it first.", code="endpoint_disabled")
        return found

    def _find(self, merchant_id: str, endpoint_id: str) -> Endpoint:
        found = self.endpoints.endpoint(merchant_id, endpoint_id) if ENDPOINT_ID.fullmatch(endpoint_id) else None
        if found is None:
            raise NotFound(f"Webhook endpoint {endpoint_id[:64]} not found.", code="endpoint_not_found")
        return found


def _concerns(event: Event, endpoint: Endpoint) -> bool:
    """Whether an event is of a type that an endpoint wants; a test is for the endpoint alone that it was asked for."""
    if event.type == TEST_EVENT:
        return event.subject.id == endpoint.id
    return not endpoint.events or event.type in endpoint.events


def _next(event: Event, endpoint_id: str, made: Delivery | None) -> WebhookJob:
    attempt = made.attempt + 1 if made else 1
    return WebhookJob(event.merchant_id, event.ulid, endpoint_id, attempt, request_id=event.request_id)


def _plan(merchant_id: str, endpoint_id: str, since: int, at: int) -> Due:
    """Name the catching up of an endpoint on the due index; the time that it begins at stands for the event."""
    return Due(merchant_id=merchant_id, ulid=f"{since}", endpoint=endpoint_id, attempt=CATCH_UP, at=at)


def _position(cursor: str) -> str:
    if (match := DELIVERY_ID.fullmatch(cursor)) is None:
        raise InvalidField("cursor", "invalid_cursor", "is not a cursor that this list gave out")
    return f"{match.group(1)}#{int(match.group(2)):04d}"
