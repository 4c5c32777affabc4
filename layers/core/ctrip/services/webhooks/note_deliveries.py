"""What deliveries show of an endpoint: since when it fails; it is disabled when it is gone, or has failed too long."""

from dataclasses import dataclass, replace

from ctrip.domain.errors import Stale
from ctrip.domain.webhooks.endpoint import IMPLICIT, STAGE_ENDPOINT, Endpoint
from ctrip.domain.webhooks.events import DISABLED_EVENT, Event, Subject, SubjectKind
from ctrip.ports import EndpointStore, Ids, Jobs, Log
from ctrip.services.shared.known_endpoints import KnownEndpoints
from ctrip.services.shared.notify import notify
from ctrip.views.events import endpoint_event_body


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryNotes:
    """Notes deliveries to the endpoints that merchants have created; one that changes nothing costs nothing."""

    endpoints: EndpointStore
    known: KnownEndpoints
    ids: Ids
    jobs: Jobs
    log: Log
    stage_url: str

    def note(self, merchant_id: str, endpoint_id: str, status: int | None, now: int) -> None:
        """Note how a delivery went: the status of its answer, None without one."""
        if endpoint_id in IMPLICIT:
            return
        remembered = self.known.one(merchant_id, endpoint_id, now)
        if remembered is None or not remembered.enabled or _after(remembered, status, now) == remembered:
            return
        # What is remembered may be old: whoever was faster has noted it, or the merchant has changed the endpoint.
        before = self.endpoints.endpoint(merchant_id, endpoint_id)
        if before is None or not before.enabled or (after := _after(before, status, now)) == before:
            self.known.forget(merchant_id)
            return
        after = replace(after, version=before.version + 1)
        event = None if after.enabled else self._disabled(after, now)
        try:
            self.endpoints.note(before, after, event)
        except Stale:
            return  # the next delivery notes it
        finally:
            self.known.forget(merchant_id)
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


def _after(endpoint: Endpoint, status: int | None, now: int) -> Endpoint:
    if status is not None and 200 <= status < 300:
        return endpoint.after_success()
    return endpoint.after_failure(now, gone=status == 410)
