"""Drives the app's queue consumers and schedules as AWS would."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from chalice.app import ScheduledEventConfig, SQSEventConfig

from infra.emulator.events import scheduled_event, sqs_event
from infra.emulator.functions import Functions
from infra.emulator.record import RUNNER, acting

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

log = logging.getLogger(__name__)

LONG_POLL_SECONDS = 10
BREATH_SECONDS = 0.03
# Without a declared maximum AWS goes to 1,250; a laptop is better off with its first five.
DEFAULT_CONCURRENCY = 5
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(r"rate\((\d+) (second|minute|hour|day)s?\)")


@dataclass(frozen=True, slots=True)
class Source:
    """One queue and the function that consumes it."""

    function: str
    url: str
    arn: str
    batch_size: int
    window: int
    concurrency: int


class Worker:
    """Runs every schedule and every queue consumer of the app until it is stopped."""

    def __init__(self, functions: Functions, sqs: SQSClient) -> None:
        self._functions, self._sqs = functions, sqs
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start one thread for each trigger; schedules fire at once."""
        for each in self._functions.app.event_sources:
            if isinstance(each, SQSEventConfig):
                self._spawn(f"poll-{each.name}", partial(self._consume, self.source(each)))
            elif isinstance(each, ScheduledEventConfig):
                expression = each.schedule_expression
                seconds = rate_seconds(expression if isinstance(expression, str) else expression.to_string())
                self._spawn(f"schedule-{each.name}", partial(self._repeat, each.name, seconds))
            else:
                raise NotImplementedError(f"{type(each).__name__} ({each.name}) is not driven locally")

    def stop(self, seconds: float = 2) -> None:
        """Stop taking new work."""
        self._stop.set()
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))

    def source(self, declared: SQSEventConfig) -> Source:
        """The queue that a consumer names, by its own name or its name within the stage."""
        name = declared.queue or str(declared.queue_arn).rsplit(":", 1)[-1]
        url = self._queue_url(name)
        # Lambda polls with the function's role.
        with acting(declared.name):
            attributes = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        window = declared.maximum_batching_window_in_seconds or 0
        concurrency = declared.maximum_concurrency or DEFAULT_CONCURRENCY
        return Source(declared.name, url, attributes["QueueArn"], declared.batch_size, window, concurrency)

    def _queue_url(self, name: str) -> str:
        with acting(RUNNER):
            try:
                return self._sqs.get_queue_url(QueueName=name)["QueueUrl"]
            except self._sqs.exceptions.QueueDoesNotExist:
                full = f"{self._functions.app.app_name}-{self._functions.stage}-{name}"
                return self._sqs.get_queue_url(QueueName=full)["QueueUrl"]

    def _spawn(self, name: str, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _repeat(self, name: str, seconds: float) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            # EventBridge invokes asynchronously: a run that outlasts its interval holds nothing up.
            self._functions.call_async(name, scheduled_event(self._functions.stage, name))
            due += seconds
            self._stop.wait(max(0, due - time.monotonic()))

    def _consume(self, source: Source) -> None:
        slots = threading.Semaphore(source.concurrency)
        while not self._stop.is_set():
            slots.acquire()
            batch: list[MessageTypeDef] = []
            try:
                batch = self._gather(source)
            except (BotoCoreError, ClientError):
                log.exception("%s could not poll its queue", source.function)
                self._stop.wait(1)
            if not batch or self._stop.is_set():
                slots.release()
                continue
            threading.Thread(
                target=self._process, args=(source, batch, slots), name=f"batch-{source.function}", daemon=True
            ).start()
            if len(batch) < source.batch_size:
                # Under load the next messages come as one batch, instead of a poll, a call and a delete for each.
                self._stop.wait(BREATH_SECONDS)

    def _gather(self, source: Source) -> list[MessageTypeDef]:
        """Wait for a message, then up to the batching window for more."""
        batch = self._receive(source, min(10, source.batch_size), LONG_POLL_SECONDS)
        deadline = time.monotonic() + source.window
        while batch and len(batch) < source.batch_size and not self._stop.is_set():
            left = deadline - time.monotonic()
            if left <= 0:
                break
            # Whole seconds are all that SQS can wait; the last fraction is slept.
            more = self._receive(source, min(10, source.batch_size - len(batch)), int(left))
            batch += more
            if not more and left < 1:
                self._stop.wait(left)
        return batch

    def _receive(self, source: Source, most: int, seconds: int) -> list[MessageTypeDef]:
        with acting(source.function):
            answer = self._sqs.receive_message(
                QueueUrl=source.url,
                MaxNumberOfMessages=most,
                WaitTimeSeconds=seconds,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        return answer.get("Messages", [])

    def _process(self, source: Source, batch: list[MessageTypeDef], slots: threading.Semaphore) -> None:
        try:
            failed = self._failed(source, batch)
            done = [message for message in batch if message["MessageId"] not in failed]
            for start in range(0, len(done), 10):
                entries = [
                    {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
                    for index, message in enumerate(done[start : start + 10])
                ]
                with acting(source.function):
                    self._sqs.delete_message_batch(QueueUrl=source.url, Entries=entries)  # type: ignore[arg-type]
        except (BotoCoreError, ClientError):
            log.exception("%s could not delete what it had processed", source.function)
        finally:
            slots.release()

    def _failed(self, source: Source, batch: list[MessageTypeDef]) -> set[str]:
        everything = {message["MessageId"] for message in batch}
        try:
            answer = self._functions.call(source.function, sqs_event(source.arn, batch))
            failed = failures(answer)
        except Exception:
            log.exception("%s failed with a batch of %d", source.function, len(batch))
            return everything
        # An id that was not in the batch makes AWS retry all of it.
        return min(failed, everything)


def failures(answer: Any) -> set[str]:
    """The message ids that a function reports as failed; a malformed report is an error."""
    if answer is None:
        return set()
    reported = {item["itemIdentifier"] for item in answer.get("batchItemFailures") or []}
    if not all(isinstance(each, str) and each for each in reported):
        raise ValueError(f"not message ids: {reported}")
    return reported


def rate_seconds(expression: str) -> int:
    """Seconds between two runs of a rate; the local stage may go below AWS's minute."""
    match = _RATE.fullmatch(expression)
    if not match or int(match[1]) < 1:
        raise NotImplementedError(f"{expression} is not driven locally; use rate(...)")
    return int(match[1]) * _UNITS[match[2]]
