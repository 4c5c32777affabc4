"""Webhook jobs: one bad message never redelivers its siblings."""

import json
from typing import Any

from ctrip import bootstrap
from ctrip.aws.log import bind


def handle(event: Any) -> dict[str, Any]:
    """Deliver each message of a batch; report those that our own code failed on."""
    failed = []
    for record in event:
        try:
            deliver(record.body)
        except Exception as exc:  # our own fault: SQS tries it again, five times
            bootstrap.log("webhooks").error("webhook_job_failed", kind=type(exc).__name__, error=exc)
            failed.append({"itemIdentifier": record.to_dict()["messageId"]})
    return {"batchItemFailures": failed}


def deliver(body: str) -> None:
    """Do one job; its lines carry the request that it follows from."""
    from ctrip.services.webhooks.deliver_webhook import parse_job

    with bind(request_id=json.loads(body).get("request_id")):
        bootstrap.deliverer().deliver(*parse_job(body))
