"""What deliveries show of an endpoint: since when it fails; it is disabled when it is gone, or has failed too long."""

from dataclasses import dataclass, replace

from ctrip.domain.errors import Stale
from ctrip.domain.webhooks.endpoint import IMPLICIT, STAGE_ENDPOINT, Endpoint
from ctrip.domain.webhooks.events import DISABLED_EVENT, Event, Subject, SubjectKind
from ctrip.ports.endpoints import EndpointStore
from ctrip.ports.jobs import Jobs
from ctrip.ports.runtime import Ids, Log
from ctrip.services.shared.known_endpoints import KnownEndpoints
from ctrip.services.shared.notify import notify
from ctrip.services.shared.retry import on_stale
from ctrip.views.events import endpoint_event_body

TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryNotes:
    """Notes deliveries to the endpoints that merchants have created; one that changes nothing costs nothing."""

    endpoints: EndpointStore
    known: KnownEndpoints
    ids: Ids
    jobs: Jobs
    log: Log
    stage_url: str

    def note(
        self, merchant_id: str, endpoint_id: str, url: str, status: int | None, now: int, *, again: bool = False
    ) -> None:
        """Note how a delivery to an endpoint's address went: the status of its answer, None without one.

        With `again` it is not the event's first: another process may have noted the failure before it a moment ago.
        A success that is not noted would let an endpoint of few events fail for three days in two single failures.
        """
        if endpoint_id in IMPLICIT:
            return
        if again and _succeeded(status):
            self.known.forget(merchant_id)
        remembered = self.known.one(merchant_id, endpoint_id, now)
        if remembered is None or not remembered.enabled or _after(remembered, status, now) == remembered:
            return
        try:
            on_stale(lambda: self._change(merchant_id, endpoint_id, url, status, now), tries=TRIES, otherwise=Stale())
        except Stale:
            return  # the next delivery notes it
        finally:
            self.known.forget(merchant_id)

    def _change(self, merchant_id: str, endpoint_id: str, url: str, status: int | None, now: int) -> None:
        # What is remembered may be old: whoever was faster has noted it, or the merchant has changed the endpoint.
        # What its address of before answered says nothing of the one that it has now.
        before = self.endpoints.endpoint(merchant_id, endpoint_id)
        if before is None or not before.enabled or before.url != url:
            return
        if (after := _after(before, status, now)) == before:
            return
        after = replace(after, version=before.version + 1)
        event = None if after.enabled else self._disabled(after, now)
        self.endpoints.note(before, after, event)
        if event is not None:
            self.log.error("endpoint_disabled", merchant=merchant_id, endpoint=endpoint_id, what=after.disabled_reason)
            notify(self.jobs, [event])

    def _disabled(self, endpoint: Endpoint, now: int) -> Event:
        ulid = self.ids.ulid(now)
        others = [each for each in self.known.of(endpoint.merchant_id, now) if each.id != endpoint.id]
        return Event(
            ulid=ulid,
            type=DISABLED_EVENT,
            merchant_id=endpoint.merchant_id,
            subject=Subject(SubjectKind.ENDPOINT, endpoint.id),
            payment_id=None,
            at=now,
            body=endpoint_event_body(DISABLED_EVENT, ulid, endpoint, now),
            endpoints=(
                *((STAGE_ENDPOINT,) if self.stage_url else ()),
                *(each.id for each in others if each.wants(DISABLED_EVENT)),
            ),
        )


def _succeeded(status: int | None) -> bool:
    return status is not None and 200 <= status < 300


def _after(endpoint: Endpoint, status: int | None, now: int) -> Endpoint:
    if _succeeded(status):
        return endpoint.after_success()
    return endpoint.after_failure(now, gone=status == 410)
