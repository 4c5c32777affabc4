"""How full the queues are."""

from functools import cache

from ctrip.aws.clients import client
from ctrip.aws.names import named, queue_names


def queue_depths(stage: str) -> dict[str, int]:
    """Return the waiting messages of each queue, dead-letter queues included."""
    depths = {}
    for name in queue_names():
        answer = client("sqs").get_queue_attributes(
            QueueUrl=_url(stage, name), AttributeNames=["ApproximateNumberOfMessages"]
        )
        depths[name] = int(answer["Attributes"]["ApproximateNumberOfMessages"])
    return depths


@cache
def _url(stage: str, name: str) -> str:
    return str(client("sqs").get_queue_url(QueueName=named(stage, name))["QueueUrl"])
