"""Webhook jobs: one bad message never redelivers its siblings."""

from typing import Any

from ctrip.aws.log import bind
from ctrip.bootstrap import stage
from ctrip.domain.jobs import WebhookJob, decode_job


def handle(event: Any) -> dict[str, Any]:
    """Deliver each message of a batch; report those that our own code failed on."""
    failed = []
    for record in event:
        try:
            deliver(record.body)
        except Exception as exc:  # our own fault: SQS tries it again, five times
            stage().log("webhooks").error("webhook_job_failed", kind=type(exc).__name__, error=exc)
            failed.append({"itemIdentifier": record.to_dict()["messageId"]})
    return {"batchItemFailures": failed}


def deliver(body: str) -> None:
    """Do one job; its lines carry the request that it follows from."""
    job = decode_job(WebhookJob, body)
    with bind(request_id=job.request_id or None):
        stage().webhooks.deliverer.deliver(job)
