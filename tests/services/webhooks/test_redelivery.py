"""The log of deliveries, deliveries that are made again, and endpoints that catch up."""

from dataclasses import replace

import pytest

from ctrip.domain.errors import InvalidField, NotFound
from ctrip.ports.http import Reply
from ctrip.services.webhooks import redeliver
from tests.services.webhooks.test_endpoint_deliveries import FIRST, SECOND, current, put
from tests.world import World


@pytest.fixture
def world():
    made = World()
    made.redeliverer = made.stage.webhooks.redeliverer
    return made


def create(world, *replies):
    """Make a payment, and deliver its event; return the event's ULID."""
    payment = world.create()
    world.clock.at += 1_000
    world.receivers.replies = list(replies)
    world.deliver_all()
    [ulid] = world.stores.payments.events_of(payment.id)
    return ulid


def log(world, endpoint_id=FIRST, limit=100):
    """Read an endpoint's log page by page."""
    found, cursor = [], None
    while True:
        page = world.redeliverer.page("m1", endpoint_id, cursor, limit)
        found += page["data"]
        if (cursor := page["next_cursor"]) is None:
            return found


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_the_log_shows_each_attempt_newest_first(world, limit):
    """By event, and by attempt within it; what the endpoint answered, how soon, and when it is tried again."""
    put(world, FIRST)
    put(world, SECOND)
    first = create(world, Reply(500, None, None, b"no such \xff shop"), Reply(204))
    retry, _ = world.jobs.delayed.pop()
    world.deliverer.deliver(retry)
    second = create(world, Reply(None, "timed out"), Reply(204))
    shown = log(world, limit=limit)
    assert [(each["event_id"], each["attempt"], each["status_code"], each["error"]) for each in shown] == [
        (f"evt_{second}", 1, None, "timed out"),
        (f"evt_{first}", 2, 204, None),
        (f"evt_{first}", 1, 500, None),
    ]
    assert [each["id"] for each in shown] == [f"dlv_{second}_1", f"dlv_{first}_2", f"dlv_{first}_1"]
    assert shown[2]["answer"] == "no such \ufffd shop"
    assert (shown[2]["next_attempt_at"] is None, shown[1]["next_attempt_at"]) == (False, None)
    assert {each["type"] for each in shown} == {"payment.created"}
    assert [each["attempt"] for each in log(world, SECOND)] == [1, 1]


def test_what_an_endpoint_answers_is_kept_masked(world):
    """A receiver's error page may quote what it is configured with."""
    put(world)
    key = "ctrip_testkey001_0123456789abcdefghijkl"
    create(world, Reply(500, None, None, f"Authorization: Bearer {key}".encode()))
    assert key not in log(world)[0]["answer"]


def test_one_delivery_is_made_again_under_the_next_number(world):
    """Whatever became of it; a retry that was due is that one, and is not made twice."""
    put(world)
    ulid = create(world, Reply(500))
    world.redeliverer.one("m1", FIRST, f"dlv_{ulid}_1")
    world.deliver_all()
    assert [each["attempt"] for each in log(world)] == [2, 1]
    retry, _ = world.jobs.delayed.pop()
    assert (retry.attempt, world.deliverer.deliver(retry)) == (2, None)
    world.redeliverer.one("m1", FIRST, f"dlv_{ulid}_1")
    world.deliver_all()
    assert [each["attempt"] for each in log(world)] == [3, 2, 1]
    assert len({headers["webhook-id"] for _, headers, _ in world.receivers.got}) == 1


def test_what_is_no_delivery_of_the_endpoint_is_not_found(world):
    put(world, FIRST)
    put(world, SECOND, events=("payment.paid",))
    ulid = create(world)
    for endpoint_id, wanted in (
        (FIRST, f"dlv_{ulid}_2"),
        (FIRST, f"dlv_{ulid}_0"),
        (FIRST, f"evt_{ulid}"),
        (FIRST, f"dlv_{'0' * 26}_1"),
        (SECOND, f"dlv_{ulid}_1"),
        ("3f1c9a4e-0000-4d37-9a55-000000000009", f"dlv_{ulid}_1"),
    ):
        with pytest.raises(NotFound):
            world.redeliverer.one("m1", endpoint_id, wanted)
    with pytest.raises(NotFound):
        world.redeliverer.one("m2", FIRST, f"dlv_{ulid}_1")
    with pytest.raises(InvalidField):
        world.redeliverer.page("m1", FIRST, "nonsense", 5)
    assert world.jobs.deliveries == []


