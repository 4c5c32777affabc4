"""Jobs over SQS and asynchronous Lambda calls."""

import json
from collections.abc import Sequence
from functools import cached_property

from ctrip.aws.clients import HURRIED, client
from ctrip.aws.log import bound
from ctrip.domain.errors import Busy

# What Chalice wants to find in a schedule's event.
_AHEAD_OF_TIME = {
    "version": "0",
    "id": "ahead-of-time",
    "detail-type": "Scheduled Event",
    "source": "ctrip",
    "account": "",
    "time": "",
    "region": "",
    "resources": [],
    "detail": {},
}


def _asked() -> dict[str, object]:
    """Name the request that is being answered, so that whoever works for it later can be found by it."""
    asked = bound().get("request_id")
    return {"request_id": asked} if asked else {}


class AwsJobs:
    """The stage's queues and functions, named after it."""

    def __init__(self, stage: str) -> None:
        self._stage = stage

    def deliver(self, deliveries: Sequence[tuple[str, str, int]], *, delay: int = 0) -> None:
        """Queue at most ten webhook jobs; raises `Busy` when SQS took only some."""
        if not deliveries:
            return
        entries = [
            {
                "Id": str(number),
                "MessageBody": json.dumps({"merchant_id": merchant, "event": ulid, "attempt": attempt, **_asked()}),
                "MessageGroupId": merchant,
                "DelaySeconds": min(delay, 900),
            }
            for number, (merchant, ulid, attempt) in enumerate(deliveries)
        ]
        answer = client("sqs", HURRIED).send_message_batch(QueueUrl=self._webhooks, Entries=entries)
        if answer.get("Failed"):
            raise Busy("SQS did not take every message.")

    def sweep(self, chain: str, asset_key: str) -> None:
        """Queue one sweep job."""
        client("sqs", HURRIED).send_message(
            QueueUrl=self._sweeps, MessageBody=json.dumps({"chain": chain, "asset": asset_key})
        )

    def scan(self, chain: str) -> None:
        """Start a scanner, without waiting for it."""
        payload = json.dumps({"chain": chain, **_asked()}).encode()
        client("lambda", HURRIED).invoke(
            FunctionName=f"ctrip-{self._stage}-scan", InvocationType="Event", Payload=payload
        )

    def provision(self) -> None:
        """Have waiting merchants provisioned, without waiting for it: by the schedule's own event, ahead of time."""
        payload = json.dumps(_AHEAD_OF_TIME).encode()
        client("lambda", HURRIED).invoke(
            FunctionName=f"ctrip-{self._stage}-provision", InvocationType="Event", Payload=payload
        )

    @cached_property
    def _webhooks(self) -> str:
        return self._url("webhooks")

    @cached_property
    def _sweeps(self) -> str:
        return self._url("sweep")

    def _url(self, name: str) -> str:
        return str(client("sqs", HURRIED).get_queue_url(QueueName=f"ctrip-{self._stage}-{name}")["QueueUrl"])
