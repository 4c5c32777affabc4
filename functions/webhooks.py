"""Webhook jobs: a batch is delivered side by side, and one bad message never redelivers its siblings."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from ctrip.aws.log import bind
from ctrip.bootstrap import stage
from ctrip.domain.jobs import WebhookJob, decode_job
from ctrip.domain.webhooks.retry import ANSWER_SECONDS
from ctrip.services.webhooks.admit_delivery import NoTimeLeft
from ctrip.services.webhooks.deliver_webhook import NEVER

MARGIN_MS = 8_000  # for what is stored before and after an endpoint's answer, when DynamoDB is slow


def handle(event: Any) -> dict[str, Any]:
    """Deliver the messages of a batch; report those that could not begin, and those that our own code failed on."""
    records = [record.to_dict() for record in event]
    try:
        # Before the threads: what they share is made once.
        deliverer, begin_by = stage().webhooks.deliverer, _begin_by(event)
    except Exception as exc:
        _failed(exc)
        return _report(records)
    jobs = [_job(record["body"]) for record in records]
    batch = deliverer.prepare([job for job in jobs if job is not None])

    def deliver(job: WebhookJob | None) -> bool:
        return job is not None and _deliver(lambda: deliverer.deliver(job, begin_by=begin_by, batch=batch), job)

    with ThreadPoolExecutor(max_workers=max(len(records), 1)) as threads:
        # Each thread's lines carry what is bound to the invocation.
        done = [threads.submit(copy_context().run, deliver, job) for job in jobs]
    failed = [record for record, each in zip(records, done, strict=True) if not each.result()]
    deliverer.conclude(batch)
    return _report(failed)


def _job(body: str) -> WebhookJob | None:
    """Read a message; None for one that is none, which its queue gives out again until it is a dead letter."""
    try:
        return decode_job(WebhookJob, body)
    except ValueError as exc:
        _failed(exc)
        return None


def _deliver(attempt: Callable[[], object], job: WebhookJob) -> bool:
    """Do one job and return whether it is done; its lines carry the request that it follows from."""
    try:
        with bind(request_id=job.request_id or None):
            attempt()
    except NoTimeLeft:
        return False  # the queue gives it out again
    except Exception as exc:
        _failed(exc)
        return False
    return True


def _failed(exc: Exception) -> None:
    """Log a fault of our own: SQS tries the message again, five times."""
    stage().log("webhooks").error("webhook_job_failed", kind=type(exc).__name__, error=exc)


def _report(failed: list[dict[str, Any]]) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}


def _begin_by(event: Any) -> int:
    """Return until when a delivery may begin: whatever its endpoint does, it ends before Lambda ends the invocation."""
    context = getattr(event, "context", None)
    if context is None:
        return NEVER
    left: int = context.get_remaining_time_in_millis()
    return stage().clock.now() + left - ANSWER_SECONDS * 1000 - MARGIN_MS