@pytest.mark.parametrize("at_once", [2, 3, 500])
def test_a_time_is_delivered_again(world, monkeypatch, at_once):
    """What the endpoint wants of it and does not have, or all of that; call by call where it is long."""
    monkeypatch.setattr(redeliver, "AT_ONCE", at_once)
    monkeypatch.setattr(redeliver, "PAGE", 1)
    put(world)
    start = world.clock.at
    made = [create(world, Reply(status)) for status in (500, 204, 500, 204, 500, 204)]
    world.jobs.delayed.clear()
    for first, last, all_, expected in (
        (start, world.clock.at, False, made[::2]),
        (start + 1_000, start + 3_999, True, made[1:4]),
    ):
        queued, after = [], None
        while True:
            done = world.redeliverer.between("m1", FIRST, first, last, after=after, all_=all_)
            queued += [job.event for job in world.jobs.deliveries]
            assert done.queued == len(world.jobs.deliveries)
            world.jobs.deliveries.clear()
            if (after := done.position) is None:
                break
        assert queued == expected


def test_an_endpoint_gets_what_was_committed_without_it_since_it_was_made(world):
    """By processes that did not know of it yet: after twice their memory, from the due index, each event once."""
    since = world.clock.at
    world.redeliverer.plan_catch_up("m1", FIRST, since)
    old = create(world)
    endpoint = put(world, FIRST)
    unknown = create(world)
    world.stage.known_endpoints.forget("m1")
    known = create(world)
    assert [each["event_id"] for each in log(world)] == [f"evt_{known}"]
    assert world.relay.run() == 0
    world.clock.at += 2 * 30_000 + redeliver.SETTLE_MS
    assert world.relay.run() == 1
    world.deliver_all()
    assert sorted(each["event_id"] for each in log(world)) == [f"evt_{ulid}" for ulid in (old, unknown, known)]
    world.clock.at += 10**9
    assert (world.relay.run(), len(world.receivers.got)) == (0, 3)
    assert current(world) == endpoint


def test_catching_up_with_more_than_a_call_looks_at_goes_on(world, monkeypatch):
    """Planned anew from where it came to, until the end; a worker that dies begins again."""
    monkeypatch.setattr(redeliver, "AT_ONCE", 2)
    monkeypatch.setattr(redeliver, "PAGE", 2)
    world.redeliverer.plan_catch_up("m1", FIRST, world.clock.at)
    made = [create(world) for _ in range(7)]
    put(world, FIRST)
    world.stage.known_endpoints.forget("m1")
    world.clock.at += 100_000
    for _ in range(20):
        world.relay.run()
        world.deliver_all()
        world.clock.at += 1
    assert sorted(each["event_id"] for each in log(world)) == [f"evt_{ulid}" for ulid in made]
    assert world.stores.events.due(world.clock.at + 10**9) == []


def test_a_plan_for_an_endpoint_that_did_not_come_to_be_does_nothing(world):
    """Or that is disabled again by then."""
    for change in ({}, {"enabled": False}):
        world.redeliverer.plan_catch_up("m1", FIRST, world.clock.at)
        create(world)
        if change:
            world.stores.endpoints.write(None, replace(put(world), **change))
        world.clock.at += 100_000
        assert world.relay.run() == 1
        world.deliver_all()
        assert world.receivers.got == []
        assert world.stores.events.due(world.clock.at + 10**9) == []


def test_deliveries_that_are_asked_for_do_not_end_the_retries(world):
    """Whoever tries a dead endpoint again and again is still told when it lives, hours later."""
    put(world)
    ulid = create(world, Reply(500))
    for _ in range(12):
        world.redeliverer.one("m1", FIRST, f"dlv_{ulid}_1")
        world.receivers.replies = [Reply(500)]
        world.deliver_all()
    for _ in range(3 * 60):
        world.clock.at += 60_000
        world.receivers.replies = [Reply(500)] * 50
        world.relay.run()
        world.deliver_all()
    world.receivers.replies = []
    for _ in range(6 * 60):
        world.clock.at += 60_000
        world.relay.run()
        world.deliver_all()
    assert world.stores.events.last_attempt("m1", ulid, FIRST).succeeded
