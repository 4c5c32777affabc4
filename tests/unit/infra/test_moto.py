"""What keeps moto quick changes nothing that it answers."""

from __future__ import annotations

from functools import cached_property

import boto3
import pytest
from moto import mock_aws
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sqs.models import sqs_backends

from infra.emulator.moto_queues import Attributes, Dispatcher

REGION = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}


def test_the_backend_of_a_host_is_the_one_that_moto_finds() -> None:
    """For every service that the template uses."""
    ours, theirs = Dispatcher(create_backend_app), DomainDispatcherApplication(create_backend_app)
    for host in ("sqs.us-east-1.amazonaws.com", "kms.us-east-1.amazonaws.com", "dynamodb", "moto_api", None):
        for _ in range(2):
            assert ours.get_backend_for_host(host) == theirs.get_backend_for_host(host)


@mock_aws
def test_a_message_past_its_retention_is_not_given_out() -> None:
    """Where a young one is."""
    sqs = boto3.client("sqs", **REGION)  # type: ignore[call-overload]
    url = sqs.create_queue(QueueName="q", Attributes={"MessageRetentionPeriod": "60"})["QueueUrl"]
    for body in ("old", "young"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    [backend] = [each["us-east-1"] for each in sqs_backends.values()]
    queue = backend.get_queue("q")
    assert sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"][0]["Body"] == "old"
    queue._messages[0].sent_timestamp -= 61_000
    assert "Messages" not in sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)


@mock_aws
def test_a_queue_is_not_counted_for_each_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody asks how full it is, it is."""
    sqs = boto3.client("sqs", **REGION)  # type: ignore[call-overload]
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    counted, count = [], Attributes.data.func
    counting = cached_property(lambda self: counted.append(self) or count(self))
    counting.__set_name__(Attributes, "data")
    monkeypatch.setattr(Attributes, "data", counting)
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(each), "MessageBody": "x"} for each in range(3)])
    [first] = sqs.receive_message(QueueUrl=url)["Messages"]
    assert counted == []
    wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"] == dict(
        zip(wanted, ("2", "1"), strict=True)
    )
    assert counted
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    every = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert every["ApproximateNumberOfMessagesNotVisible"] == "0"
    assert every["QueueArn"].endswith(":q")


@mock_aws
def test_a_fifo_queue_tells_two_messages_apart_as_before() -> None:
    """By their bodies where it is told to; what only such a queue has is asked of it."""
    sqs = boto3.client("sqs", **REGION)  # type: ignore[call-overload]
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    url = sqs.create_queue(QueueName="q.fifo", Attributes=attributes)["QueueUrl"]
    for body in ("a", "a", "b"):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g")
    held = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (held["ApproximateNumberOfMessages"], held["ContentBasedDeduplication"]) == ("2", "true")
