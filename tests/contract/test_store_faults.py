"""What the real stores do when DynamoDB is slow, short of breath, or its answers are lost."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ctrip.domain.chains.evm.transaction import slot_of
from ctrip.domain.errors import AlreadyExists, Busy, Stale
from ctrip.domain.payments.machine import Trigger
from ctrip.domain.payments.payment import Status, Tier
from ctrip.domain.sweeping.sweep import TransactionState
from ctrip.domain.webhooks.events import Event
from ctrip.ports.events import Delivery, Due, Place, Waiting
from ctrip.ports.idempotency import Idempotency
from ctrip.store.access import DynamoAccess
from ctrip.store.engine import connection
from ctrip.store.money import DynamoMoney
from ctrip.store.payments import DynamoPayments
from tests.support import dynamodb, objects
from tests.support.faults import PatientClock, forgetting_tokens, losing, refusing
from tests.support.ledger import entries_of
from tests.support.objects import NOW, attempt, creation, entry, payment, quiet, step, transaction
from tests.support.stores import Stage, Stores

ATTEMPT = attempt("0x01", "0xh", 21_000, 9, 1, 10**18, 7)


class Line:
    """A connection of a test's own, whose faults harm no other, and stores over it."""

    def __init__(self, stage: Stage, endpoint: str) -> None:
        self.connection = dynamodb.connect(endpoint)
        self.clock = PatientClock()
        self.stores: Stores = stage.stores(connected=self.connection, clock=self.clock, jitter=lambda: 1.0)
        self.others: Stores = stage.stores()


@pytest.fixture
def line(stage: Stage, endpoint: str) -> Line:
    """Open a line that a test may break."""
    return Line(stage, endpoint)


@pytest.mark.parametrize("forgets", [False, True], ids=["token", "read back"])
class TestLostAnswers:
    """The write was done, and its answer was lost."""

    def test_our_own_creation_is_no_conflict(self, line: Line, forgets: bool) -> None:
        """A creation whose answer was lost counts as done, by its token or by reading back."""
        if forgets:
            forgetting_tokens(line.connection)
        losing(line.connection, "TransactWriteItems", arrives=True)
        commit = replace(creation(payment(order_id="o")), idempotency=Idempotency("mer_1", "r", "k", "h"))
        line.stores.payments.commit(commit)
        assert line.others.payments.get(commit.after.id) == commit.after

    def test_our_own_step_is_no_conflict_even_when_others_moved_on(self, line: Line, forgets: bool) -> None:
        """A step whose answer was lost counts as done, though the payment has changed again since."""
        made = creation(payment())
        line.stores.payments.commit(made)
        seen = step(made.after, Trigger.SEEN, entries=(entry(),))
        if forgets:
            forgetting_tokens(line.connection)
        newer = step(seen.after, Trigger.SHORT)
        losing(line.connection, "TransactWriteItems", arrives=True, then=lambda: line.others.payments.commit(newer))
        line.stores.payments.commit(seen)
        assert line.others.payments.get(made.after.id) == newer.after
        assert len(entries_of(line.others, "mer_1")) == 1


class TestLostRequests:
    """The request was lost, and another's was not."""

    def test_anothers_step_is_a_conflict(self, line: Line) -> None:
        """When our request never arrived and another's did, we are stale, however alike the two decisions are."""
        made = creation(payment())
        line.stores.payments.commit(made)
        ours, theirs = step(made.after, Trigger.SEEN), step(made.after, Trigger.SEEN)
        losing(line.connection, "TransactWriteItems", arrives=False, then=lambda: line.others.payments.commit(theirs))
        with pytest.raises(Stale):
            line.stores.payments.commit(ours)

    def test_anothers_creation_is_a_conflict(self, line: Line) -> None:
        """When our request never arrived and another took the order, it is taken."""
        theirs = creation(payment(order_id="o"))
        losing(line.connection, "TransactWriteItems", arrives=False, then=lambda: line.others.payments.commit(theirs))
        with pytest.raises(AlreadyExists, match="order"):
            line.stores.payments.commit(creation(payment(order_id="o")))

    def test_a_request_that_was_lost_is_sent_again(self, line: Line) -> None:
        """Where nobody interfered, the second sending does it."""
        losing(line.connection, "TransactWriteItems", arrives=False)
        commit = creation(payment())
        line.stores.payments.commit(commit)
        assert line.others.payments.get(commit.after.id) == commit.after


