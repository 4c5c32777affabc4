"""Which deliveries may begin: few at one endpoint, almost none at one that does not answer."""

import threading
from dataclasses import replace

import pytest

from ctrip.ports.events import Due
from ctrip.ports.http import Reply
from ctrip.services.webhooks.admit_delivery import (
    AT_ONCE,
    FAILURES_TO_OPEN,
    FIRST_REST_MS,
    LONGEST_REST_MS,
    REMEMBERED,
    SLOW_MS,
    TRIED_MS,
    TRY_AGAIN_MS,
    EndpointGates,
    NoTimeLeft,
    Outcome,
)
from tests.fakes.clock import FakeClock
from tests.world import World

NEVER = 2**63
URL = "https://shop.example/hooks"
SILENT = Reply(None, "ConnectError")


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def gates(clock):
    return EndpointGates(now=clock.now, spread=lambda: 0.0)


def fail(gates, endpoint="a", times=FAILURES_TO_OPEN):
    """Let deliveries go unanswered, one after the other."""
    for _ in range(times):
        admission = gates.enter(endpoint, begin_by=NEVER)
        assert admission.until is None
        gates.leave(endpoint, admission, Outcome.SILENT)


def prove(gates, endpoint="a"):
    """Let deliveries be answered, until the endpoint may have as many under way as any."""
    for _ in range(3):
        gates.leave(endpoint, gates.enter(endpoint, begin_by=NEVER), Outcome.ANSWERED)


def test_an_endpoint_has_so_many_deliveries_under_way_and_the_next_waits_its_turn(gates):
    """Another endpoint's need not wait."""
    prove(gates)
    first, *_ = [gates.enter("a", begin_by=NEVER) for _ in range(AT_ONCE)]
    assert gates.enter("b", begin_by=NEVER).until is None
    admitted = []
    waiting = threading.Thread(target=lambda: admitted.append(gates.enter("a", begin_by=NEVER)))
    waiting.start()
    assert admitted == []
    gates.leave("a", first, Outcome.ANSWERED)
    waiting.join()
    assert admitted[0].until is None


def test_nobody_waits_for_an_endpoint_that_is_slow(gates, clock):
    """With as many under way as may be, one of them for longer than two seconds, further ones are put off."""
    prove(gates)
    for _ in range(AT_ONCE):
        gates.enter("a", begin_by=NEVER)
    clock.at += SLOW_MS + 1
    assert gates.enter("a", begin_by=NEVER).until == clock.at + FIRST_REST_MS
    assert gates.enter("b", begin_by=NEVER).until is None


def test_a_breaker_opens_after_failures_in_a_row_and_one_delivery_tries_when_it_has_rested(gates, clock):
    """The rest doubles up to its longest while nobody answers; an answer closes the breaker."""
    rest = FIRST_REST_MS
    fail(gates)
    for _ in range(6):
        assert gates.enter("a", begin_by=NEVER).until == clock.at + rest
        gates.leave("b", gates.enter("b", begin_by=clock.at), Outcome.ANSWERED)
        clock.at += rest
        trying = gates.enter("a", begin_by=NEVER)
        assert trying.until is None
        assert gates.enter("a", begin_by=NEVER).until == clock.at + FIRST_REST_MS
        gates.leave("a", trying, Outcome.SILENT)
        rest = min(2 * rest, LONGEST_REST_MS)
    clock.at += rest
    trying = gates.enter("a", begin_by=NEVER)
    gates.leave("a", trying, Outcome.ANSWERED)
    prove(gates)
    assert [gates.enter("a", begin_by=NEVER).until for _ in range(AT_ONCE)] == [None] * AT_ONCE


def test_one_delivery_tries_whether_an_unknown_endpoint_answers(gates, clock):
    """Others wait for half a second, then they are put off for a moment."""
    trying = gates.enter("a", begin_by=NEVER)
    waited = []
    waiting = threading.Thread(target=lambda: waited.append(gates.enter("a", begin_by=NEVER)))
    waiting.start()
    assert waited == []
    clock.at += TRIED_MS + 1
    waiting.join()
    assert waited[0].until == gates.enter("a", begin_by=NEVER).until == clock.at + TRY_AGAIN_MS
    gates.leave("a", trying, Outcome.ANSWERED)
    assert [gates.enter("a", begin_by=NEVER).until for _ in range(2)] == [None, None]


def test_nobody_waits_while_an_endpoint_that_was_silent_is_tried(gates, clock):
    """Further deliveries are put off for a moment, until it answers."""
    prove(gates)
    fail(gates, times=1)
    trying = gates.enter("a", begin_by=NEVER)
    assert gates.enter("a", begin_by=NEVER).until == clock.at + TRY_AGAIN_MS
    gates.leave("a", trying, Outcome.ANSWERED)
    assert [gates.enter("a", begin_by=NEVER).until for _ in range(2)] == [None, None]


def test_deliveries_that_hang_open_a_breaker_sooner(gates, clock):
    """Each of them held a worker for 15 seconds."""
    for _ in range(3):
        admission = gates.enter("a", begin_by=NEVER)
        assert admission.until is None
        gates.leave("a", admission, Outcome.HUNG)
    assert gates.enter("a", begin_by=NEVER).until == clock.at + FIRST_REST_MS


