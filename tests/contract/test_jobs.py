"""What queues and asynchronous calls promise: of the fakes, and of SQS by moto and Lambda by the emulator."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import boto3
import pytest
from chalice.app import Chalice, Rate
from chalice.config import Config
from moto.sqs.models import sqs_backends

from ctrip.aws.clients import HURRIED, client
from ctrip.aws.dead_letters import Redriven, redrive_webhooks
from ctrip.aws.jobs import AwsJobs
from ctrip.aws.names import named, queue_names
from ctrip.aws.queues import queue_depths
from ctrip.domain.errors import Busy
from ctrip.domain.jobs import ScanJob, SweepJob, WebhookJob, decode_job, encode_job, job_of
from ctrip.ports.jobs import Jobs
from infra.emulator.functions import Functions
from infra.emulator.lambdas import Server
from tests.fakes.jobs import FakeJobs
from tests.support.aws import in_memory

STAGE = "local"
PATIENCE = 15.0


class Queues(Protocol):
    """Jobs, and what the workers behind them would take."""

    jobs: Jobs

    def webhooks(self) -> list[tuple[WebhookJob, int]]: ...
    def sweeps(self) -> list[SweepJob]: ...
    def scans(self, count: int) -> list[ScanJob]: ...
    def provisions(self, count: int) -> int: ...
    def refuse(self, merchant: str) -> None: ...


@dataclass
class Fake:
    """Lists."""

    jobs: FakeJobs

    def webhooks(self) -> list[tuple[WebhookJob, int]]:
        return [*((job, 0) for job in self.jobs.deliveries), *self.jobs.delayed]

    def sweeps(self) -> list[SweepJob]:
        return self.jobs.sweeps

    def scans(self, count: int) -> list[ScanJob]:
        assert len(self.jobs.scan_jobs) == len(self.jobs.scans) == count
        return self.jobs.scan_jobs

    def provisions(self, count: int) -> int:
        return self.jobs.provisions

    def refuse(self, merchant: str) -> None:
        self.jobs.refused = lambda job: job.merchant_id == merchant


class Called:
    """What the functions `scan` and `provision` were called with."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self.more = threading.Condition()

    def note(self, name: str, event: Any) -> None:
        with self.more:
            self.events.append((name, event))
            self.more.notify_all()

    def of(self, name: str, count: int) -> list[Any]:
        """Wait for so many calls of one function."""
        found = [event for each, event in self.events if each == name]
        with self.more:
            while len(found) < count:
                assert self.more.wait(PATIENCE), f"{name} was not called {count} times"
                found = [event for each, event in self.events if each == name]
        return found


@dataclass
class Real:
    """Queues of moto, functions of the emulator."""

    jobs: AwsJobs
    called: Called

    def _messages(self, name: str) -> list[Any]:
        (backend,) = [each["us-east-1"] for each in sqs_backends.values() if "us-east-1" in each]
        return list(backend.get_queue(named(STAGE, name))._messages)

    def webhooks(self) -> list[tuple[WebhookJob, int]]:
        return [
            (decode_job(WebhookJob, each.body), round(max(each.delayed_until - each.sent_timestamp, 0) / 1000))
            for each in self._messages("webhooks")
        ]

    def sweeps(self) -> list[SweepJob]:
        return [decode_job(SweepJob, each.body) for each in self._messages("sweep")]

    def scans(self, count: int) -> list[ScanJob]:
        return [job_of(ScanJob, each) for each in self.called.of("scan", count)]

    def provisions(self, count: int) -> int:
        return len(self.called.of("provision", count))

    def refuse(self, merchant: str) -> None:
        """Have SQS not take a merchant's messages, as it may for each entry of a batch on its own."""
        failed: list[list[str]] = []

        def without(params: dict[str, Any], **_: Any) -> None:
            entries = params["Entries"]
            failed.append(
                [each["Id"] for each in entries if json.loads(each["MessageBody"])["merchant_id"] == merchant]
            )
            params["Entries"] = [each for each in entries if each["Id"] not in failed[-1]]

        def say_so(parsed: dict[str, Any], **_: Any) -> None:
            if ids := failed.pop():
                parsed["Failed"] = [{"Id": each, "SenderFault": False, "Code": "InternalError"} for each in ids]

        events = client("sqs", HURRIED).meta.events
        events.register_first("provide-client-params.sqs.SendMessageBatch", without)
        events.register_last("after-call.sqs.SendMessageBatch", say_so)


