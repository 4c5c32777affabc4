"""Deliver one event to its endpoint; a receiver's failure is data, and only our own is an exception."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ctrip.domain.jobs import WebhookJob
from ctrip.domain.webhooks.events import Event
from ctrip.domain.webhooks.retry import in_schedule, next_delay, seconds_asked
from ctrip.domain.webhooks.webhook import sign
from ctrip.ports.credentials import Cipher
from ctrip.ports.events import Delivery, Due, EventStore, Place, Prepared
from ctrip.ports.http import TIMED_OUT, Reply, WebhookSender
from ctrip.ports.jobs import Jobs
from ctrip.ports.runtime import Clock, Log
from ctrip.services.shared.together import Together
from ctrip.services.webhooks.admit_delivery import EndpointGates, Outcome
from ctrip.services.webhooks.note_deliveries import DeliveryNotes
from ctrip.services.webhooks.redeliver import CATCH_UP, Redeliverer
from ctrip.services.webhooks.resolve_endpoint import EndpointResolver, Target

GONE_ERROR = "the endpoint is gone or disabled"
NOTHING = Prepared({}, {})
GONE = 410  # the status of an answer that ends the deliveries to an address
NEVER = 2**63  # later than any moment, in unix milliseconds
MOMENT_MS = 10_000  # an attempt that is put off for longer waits on the due index, which is read once a minute
LONGEST_QUEUE_DELAY = 900  # seconds; what is due later comes from the due index


@dataclass(frozen=True, slots=True)
class Batch:
    """Jobs that are done side by side: what was read of them at first, and the rows that are deleted at last.

    Attempts that succeed at the same time are recorded together, and their rows deleted.
    """

    delivered: Together[tuple[Delivery, Place]]
    known: Prepared = NOTHING
    leaving: list[Place] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDeliverer:
    """Delivers webhooks, many at a time.

    `spread` returns a number from -1 to 1 that spreads the retries; `mask` hides credentials in a text that is kept.
    """

    events: EventStore
    endpoints: EndpointResolver
    gates: EndpointGates
    notes: DeliveryNotes
    redeliverer: Redeliverer
    receivers: WebhookSender
    cipher: Cipher
    jobs: Jobs
    clock: Clock
    log: Log
    spread: Callable[[], float]
    mask: Callable[[str], str]

    def prepare(self, jobs: Sequence[WebhookJob]) -> Batch:
        """Read what a batch of jobs is about, at once; where that fails, each job reads for itself."""
        delivered = Together(self.events.record_delivered, len(jobs))
        try:
            return Batch(delivered, self.events.prepare([job for job in jobs if job.attempt != CATCH_UP]))
        except Exception as exc:  # one event that cannot be read would otherwise hold up all of its batch
            self.log.warning("webhooks_read_singly", kind=type(exc).__name__)
            return Batch(delivered)

    def conclude(self, batch: Batch) -> None:
        """Delete the rows that a batch's attempts came from, at once; where that fails, the relay sees to them."""
        try:
            self.events.leave(batch.leaving)
        except Exception as exc:  # every attempt is on record: to fail now would only have its message given out again
            self.log.warning("webhooks_left_to_relay", kind=type(exc).__name__)

    def deliver(self, job: WebhookJob, *, begin_by: int = NEVER, batch: Batch | None = None) -> Delivery | None:
        """Make one attempt and record it with its successor; what was done before is not done again.

        An attempt that its endpoint's gate puts off does not count: it goes on the due index as it is. Raises
        `NoTimeLeft` where it could not begin until `begin_by` (unix milliseconds); nothing has been done then.
        """
        if job.attempt == CATCH_UP:
            self.redeliverer.catch_up(job)
            return None
        known = batch.known if batch else NOTHING
        event = known.events.get((job.merchant_id, job.event)) or self.events.event(job.merchant_id, job.event)
        if event is None:
            self.log.error("event_missing", event=job.event, merchant=job.merchant_id)
            # It does not come back: its row would be repeated, and this be an alarm, for ever.
            self.events.leave([Place(job.event, job.endpoint, job.attempt, job.due_at)])
            return None
        attempt = (job.merchant_id, job.event, job.endpoint, job.attempt)
        done = known.made.get(attempt) if known.events else self.events.attempted(*attempt)
        if done is not None:
            self._finish(done, job)
            return None
        target = self.endpoints.resolve(event, job.endpoint, self.clock.now())
        if target is None and job.endpoint not in event.endpoints and job.attempt == 1 and not job.due_at:
            # Nothing is on record of it, and no row of any index is to be deleted.
            self.log.warning("endpoint_missing", event=event.id, endpoint=job.endpoint)
            return None
        if target is None:
            return self._conclude(event, job, self.clock.now(), Reply(None, GONE_ERROR), batch, final=True)
        admission = self.gates.enter(target.name, begin_by=begin_by)
        if admission.until is not None:
            self._put_off(event, job, admission.until)
            return None
        started, outcome = self.clock.now(), Outcome.UNKNOWN
        try:
            reply = self._post(event, target)
            outcome = _outcome(reply)
        finally:
            self.gates.leave(target.name, admission, outcome)
        # The address that is gone may be the one of before, remembered here: the next attempt goes to the new one.
        final = reply.status == GONE and not self.endpoints.moved(event, job.endpoint, target.url, self.clock.now())
        delivery = self._conclude(event, job, started, reply, batch, final=final)
        now, again = self.clock.now(), job.attempt > 1
        self.notes.note(job.merchant_id, job.endpoint, target.url, reply.status, now, again=again)
        return delivery

    def _conclude(
        self, event: Event, job: WebhookJob, started: int, reply: Reply, batch: Batch | None, *, final: bool = False
    ) -> Delivery:
        """Record an attempt, and see to the next one first."""
        delivery = self._judge(event, job, started, reply, final=final)
        delay = _delay(delivery)
        if delay is not None and _queued(delivery):
            self.jobs.deliver(
                [replace(job, attempt=job.attempt + 1, due_at=0, request_id=event.request_id)], delay=delay
            )
        if batch and delivery.succeeded:
            batch.delivered.add((delivery, Place(job.event, job.endpoint, job.attempt, job.due_at)))
            return delivery
        due_index = delay is not None and not _queued(delivery)
        leaving = batch.leaving if batch else None
        self.events.record(delivery, due_index=due_index, due_at=job.due_at, leaving=leaving)
        return delivery

    def _put_off(self, event: Event, job: WebhookJob, until: int) -> None:
        """Have an attempt made later; for a moment it goes back to the queue, and its row stays where it is."""
        self.log.info("webhook_put_off", event=event.id, endpoint=job.endpoint, attempt=job.attempt)
        if (left := until - self.clock.now()) <= MOMENT_MS:
            self.jobs.deliver([job], delay=max(-(-left // 1000), 1))
            return
        due = Due(merchant_id=job.merchant_id, ulid=job.event, endpoint=job.endpoint, attempt=job.attempt, at=until)
        self.events.postpone(due, due_at=job.due_at)

    def _finish(self, done: Delivery, job: WebhookJob) -> None:
        """Do what the worker may have left undone that recorded this attempt: it may have died right after."""
        due = _delay(done) is not None and not _queued(done)
        further = due and self.events.attempted(job.merchant_id, job.event, job.endpoint, job.attempt + 1) is not None
        self.events.finish(done, due_index=due and not further, due_at=job.due_at)

    def _post(self, event: Event, target: Target) -> Reply:
        secrets = tuple(self.cipher.decrypt(each, event.merchant_id) for each in target.secrets)
        body = event.body.encode()
        followed = {"X-Request-Id": event.request_id} if event.request_id else {}
        headers = followed | sign(body, event_id=event.id, timestamp=self.clock.now() // 1000, secrets=secrets)
        return self.receivers.post(target.url, {"Content-Type": "application/json", **headers}, body)

    def _judge(self, event: Event, job: WebhookJob, started: int, reply: Reply, *, final: bool) -> Delivery:
        now, attempt = self.clock.now(), job.attempt
        done = reply.status is not None and 200 <= reply.status < 300
        asked = seconds_asked(reply.retry_after or "", now)
        planned = in_schedule(attempt, (now - event.at) / 1000)
        delay = None if done or final else next_delay(planned, self.spread(), asked)
        facts = {
            "event": event.id,
            "type": event.type,
            "endpoint": job.endpoint,
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
            merchant_id=event.merchant_id,
            event_ulid=event.ulid,
            type=event.type,
            endpoint=job.endpoint,
            attempt=attempt,
            at=started,
            latency_ms=now - started,
            status_code=reply.status,
            error=reply.error,
            next_attempt_at=None if delay is None else now + delay * 1000,
            answer=self.mask(reply.body.decode("utf-8", "replace").replace("\0", "")),
        )


def _outcome(reply: Reply) -> Outcome:
    if reply.status is not None:
        return Outcome.ANSWERED
    return Outcome.HUNG if reply.error == TIMED_OUT else Outcome.SILENT


def _delay(delivery: Delivery) -> int | None:
    """Return the seconds from an attempt's end to the next one; None where there is none."""
    if delivery.next_attempt_at is None:
        return None
    return max(-(-(delivery.next_attempt_at - delivery.at - delivery.latency_ms) // 1000), 0)


def _queued(delivery: Delivery) -> bool:
    """Whether the next attempt was queued before this one was recorded: the first retry, if it is soon."""
    return delivery.attempt == 1 and (_delay(delivery) or 0) <= LONGEST_QUEUE_DELAY