@pytest.mark.parametrize("outcome", [Outcome.ANSWERED, Outcome.UNKNOWN])
def test_only_silence_in_a_row_opens_a_breaker(gates, outcome):
    """An answer of any status counts as one; a fault of our own counts as nothing."""
    fail(gates, times=FAILURES_TO_OPEN - 1)
    admission = gates.enter("a", begin_by=NEVER)
    gates.leave("a", admission, outcome)
    fail(gates, times=1)
    assert (gates.enter("a", begin_by=NEVER).until is None) == (outcome is Outcome.ANSWERED)


def test_nothing_begins_after_its_time(gates, clock):
    """Neither at once, nor after waiting for a turn that does not come."""
    with pytest.raises(NoTimeLeft):
        gates.enter("a", begin_by=clock.at - 1)
    prove(gates)
    for _ in range(AT_ONCE):
        gates.enter("a", begin_by=NEVER)
    late = []

    def wait():
        try:
            gates.enter("a", begin_by=clock.at)
        except NoTimeLeft:
            late.append(True)

    waiting = threading.Thread(target=wait)
    waiting.start()
    clock.at += SLOW_MS
    waiting.join()
    assert late == [True]


def test_a_process_remembers_a_bounded_number_of_endpoints_and_those_that_fail(gates):
    fail(gates, "failing")
    for number in range(REMEMBERED + 5):
        gates.leave(f"{number}", gates.enter(f"{number}", begin_by=NEVER), Outcome.ANSWERED)
    assert len(gates._states) <= REMEMBERED
    assert gates.enter("failing", begin_by=NEVER).until is not None


def test_an_attempt_that_is_put_off_does_not_count():
    """It leaves the outbox for the due index, and is made later under its own number, with the whole schedule left."""
    world = World()
    world.receivers.replies = [SILENT] * FAILURES_TO_OPEN
    for _ in range(FAILURES_TO_OPEN + 1):
        world.create(webhook_url=URL)
    *_, last = world.jobs.deliveries
    world.deliver_all()
    assert len(world.receivers.got) == FAILURES_TO_OPEN
    assert world.stores.events.unacknowledged(world.clock.at + 1) == []
    (due,) = world.stores.events.due(world.clock.at + 10**9)
    assert (due.ulid, due.attempt, due.at) == (last.event, 1, world.clock.at + FIRST_REST_MS)
    assert world.stores.events.attempted("m1", last.event, "payment", 1) is None
    world.clock.at += FIRST_REST_MS
    assert world.relay.run() == 1
    world.deliver_all()
    done = world.stores.events.attempted("m1", last.event, "payment", 1)
    assert (done.status_code, world.stores.events.due(world.clock.at + 10**9)) == (204, [])


@pytest.mark.parametrize("attempt", [1, 3])
def test_an_attempt_that_is_put_off_for_a_moment_goes_back_to_the_queue(attempt):
    """Its row stays where it is: in the outbox, or on the due index."""
    world = World()
    world.create(webhook_url=URL)
    job = world.jobs.deliveries.pop()
    if attempt == 3:
        world.stores.events.postpone(
            Due(merchant_id="m1", ulid=job.event, endpoint="payment", attempt=3, at=world.clock.at)
        )
        job = replace(job, attempt=3, due_at=world.clock.at)
    waiting = world.stores.events.unacknowledged(NEVER), world.stores.events.due(NEVER)
    gates = world.deliverer.gates
    trying = gates.enter(f"m1 {URL}", begin_by=NEVER)
    world.clock.at += TRIED_MS + 1
    assert world.deliverer.deliver(job) is None
    assert world.jobs.delayed == [(job, TRY_AGAIN_MS // 1000)]
    assert (world.stores.events.unacknowledged(NEVER), world.stores.events.due(NEVER)) == waiting
    gates.leave(f"m1 {URL}", trying, Outcome.ANSWERED)
    assert world.deliverer.deliver(job).succeeded


def test_a_retry_from_the_due_index_that_is_put_off_moves_there():
    """It stands on it once, at the later time, and is still the attempt that it was."""
    world = World()
    world.receivers.replies = [SILENT] * 20
    world.create(webhook_url=URL)
    world.deliver_all()
    world.deliverer.deliver(world.jobs.delayed.pop()[0])
    (due,) = world.stores.events.due(world.clock.at + 10**9)
    assert due.attempt == 3
    for _ in range(FAILURES_TO_OPEN - 2):
        world.create(webhook_url=URL)
    world.deliver_all()
    world.clock.at = due.at
    fail_now = world.deliverer.gates._states[f"m1 {URL}"]
    fail_now.rests_until = due.at + 17_000
    assert world.relay.run() == 1
    world.deliver_all()
    waiting = [each for each in world.stores.events.due(due.at + 10**9) if each.ulid == due.ulid]
    assert [(each.attempt, each.at) for each in waiting] == [(3, due.at + 17_000)]


def test_a_worker_that_dies_between_the_post_and_its_record_leaves_the_attempt_to_be_made_again():
    """Delivered twice with one id and one payload, recorded once; the queue gives the message out again."""
    world = World()
    world.create(webhook_url=URL)
    (job,) = world.jobs.deliveries
    record = world.stores.events.record

    def die(*_, **__):
        world.stores.events.record = record
        raise SystemExit

    world.stores.events.record = die
    with pytest.raises(SystemExit):
        world.deliverer.deliver(job)
    assert len(world.stores.events.unacknowledged(world.clock.at + 1)) == 1
    for _ in range(2):
        world.deliverer.deliver(job)
    (_, first, body), (_, second, again) = world.receivers.got
    assert (first["webhook-id"], body) == (second["webhook-id"], again)
    assert world.stores.events.unacknowledged(world.clock.at + 1) == []
