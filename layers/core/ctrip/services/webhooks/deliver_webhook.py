"""Deliver one event to its endpoint; a receiver's failure is data, and only our own is an exception."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ctrip.domain.jobs import WebhookJob
from ctrip.domain.merchants.access import Merchant
from ctrip.domain.webhooks.events import Event
from ctrip.domain.webhooks.retry import next_delay, seconds_asked
from ctrip.domain.webhooks.webhook import sign
from ctrip.ports import AccessStore, Cipher, Clock, Delivery, EventStore, Jobs, Log, Reply, WebhookSender
from ctrip.services.shared.known_merchants import KnownMerchants

LONGEST_QUEUE_DELAY = 900  # seconds; what is due later comes from the due index


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDeliverer:
    """Delivers webhooks, and remembers merchants for `cache_ms`.

    `spread` returns a number from -1 to 1 that spreads the retries.
    """

    events: EventStore
    access: AccessStore
    receivers: WebhookSender
    cipher: Cipher
    jobs: Jobs
    clock: Clock
    log: Log
    spread: Callable[[], float]
    cache_ms: int
    _known: KnownMerchants = field(default_factory=KnownMerchants)

    def deliver(self, job: WebhookJob) -> Delivery | None:
        """Make one attempt and record it with its successor; what was done before is not done again."""
        merchant_id, ulid, attempt = job.merchant_id, job.event, job.attempt
        event = self.events.event(merchant_id, ulid)
        if event is None:
            self.log.error("event_missing", event=ulid, merchant=merchant_id)
            return None
        if event.url is None:
            self.events.acknowledge(event)
            return None
        if (done := self.events.attempted(merchant_id, ulid, attempt)) is not None:
            self._finish(merchant_id, done)
            return None
        started = self.clock.now()
        reply = self._post(event, event.url)
        delivery = self._judge(event, attempt, started, reply)
        delay = _delay(delivery)
        if delay is not None and _queued(delivery):
            self.jobs.deliver([replace(job, attempt=attempt + 1, request_id=event.request_id)], delay=delay)
        self.events.record(event, delivery, due_index=delay is not None and not _queued(delivery))
        return delivery

    def _finish(self, merchant_id: str, done: Delivery) -> None:
        """Do what the worker may have left undone that recorded this attempt: it may have died right after."""
        due = _delay(done) is not None and not _queued(done)
        further = due and self.events.attempted(merchant_id, done.event_ulid, done.attempt + 1) is not None
        self.events.finish(merchant_id, done, due_index=due and not further)

    def _post(self, event: Event, url: str) -> Reply:
        merchant = self._merchant(event.merchant_id)
        if merchant is None:
            return Reply(None, "the merchant is gone")
        secrets = tuple(self.cipher.decrypt(sealed, merchant.id) for sealed in merchant.webhook_secrets)
        body = event.body.encode()
        followed = {"X-Request-Id": event.request_id} if event.request_id else {}
        headers = followed | sign(body, event_id=event.id, timestamp=self.clock.now() // 1000, secrets=secrets)
        return self.receivers.post(url, {"Content-Type": "application/json", **headers}, body)

    def _merchant(self, merchant_id: str) -> Merchant | None:
        return self._known.read(self.access, merchant_id, now=self.clock.now(), remember_ms=self.cache_ms)

    def _judge(self, event: Event, attempt: int, started: int, reply: Reply) -> Delivery:
        now = self.clock.now()
        done = reply.status is not None and 200 <= reply.status < 300
        gone = reply.status == 410
        asked = seconds_asked(reply.retry_after or "", now)
        delay = None if done or gone else next_delay(attempt, self.spread(), asked)
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


def _delay(delivery: Delivery) -> int | None:
    """Return the seconds from an attempt's end to the next one; None where there is none."""
    if delivery.next_attempt_at is None:
        return None
    return max(-(-(delivery.next_attempt_at - delivery.at - delivery.latency_ms) // 1000), 0)


def _queued(delivery: Delivery) -> bool:
    """Whether the next attempt was queued before this one was recorded: the first retry, if it is soon."""
    return delivery.attempt == 1 and (_delay(delivery) or 0) <= LONGEST_QUEUE_DELAY