def functions(called: Called) -> Functions:
    """Deploy two functions with the names and triggers of the gateway's own."""
    app = Chalice("ctrip", configure_logs=False)

    @app.lambda_function(name="scan")
    def scan(event: Any, context: Any) -> None:
        called.note("scan", event)

    @app.schedule(Rate(5, unit=Rate.MINUTES), name="provision")
    def provision(event: Any) -> None:
        called.note("provision", event.to_dict())

    return Functions(app, STAGE, Config(chalice_stage=STAGE, config_from_disk={"stages": {STAGE: {}}}))


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Real]:
    """The stage's queues, and the functions that are called by name."""
    called = Called()
    with in_memory(monkeypatch):
        for name in queue_names():
            boto3.client("sqs").create_queue(QueueName=named(STAGE, name))
        server = Server(functions(called))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", server.url)
        try:
            yield Real(AwsJobs(STAGE), called)
        finally:
            client("lambda", HURRIED).close()
            server.shutdown()
            server.server_close()


@pytest.fixture(params=["fake", "aws"])
def queues(request: pytest.FixtureRequest) -> Queues:
    """Queues of either kind."""
    if request.param == "fake":
        return Fake(FakeJobs())
    real: Real = request.getfixturevalue("aws")
    return real


def many(count: int, merchant: Callable[[int], str] = lambda _: "m1") -> list[WebhookJob]:
    return [
        WebhookJob(merchant(n), f"01EVENT{n:06d}", f"we_{n % 4}", n % 9 + 1, n * 1000, f"request-{n}")
        for n in range(count)
    ]


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 37])
def test_any_number_of_jobs_is_queued(queues: Queues, count: int) -> None:
    """Each once, as a worker reads it, with the request that it follows from; in no promised order."""
    jobs = many(count, lambda n: f"m{n % 3}")
    queues.jobs.deliver(jobs)
    assert sorted(queues.webhooks(), key=str) == sorted(((job, 0) for job in jobs), key=str)


@pytest.mark.parametrize("text", ["ключ", "店", "a\u0000b", 'quote " and \\ slash', "é\n\t", "\U0001f4b8"])
def test_a_job_arrives_as_it_was_sent(queues: Queues, text: str) -> None:
    """Member for member, whatever script a member is in."""
    job = WebhookJob("m1", text, text, 7, 9, text)
    queues.jobs.deliver([job])
    assert queues.webhooks() == [(job, 0)]
    queues.jobs.sweep(SweepJob("anvil", text))
    assert queues.sweeps() == [SweepJob("anvil", text)]


@pytest.mark.parametrize(("asked", "kept"), [(1, 1), (5, 5), (900, 900), (901, 900), (86_400, 900)])
def test_a_delay_is_kept_up_to_what_a_queue_allows(queues: Queues, asked: int, kept: int) -> None:
    """15 minutes; what is due later is in the index of due deliveries meanwhile."""
    jobs = many(12)
    queues.jobs.deliver(jobs, delay=asked)
    assert sorted(queues.webhooks(), key=str) == sorted(((job, kept) for job in jobs), key=str)


@pytest.mark.parametrize("at", [0, 4, 9, 10, 24])
def test_what_a_queue_does_not_take_raises_busy_after_all_were_offered(queues: Queues, at: int) -> None:
    """One of 25, in any batch: the other 24 are queued."""
    queues.refuse("unlucky")
    jobs = many(25, lambda n: "unlucky" if n == at else "m1")
    with pytest.raises(Busy):
        queues.jobs.deliver(jobs)
    assert sorted((job for job, _ in queues.webhooks()), key=str) == sorted(jobs[:at] + jobs[at + 1 :], key=str)
    queues.jobs.deliver(jobs[:1] if at else jobs[1:2])  # and what is taken afterwards raises nothing


