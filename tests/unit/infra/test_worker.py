"""The local worker consumes queues and runs schedules as AWS does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.emulator import worker as workers
from infra.emulator.functions import Functions
from infra.emulator.worker import Worker, failures, rate_seconds

from .conftest import Seen, eventually


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(workers, "LONG_POLL_SECONDS", 1)
    with mock_aws():
        yield boto3.client("sqs", region_name="us-east-1")


@pytest.fixture
def dead_letters(sqs: Any) -> str:
    return str(sqs.create_queue(QueueName="toy-local-jobs-dlq")["QueueUrl"])


@pytest.fixture
def queue(sqs: Any, dead_letters: str) -> str:
    arn = sqs.get_queue_attributes(QueueUrl=dead_letters, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    attributes = {"RedrivePolicy": policy, "VisibilityTimeout": "0"}
    return str(sqs.create_queue(QueueName="toy-local-jobs", Attributes=attributes)["QueueUrl"])


@pytest.fixture
def worker(functions: Functions, sqs: Any, queue: str) -> Iterator[Worker]:
    worker = Worker(functions, sqs)
    yield worker
    worker.stop()


def count(sqs: Any, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


def test_what_succeeds_is_deleted(worker: Worker, sqs: Any, queue: str, seen: Seen) -> None:
    sqs.send_message(
        QueueUrl=queue, MessageBody="good", MessageAttributes={"kind": {"DataType": "String", "StringValue": "x"}}
    )
    worker.start()
    records = eventually(lambda: next((call for call in seen.calls if isinstance(call, list)), None))
    eventually(lambda: count(sqs, queue) == 0)
    assert records[0]["body"] == "good"
    assert records[0]["eventSourceARN"].endswith(":toy-local-jobs")
    assert records[0]["attributes"]["ApproximateReceiveCount"] == "1"
    assert records[0]["messageAttributes"]["kind"]["stringValue"] == "x"


def test_only_the_failed_part_of_a_batch_reaches_the_dead_letters(
    worker: Worker, sqs: Any, queue: str, dead_letters: str
) -> None:
    for body in ("good", "bad", "good"):
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    worker.start()
    eventually(lambda: count(sqs, dead_letters) == 1 and count(sqs, queue) == 0)
    assert sqs.receive_message(QueueUrl=dead_letters)["Messages"][0]["Body"] == "bad"


def test_an_exception_fails_the_whole_batch(worker: Worker, sqs: Any, queue: str, dead_letters: str) -> None:
    for body in ("explode", "good"):
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    worker.start()
    eventually(lambda: count(sqs, dead_letters) == 2)


def test_a_schedule_fires_at_once_with_an_eventbridge_event(worker: Worker, seen: Seen) -> None:
    worker.start()
    event = eventually(lambda: next((call for call in seen.calls if isinstance(call, dict)), None))
    assert (event["source"], event["detail-type"]) == ("aws.events", "Scheduled Event")


def test_stopping_does_not_wait_for_the_next_run(worker: Worker) -> None:
    worker.start()
    worker.stop(seconds=5)
    assert not any(thread.is_alive() for thread in worker._threads if thread.name.startswith("schedule"))


@pytest.mark.parametrize(
    ("expression", "seconds"), [("rate(1 minute)", 60), ("rate(5 minutes)", 300), ("rate(2 hours)", 7200)]
)
def test_rates_are_read(expression: str, seconds: int) -> None:
    assert rate_seconds(expression) == seconds


@pytest.mark.parametrize("expression", ["cron(0 12 * * ? *)", "rate(0 minutes)", "rate(one minute)"])
def test_what_cannot_be_driven_is_refused(expression: str) -> None:
    with pytest.raises(NotImplementedError):
        rate_seconds(expression)


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}])
def test_no_report_is_success(answer: Any) -> None:
    assert failures(answer) == set()


@pytest.mark.parametrize("answer", [{"batchItemFailures": [{"itemIdentifier": ""}]}, {"batchItemFailures": [{}]}, "x"])
def test_a_malformed_report_is_an_error(answer: Any) -> None:
    with pytest.raises((ValueError, KeyError, AttributeError)):
        failures(answer)