def test_a_transaction_of_ours_is_no_conflict(line: Line) -> None:
    """Writing an outgoing transaction whose answer was lost counts as done, new or moved on."""
    first = transaction()
    losing(line.connection, "PutItem", arrives=True)
    line.stores.money.write_transaction(None, first)
    sent = replace(first, state=TransactionState.SENT, version=2)
    losing(line.connection, "PutItem", arrives=True)
    line.stores.money.write_transaction(first, sent)
    assert line.others.money.transaction("anvil", first.sender, slot_of(0)) == sent


def test_a_tier_and_a_settlement_of_ours_are_no_conflict(line: Line) -> None:
    """What was done and not answered counts as done."""
    made = creation(payment())
    line.stores.payments.commit(made)
    losing(line.connection, "PutItem", arrives=True)
    parked = line.stores.payments.retier(made.after, Tier.PARKED, NOW + 1)
    assert line.others.payments.get(made.after.id) == parked
    forgetting_tokens(line.connection)
    first, final = transaction(), replace(transaction(), state=TransactionState.FINAL, version=2)
    line.stores.money.write_transaction(None, first)
    fence = line.stores.money.take("anvil")
    losing(line.connection, "TransactWriteItems", arrives=True)
    line.stores.money.settle(first, final, [entry()], fence)
    assert entries_of(line.others, "mer_1") == [entry()]


@pytest.mark.parametrize("forgets", [False, True], ids=["token", "read back"])
def test_a_reservation_of_ours_is_no_conflict(line: Line, forgets: bool) -> None:
    """Putting a transaction under way whose answer was lost counts as done; another's in its place does not."""
    if forgets:
        forgetting_tokens(line.connection)
    made = creation(payment())
    line.stores.payments.commit(made)
    ours = transaction(attempts=(ATTEMPT,))
    losing(line.connection, "TransactWriteItems", arrives=True)
    assert line.stores.payments.reserve(made.after, ours).own.pending == ours.key
    other = creation(payment())
    line.stores.payments.commit(other)
    theirs = transaction(1, attempts=(replace(ATTEMPT, raw="0x02"),))
    mine = transaction(1, attempts=(ATTEMPT,))
    losing(
        line.connection,
        "TransactWriteItems",
        arrives=False,
        then=lambda: line.others.payments.reserve(other.after, theirs) and None,
    )
    with pytest.raises(Stale):
        line.stores.payments.reserve(other.after, mine)


@pytest.mark.parametrize("forgets", [False, True], ids=["token", "read back"])
@pytest.mark.parametrize("part", [0, 1], ids=["the first part", "the second"])
def test_a_reservation_of_many_is_no_conflict(line: Line, forgets: bool, part: int) -> None:
    """Whichever part's answer was lost: what was reserved counts as reserved, and another's does not."""
    if forgets:
        forgetting_tokens(line.connection)
    made = [creation(payment()).after for _ in range(101)]
    for each in made:
        line.stores.payments.commit(creation(each))
    ours = replace(transaction(payment_id=made[0].id), state=TransactionState.PREPARED)
    if part == 0:
        losing(line.connection, "TransactWriteItems", arrives=True)
        assert len(line.stores.payments.reserve_many(made, None, ours)) == 101
        return
    assert len(line.stores.payments.reserve_many(made[:99], None, ours)) == 99
    theirs = replace(ours, created_at=NOW + 5)
    losing(line.connection, "TransactWriteItems", arrives=True)
    with pytest.raises(AlreadyExists):
        line.stores.payments.reserve_many(made[99:], None, theirs)
    assert all(line.others.payments.get(each.id).own.pending is None for each in made[99:])