def test_each_sweep_job_is_queued(queues: Queues) -> None:
    """Also the same one twice: a worker finds nothing to do."""
    jobs = [SweepJob("anvil", "native"), SweepJob("anvil", "7a0e3bd2"), SweepJob("anvil", "native")]
    for job in jobs:
        queues.jobs.sweep(job)
    assert sorted(queues.sweeps()) == sorted(jobs)


def test_a_scanner_is_started_with_its_chain_and_the_request(queues: Queues) -> None:
    """As its function decodes what it is called with."""
    jobs = [ScanJob("anvil"), ScanJob("base", "request-1")]
    for job in jobs:
        queues.jobs.scan(job)
    assert sorted(queues.scans(2), key=str) == sorted(jobs, key=str)


def test_provisioning_is_started(queues: Queues) -> None:
    """Ahead of its schedule, each time that it is asked for."""
    queues.jobs.provision()
    queues.jobs.provision()
    assert queues.provisions(2) == 2


def test_provisioning_is_started_with_an_event_of_its_schedule(aws: Real) -> None:
    """Chalice reads it as one; its id says that no schedule sent it."""
    aws.jobs.provision()
    (event,) = aws.called.of("provision", 1)
    assert (event["id"], event["detail-type"]) == ("ahead-of-time", "Scheduled Event")


def test_an_endpoints_many_messages_are_one_group(aws: Real) -> None:
    """So that SQS is fair between endpoints; `payment` is an endpoint of every merchant."""
    aws.jobs.deliver([WebhookJob(f"m{n % 2}", f"01EVENT{n}", ("payment", "we_1")[n // 2 % 2]) for n in range(12)])
    groups = {
        (held["merchant_id"], held["endpoint"]): each.group_id
        for each in aws._messages("webhooks")
        for held in [json.loads(each.body)]
    }
    assert groups == {(who, where): f"{who}:{where}" for who in ("m0", "m1") for where in ("payment", "we_1")}


def dead(aws: Real, *bodies: str) -> None:
    """Put messages into the dead-letter queue of webhooks."""
    sqs = boto3.client("sqs")
    for body in bodies:
        sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="ctrip-local-webhooks-dlq")["QueueUrl"], MessageBody=body)


@pytest.mark.parametrize(("count", "most", "moved"), [(0, 9, 0), (3, 9, 3), (23, 1_000, 23), (23, 12, 12)])
def test_dead_letters_are_moved_back(aws: Real, count: int, most: int, moved: int) -> None:
    """Up to as many as asked for, each as it was, and then it is in the dead-letter queue no more."""
    jobs = many(count)
    dead(aws, *map(encode_job, jobs))
    assert redrive_webhooks(STAGE, most) == Redriven(moved, 0)
    found = [job for job, _ in aws.webhooks()]
    assert len(found) == moved
    assert set(found) <= set(jobs)
    assert queue_depths(STAGE)["webhooks-dlq"] == count - moved


def test_dead_letters_that_nobody_can_read_stay(aws: Real) -> None:
    """The others are moved; nothing is moved twice in one run."""
    dead(aws, "{", encode_job(many(1)[0]), "[]")
    assert redrive_webhooks(STAGE, 100) == Redriven(1, 2)
    assert len(aws.webhooks()) == 1


def test_a_dead_letter_that_its_queue_does_not_take_is_not_deleted(aws: Real) -> None:
    aws.refuse("unlucky")
    dead(aws, *map(encode_job, many(2, lambda n: ("m1", "unlucky")[n])))
    with pytest.raises(Busy):
        redrive_webhooks(STAGE, 100)
    assert len(aws._messages("webhooks-dlq")) == 2


def test_depths_are_asked_of_every_queue(aws: Real) -> None:
    """Dead-letter queues included."""
    aws.jobs.deliver(many(3))
    aws.jobs.sweep(SweepJob("anvil", "native"))
    assert queue_depths(STAGE) == {"sweep": 1, "sweep-dlq": 0, "webhooks": 3, "webhooks-dlq": 0}


def test_a_job_that_no_worker_could_read_is_refused_by_the_fake() -> None:
    """A member of another type would only be found in AWS."""
    with pytest.raises(ValueError, match="request_id"):
        FakeJobs().deliver([WebhookJob("m1", "e", "payment", 1, 0, None)])  # type: ignore[arg-type]
