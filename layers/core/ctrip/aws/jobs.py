"""Jobs over SQS and asynchronous Lambda calls."""

import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from ctrip.aws.clients import HURRIED, client
from ctrip.aws.names import Queue, named
from ctrip.aws.schedules import ahead_of_time
from ctrip.domain.errors import Busy
from ctrip.domain.jobs import ScanJob, SweepJob, WebhookJob, encode_job

BATCH = 10  # messages that SQS takes in one call


class AwsJobs:
    """The stage's queues and functions, named after it."""

    def __init__(self, stage: str) -> None:
        self._stage = stage

    def deliver(self, jobs: Sequence[WebhookJob], *, delay: int = 0) -> None:
        """Queue webhook jobs; raises `Busy` where SQS did not take all of them, after all have been offered."""
        if len(jobs) == 1:
            # One by itself takes less to ask for, to do and to answer than a batch of one.
            client("sqs", HURRIED).send_message(QueueUrl=self._webhooks, **_message(jobs[0], delay))
            return
        failed = False
        for start in range(0, len(jobs), BATCH):
            entries = [
                {"Id": str(number), **_message(job, delay)} for number, job in enumerate(jobs[start : start + BATCH])
            ]
            answer = client("sqs", HURRIED).send_message_batch(QueueUrl=self._webhooks, Entries=entries)
            failed = failed or bool(answer.get("Failed"))
        if failed:
            raise Busy("SQS did not take every message.")

    def sweep(self, job: SweepJob) -> None:
        """Queue one sweep job."""
        client("sqs", HURRIED).send_message(QueueUrl=self._sweeps, MessageBody=encode_job(job))

    def scan(self, job: ScanJob) -> None:
        """Start a scanner, without waiting for it."""
        client("lambda", HURRIED).invoke(
            FunctionName=named(self._stage, "scan"), InvocationType="Event", Payload=encode_job(job).encode()
        )

    def provision(self) -> None:
        """Have waiting merchants provisioned, without waiting for it: by the schedule's own event, ahead of time."""
        self._ahead_of_time("provision")

    def settle(self) -> None:
        """Have settlements and refunds looked after, without waiting for it: in the same way."""
        self._ahead_of_time("settle")

    def _ahead_of_time(self, function: str) -> None:
        payload = json.dumps(ahead_of_time()).encode()
        client("lambda", HURRIED).invoke(
            FunctionName=named(self._stage, function), InvocationType="Event", Payload=payload
        )

    @cached_property
    def _webhooks(self) -> str:
        return self._url(Queue.WEBHOOKS)

    @cached_property
    def _sweeps(self) -> str:
        return self._url(Queue.SWEEP)

    def _url(self, name: Queue) -> str:
        return str(client("sqs", HURRIED).get_queue_url(QueueName=named(self._stage, name))["QueueUrl"])


def _message(job: WebhookJob, delay: int) -> dict[str, Any]:
    """Spell a webhook job as SQS takes it: those of one endpoint are a group, so that none holds up the others."""
    group = f"{job.merchant_id}:{job.endpoint}"
    return {"MessageBody": encode_job(job), "MessageGroupId": group, "DelaySeconds": min(delay, 900)}