def test_who_has_taken_a_batch_over_lets_nobody_join_it(line: Line) -> None:
    """A job that was given up for dead goes on: its later parts are refused, and nobody names the dead batch."""
    made = [creation(payment()).after for _ in range(101)]
    for each in made:
        line.stores.payments.commit(creation(each))
    ours = replace(transaction(payment_id=made[0].id), state=TransactionState.PREPARED)
    taken = replace(ours, version=2)
    dispatch, calls = line.connection.dispatch, []

    def slow(operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        calls.append(operation)
        if operation == "TransactWriteItems" and calls.count(operation) == 2:
            line.others.money.write_transaction(ours, taken)
        return dispatch(operation, asked)

    line.connection.dispatch = slow
    with pytest.raises(Stale):
        line.stores.payments.reserve_many(made, None, ours)
    held = [line.others.payments.get(each.id).own.pending for each in made]
    assert held == [ours.key] * 99 + [None] * 2


def told(line: Line) -> Event:
    """Commit an event that somebody is to be told of."""
    commit = creation(payment(webhook_url="https://shop.example/hooks"))
    line.stores.payments.commit(commit)
    assert commit.event
    return commit.event


@pytest.mark.parametrize("later", [False, True], ids=["told", "to be told again"])
@pytest.mark.parametrize("attempt", [1, 2])
def test_a_worker_that_dies_after_its_record_leaves_it_to_the_next(line: Line, attempt: int, later: bool) -> None:
    """The attempt stands alone, its follow-ups undone; whoever repeats the job finds it, and finishes."""
    event = told(line)
    if attempt > 1:
        line.stores.events.record(delivery(event, 1, None), due_index=False)
    done = delivery(event, attempt, NOW + 5_000_000 if later else None)
    upcoming = Due(merchant_id="mer_1", ulid=event.ulid, endpoint="payment", attempt=attempt + 1, at=NOW + 5_000_000)
    waits = [upcoming] if later else []
    # A second attempt came from the due index, where it stays until all is done.
    came_from = NOW + 5 if attempt > 1 else 0
    own = [replace(upcoming, attempt=2, at=came_from)] if came_from else []
    for each in own:
        line.stores.events.postpone(each)
    refusing(
        line.connection, "PutItem" if later else "DeleteItem", 10**6, "ThrottlingException", after=1 if later else 0
    )
    with pytest.raises(Busy):
        line.stores.events.record(done, due_index=later, due_at=came_from)
    assert line.others.events.attempted("mer_1", event.ulid, "payment", attempt) == done
    assert line.others.events.due(NOW + 10**9) == own
    first = Waiting(merchant_id="mer_1", ulid=event.ulid, endpoint="payment", at=event.at)
    assert line.others.events.unacknowledged(NOW + 1) == ([first] if attempt == 1 else [])
    line.others.events.finish(done, due_index=later, due_at=came_from)
    assert line.others.events.due(NOW + 10**9) == waits
    assert line.others.events.unacknowledged(NOW + 1) == []
    assert line.others.events.event("mer_1", event.ulid) == event


def test_an_attempt_of_ours_is_no_other_workers(line: Line) -> None:
    """A record whose answer was lost counts as ours, and what follows from it is done."""
    event = told(line)
    losing(line.connection, "PutItem", arrives=True)
    line.stores.events.record(delivery(event, 1, None), due_index=False)
    assert line.others.events.unacknowledged(NOW + 1) == []


def test_an_event_is_found_although_eventual_reads_lag(line: Line) -> None:
    """What an eventual read does not find is asked for once more, consistently."""
    event, reads = told(line), list[int]()

    def lag(parsed: dict[str, Any], **_: Any) -> None:
        reads.append(1)
        if len(reads) == 1:
            parsed.pop("Item", None)

    line.connection.client.meta.events.register("after-call.dynamodb.GetItem", lag)
    assert line.stores.events.event("mer_1", event.ulid) == event
    assert len(reads) == 2


def delivery(event: Event, attempt: int, again_at: int | None) -> Delivery:
    """Make the record of an attempt."""
    return objects.delivery(event.ulid, attempt, status_code=503 if again_at else 204, next_attempt_at=again_at)


def test_an_index_whose_answer_was_lost_is_skipped(line: Line) -> None:
    """A counter whose answer was lost counts again: an index is skipped, none is given twice."""
    losing(line.connection, "UpdateItem", arrives=True)
    assert line.stores.access.take_indexes("mer_1", "evm", 1)[0] == 1
    assert line.others.access.take_indexes("mer_1", "evm", 1)[0] == 2


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "ProvisionedThroughputExceededException", "InternalServerError"]
)
def test_throttling_is_waited_out(line: Line, code: str) -> None:
    """The first four calls are refused, the fifth does it, in less than two seconds."""
    seen = refusing(line.connection, "TransactWriteItems", 4, code)
    commit = creation(payment())
    line.stores.payments.commit(commit)
    assert len(seen) == 5
    assert line.clock.now() < 2_000
    assert line.others.payments.get(commit.after.id) == commit.after


