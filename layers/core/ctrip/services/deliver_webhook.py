"""Deliver one event to its endpoint; a receiver's failure is data, and only our own is an exception."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from ctrip.domain.events import Event
from ctrip.domain.retry import next_delay
from ctrip.domain.webhook import sign
from ctrip.ports import AccessStore, Clock, Delivery, EventStore, Jobs, Log, Receivers, Reply, Sealer

LONGEST_QUEUE_DELAY = 900  # seconds; what is due later comes from the due index


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDeliverer:
    """Delivers webhooks. `spread` returns a number from -1 to 1 that spreads the retries."""

    events: EventStore
    access: AccessStore
    receivers: Receivers
    sealer: Sealer
    jobs: Jobs
    clock: Clock
    log: Log
    spread: Callable[[], float]

    def deliver(self, merchant_id: str, ulid: str, attempt: int) -> Delivery | None:
        """Make one attempt and record it with its successor; what was done before is not done again."""
        if self.events.attempted(ulid, attempt) is not None:
            return None
        event = self.events.event(merchant_id, ulid)
        if event is None:
            self.log.error("event_missing", event=ulid, merchant=merchant_id)
            self.events.acknowledge(ulid)
            return None
        if event.url is None:
            self.events.acknowledge(ulid)
            return None
        started = self.clock.now()
        reply = self._post(event, event.url)
        delivery = self._judge(event, attempt, started, reply)
        due = delivery.next_attempt_at
        delay = -(-(due - self.clock.now()) // 1000) if due else 0
        queued = due is not None and attempt == 1 and delay <= LONGEST_QUEUE_DELAY
        if queued:
            self.jobs.deliver([(merchant_id, ulid, attempt + 1)], delay=max(delay, 0))
        self.events.record(event, delivery, due_index=due is not None and not queued)
        return delivery

    def _post(self, event: Event, url: str) -> Reply:
        merchant = self.access.merchant(event.merchant_id)
        if merchant is None:
            return Reply(None, "the merchant is gone")
        secrets = tuple(self.sealer.open(sealed, merchant.id) for sealed in merchant.webhook_secrets)
        body = event.body.encode()
        followed = {"X-Request-Id": event.request_id} if event.request_id else {}
        headers = followed | sign(body, event_id=event.id, timestamp=self.clock.now() // 1000, secrets=secrets)
        return self.receivers.post(url, {"Content-Type": "application/json", **headers}, body)

    def _judge(self, event: Event, attempt: int, started: int, reply: Reply) -> Delivery:
        now = self.clock.now()
        done = reply.status is not None and 200 <= reply.status < 300
        gone = reply.status == 410
        delay = None if done or gone else next_delay(attempt, self.spread(), reply.retry_after)
        facts = {
            "event": event.id,
            "type": event.type,
            "attempt": attempt,
            "status": reply.status,
            "error": reply.error,
            "request_id": event.request_id or None,
        }
        if done:
            self.log.info("webhook_delivered", **facts)
        else:
            self.log.warning("webhook_failed", **facts, retry_in=delay)
        return Delivery(
            event_ulid=event.ulid,
            attempt=attempt,
            at=started,
            latency_ms=now - started,
            status_code=reply.status,
            error=reply.error,
            next_attempt_at=None if delay is None else now + delay * 1000,
        )


def parse_job(body: str) -> tuple[str, str, int]:
    """Read a webhook job: merchant id, event ulid, attempt."""
    job = json.loads(body)
    return job["merchant_id"], job["event"], int(job["attempt"])
