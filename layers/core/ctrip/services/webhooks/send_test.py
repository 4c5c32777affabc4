"""Send a test event to one endpoint, whatever its filter: as any other event, with its retries and its deliveries."""

import json
from dataclasses import dataclass
from typing import Any

from ctrip.domain.audit import Origin
from ctrip.domain.errors import Conflict
from ctrip.domain.webhooks.events import TEST_EVENT, Event, Subject, SubjectKind
from ctrip.ports.events import EventStore
from ctrip.ports.idempotency import Idempotency
from ctrip.ports.jobs import Jobs
from ctrip.ports.runtime import Clock, Ids
from ctrip.services.shared.notify import notify
from ctrip.services.shared.once import Answer
from ctrip.services.webhooks.manage_endpoints import EndpointManager
from ctrip.views.events import endpoint_event_body


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointTester:
    """Sends test events; each is noted in the merchant's audit chain."""

    manager: EndpointManager
    events: EventStore
    jobs: Jobs
    clock: Clock
    ids: Ids

    def send(
        self, merchant_id: str, endpoint_id: str, origin: Origin, idempotency: Idempotency | None = None
    ) -> Answer:
        """Commit a test event for an endpoint and queue it; raises `NotFound`, and `Conflict` for a disabled one."""
        return self.manager.once(
            merchant_id, "endpoint.tested", origin, idempotency, lambda: self._send(merchant_id, endpoint_id, origin)
        )

    def _send(self, merchant_id: str, endpoint_id: str, origin: Origin) -> dict[str, Any]:
        endpoint = self.manager.find(merchant_id, endpoint_id)
        if not endpoint.enabled:
            raise Conflict("The webhook endpoint is disabled; enable it first.", code="endpoint_disabled")
        now = self.clock.now()
        ulid = self.ids.ulid(now)
        event = Event(
            ulid=ulid,
            type=TEST_EVENT,
            merchant_id=merchant_id,
            subject=Subject(SubjectKind.ENDPOINT, endpoint.id),
            payment_id=None,
            at=now,
            body=endpoint_event_body(TEST_EVENT, ulid, endpoint, now),
            endpoints=(endpoint.id,),
            request_id=origin.request_id,
        )
        self.events.add(event)
        notify(self.jobs, [event])
        sent: dict[str, Any] = json.loads(event.body)
        return sent