@pytest.mark.parametrize("reason", ["TransactionConflict", "ThrottlingError"])
def test_conflicting_transactions_are_repeated(line: Line, reason: str) -> None:
    """A transaction cancelled for its neighbours is repeated, and done."""
    reasons = [{"Code": "None"}, {"Code": reason, "Message": "x"}]
    refusing(line.connection, "TransactWriteItems", 3, "TransactionCanceledException", CancellationReasons=reasons)
    line.stores.payments.commit(creation(payment()))
    assert line.clock.waits == 3


@pytest.mark.parametrize("operation", ["TransactWriteItems", "GetItem", "UpdateItem"])
def test_lasting_throttling_is_busy_within_two_seconds(line: Line, operation: str) -> None:
    """Where throttling outlasts the retries the caller is told to come back, within two seconds of waiting."""
    calls: dict[str, Any] = {
        "TransactWriteItems": lambda: line.stores.payments.commit(creation(payment())),
        "GetItem": lambda: line.stores.payments.get("p"),
        "UpdateItem": line.stores.access.next_account,
    }
    seen = refusing(line.connection, operation, 10**6, "ThrottlingException")
    with pytest.raises(Busy) as caught:
        calls[operation]()
    assert caught.value.retry_after >= 1
    assert line.clock.now() <= 2_000
    assert 5 <= len(seen) <= 20


def test_a_frozen_clock_does_not_wait_for_ever(stage: Stage, endpoint: str) -> None:
    """The tries are bounded too, so that a clock that stands still ends as well."""
    line = Line(stage, endpoint)
    line.clock.wait = lambda seconds: None  # type: ignore[method-assign]
    refusing(line.connection, "GetItem", 10**6, "ThrottlingException")
    with pytest.raises(Busy):
        line.stores.payments.get("p")


