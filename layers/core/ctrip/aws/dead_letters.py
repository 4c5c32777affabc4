"""Messages that a worker has failed on five times, moved back to its queue once the fault is mended."""

from dataclasses import dataclass
from typing import Any

from ctrip.aws.clients import client
from ctrip.aws.jobs import AwsJobs
from ctrip.aws.names import Queue, named
from ctrip.domain.jobs import WebhookJob, decode_job

BATCH = 10  # messages that SQS gives out in one call
HIDDEN_SECONDS = 120  # for which a message that was received is given to nobody else


@dataclass(frozen=True, slots=True)
class Redriven:
    """How many messages were moved, and how many stay as no worker could read them."""

    moved: int
    unreadable: int


def redrive_webhooks(stage: str, most: int) -> Redriven:
    """Move at most so many webhook messages back; one is deleted only after its queue has taken it.

    A crash in between delivers an attempt once more, which is recorded once. What fails again meanwhile is moved no
    second time: no more are looked at than there were at first, and what is unreadable is left where it is.
    """
    queue = str(client("sqs").get_queue_url(QueueName=named(stage, Queue.WEBHOOKS.dead_letters))["QueueUrl"])
    jobs, moved, seen, unreadable = AwsJobs(stage), 0, 0, 0
    most = min(most, _waiting(queue))
    while seen < most:
        messages = _receive(queue, min(BATCH, most - seen))
        if not messages:
            break
        seen += len(messages)
        readable = [(message, job) for message in messages if (job := _job(message)) is not None]
        unreadable += len(messages) - len(readable)
        if readable:
            jobs.deliver([job for _, job in readable])
            entries = [{"Id": f"{n}", "ReceiptHandle": each["ReceiptHandle"]} for n, (each, _) in enumerate(readable)]
            client("sqs").delete_message_batch(QueueUrl=queue, Entries=entries)
            moved += len(readable)
    return Redriven(moved, unreadable)


def _waiting(queue: str) -> int:
    answer = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def _receive(queue: str, most: int) -> list[Any]:
    answer = client("sqs").receive_message(
        QueueUrl=queue, MaxNumberOfMessages=most, VisibilityTimeout=HIDDEN_SECONDS, WaitTimeSeconds=1
    )
    return list(answer.get("Messages", ()))


def _job(message: Any) -> WebhookJob | None:
    try:
        return decode_job(WebhookJob, message["Body"])
    except ValueError:
        return None