def test_a_store_that_hangs_is_busy_within_three_seconds(stage: Stage) -> None:
    """A listener that never answers costs one read timeout and no more."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        hung = dynamodb.connect(f"http://127.0.0.1:{silent.getsockname()[1]}", read_seconds=connection.READ_SECONDS)
        began = time.monotonic()
        with pytest.raises(Busy):
            DynamoPayments(stage.name, connected=hung).commit(creation(payment()))
        assert time.monotonic() - began < 3


def test_a_mistake_of_ours_is_not_called_busy(stage: Stage) -> None:
    """A missing table is raised as it is, at once: no repetition would help."""
    clock = PatientClock()
    with pytest.raises(ClientError):
        DynamoPayments("nowhere", connected=stage.connection, clock=clock).get("p")
    assert clock.waits == 0


def test_keys_left_over_are_asked_again(line: Line) -> None:
    """What BatchGetItem leaves unprocessed is fetched by a further call."""
    made = [creation(payment()) for _ in range(3)]
    for each in made:
        line.stores.payments.commit(each)
    cut: list[int] = []

    def leave_some(parsed: dict[str, Any], **_: Any) -> None:
        if cut:
            return
        cut.append(1)
        table, items = next(iter(parsed["Responses"].items()))
        rest = [{"pk": item["pk"], "sk": item["sk"]} for item in items[1:]]
        parsed["Responses"] = {table: items[:1]}
        parsed["UnprocessedKeys"] = {table: {"Keys": rest, "ConsistentRead": True}}

    line.connection.client.meta.events.register("after-call.dynamodb.BatchGetItem", leave_some)
    assert {each.id for each in line.stores.payments.watched("anvil", Tier.OPEN)} == {each.after.id for each in made}


@pytest.mark.parametrize("stubborn", [False, True])
def test_records_left_over_are_stored_again(line: Line, stubborn: bool) -> None:
    """What BatchWriteItem leaves unprocessed is stored by a further call; raises `Busy` when it always is left."""
    made = [delivery(objects.event(), 1, None) for _ in range(3)]
    places = [(each, Place(each.event_ulid, "payment", 1, 0)) for each in made]
    calls: list[int] = []

    def leave_some(params: dict[str, Any], **_: Any) -> None:
        calls.append(1)
        if stubborn or len(calls) == 1:
            table, requests = next(iter(params["RequestItems"].items()))
            left.append({table: requests[1:] or requests})
            params["RequestItems"] = {table: requests[:1]}

    def say_so(parsed: dict[str, Any], **_: Any) -> None:
        parsed["UnprocessedItems"] = left.pop() if left else {}

    left: list[Any] = []
    events = line.connection.client.meta.events
    events.register("provide-client-params.dynamodb.BatchWriteItem", leave_some)
    events.register("after-call.dynamodb.BatchWriteItem", say_so)
    if stubborn:
        with pytest.raises(Busy):
            line.stores.events.record_delivered(places)
        return
    line.stores.events.record_delivered(places)
    assert [line.stores.events.attempted("mer_1", each.event_ulid, "payment", 1) for each in made] == made
    assert len(calls) == 2


def test_of_many_who_want_a_dead_payments_order_one_gets_it(stage: Stage) -> None:
    """Creations at once for one order, whose holder is dead, end with one payment that lives."""
    stores = stage.stores()
    dead = creation(payment(order_id="o"))
    stores.payments.commit(dead)
    stores.payments.commit(step(dead.after, Trigger.CANCELLED))
    commits = [creation(payment(order_id="o")) for _ in range(12)]

    def attempt(commit: Any) -> str:
        try:
            stores.payments.commit(commit)
        except (AlreadyExists, Busy) as exc:
            return getattr(exc, "key", "busy")
        return "stored"

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(attempt, commits))
    assert answers.count("stored") == 1
    assert set(answers) <= {"stored", "order", "busy"}
    winner = commits[answers.index("stored")].after
    assert stores.payments.by_order("mer_1", "o") == winner.id


def test_of_many_steps_from_one_state_one_is_taken(stage: Stage) -> None:
    """Twelve decisions at once from the same version leave one."""
    stores = stage.stores()
    made = creation(payment())
    stores.payments.commit(made)

    def attempt(number: int) -> str:
        try:
            stores.payments.commit(quiet(made.after, confirmations=number))
        except (Stale, Busy) as exc:
            return type(exc).__name__
        return "stored"

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(attempt, range(1, 13)))
    assert answers.count("stored") == 1
    stored = stores.payments.get(made.after.id)
    assert stored
    assert (stored.version, stored.seen.confirmations) == (2, answers.index("stored") + 1)
    assert stored.status is Status.PENDING


def test_the_stores_go_where_the_environment_says(stage: Stage, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a connection of their own the stores honour AWS_ENDPOINT_URL_DYNAMODB, with our timeouts."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", dynamodb.REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    connection.connection.cache_clear()
    try:
        assert DynamoAccess(stage.name).next_account() == 1
        assert DynamoMoney(stage.name).take("anvil").number == 1
        client = connection.connection().client
    finally:
        connection.connection.cache_clear()
    assert client.meta.endpoint_url == endpoint
    config = client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (1, 2)
    assert config.retries["total_max_attempts"] == 1
