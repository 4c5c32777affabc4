"""Workers remember endpoints for a while: what they do not know yet must neither disable an endpoint nor lose an event.

Each process remembers for itself; here `World.stage` is one of them, and a second one is made beside it.
"""

import json
from dataclasses import replace

import pytest

from ctrip.bootstrap.composition import Stage
from ctrip.domain.jobs import WebhookJob
from ctrip.domain.webhooks.endpoint import FAILING_MS
from ctrip.ports.events import Due
from ctrip.ports.http import Reply
from ctrip.services.webhooks.manage_endpoints import EndpointTerms
from tests.services.webhooks.test_endpoint_deliveries import FIRST, SECOND, current, put
from tests.world import ORIGIN, FakeAdapters, World

OLD, NEW = "https://shop.example/1", "https://shop.example/new"


@pytest.fixture
def world():
    """A gateway with an endpoint that this process remembers."""
    made = World()
    put(made)
    made.create()
    made.deliver_all()
    made.receivers.got.clear()
    return made


def other(world):
    """Start another process."""
    return Stage(FakeAdapters(world)).webhooks


def test_an_address_that_is_gone_does_not_disable_the_endpoint_that_has_moved(world):
    """The event goes to the new address with its next attempt."""
    other(world).endpoints.update("m1", FIRST, EndpointTerms(url=NEW), ORIGIN)
    world.create()
    world.receivers.replies = [Reply(410), Reply(204)]
    world.deliver_all()
    assert current(world).enabled
    ((retry, delay),) = world.jobs.delayed
    assert (retry.attempt, delay) == (2, 5)
    world.deliverer.deliver(retry)
    assert [url for url, *_ in world.receivers.got] == [OLD, NEW]
    assert world.stores.events.last_attempt("m1", retry.event, FIRST).succeeded


def test_what_an_address_of_before_answers_is_not_held_against_the_new_one(world):
    """Neither a failure that lasts; the new one begins with a clean record."""
    failing = replace(current(world), failing_since=world.clock.at, version=2)
    world.stores.endpoints.note(current(world), failing)
    world.clock.at += FAILING_MS
    world.create()
    world.stage.known_endpoints.of("m1", world.clock.at)
    other(world).endpoints.update("m1", FIRST, EndpointTerms(url=NEW), ORIGIN)
    world.receivers.replies = [Reply(500)]
    world.deliver_all()
    assert [url for url, *_ in world.receivers.got] == [OLD]
    assert current(world).enabled


def test_a_success_after_another_processes_failure_ends_it(world):
    """Else the next failure, days later and the only one, would end three days of them."""
    world.create()
    world.receivers.replies = [Reply(500), Reply(204), Reply(500)]
    other(world).deliverer.deliver(world.jobs.deliveries.pop())
    assert current(world).failing_since == world.clock.at
    (retry, _) = world.jobs.delayed.pop()
    world.deliverer.deliver(retry)
    assert current(world).failing_since is None
    world.clock.at += FAILING_MS
    world.create()
    world.deliver_all()
    assert current(world).enabled


def test_a_success_is_noted_though_the_endpoint_changes_meanwhile(world):
    """Its description, say."""
    failing = replace(current(world), failing_since=1, version=2)
    world.stores.endpoints.note(current(world), failing)
    world.stage.known_endpoints.forget("m1")
    world.create()
    note = world.stores.endpoints.note

    def too_late_once(before, after, event=None):
        world.stores.endpoints.note = note
        note(before, replace(before, description="till", version=before.version + 1))
        note(before, after, event)

    world.stores.endpoints.note = too_late_once
    world.deliver_all()
    assert (current(world).failing_since, current(world).description) == (None, "till")


def test_a_test_event_is_nobody_elses(world):
    """Not of an endpoint that catches up, nor of one that asks for a time again; its own endpoint may ask."""
    put(world, SECOND)
    world.stage.known_endpoints.forget("m1")
    webhooks, began = world.stage.webhooks, world.clock.at
    world.clock.at += 1
    webhooks.tester.send("m1", FIRST, ORIGIN)
    world.deliver_all()
    world.receivers.got.clear()
    world.clock.at += 1_000
    webhooks.redeliverer.plan_catch_up("m1", SECOND, began)
    webhooks.redeliverer.between("m1", SECOND, began, world.clock.at, all_=True)
    world.clock.at += 10**6
    world.relay.run()
    world.deliver_all()
    types = {(url, json.loads(body)["type"]) for url, _, body in world.receivers.got}
    assert types == {(current(world, SECOND).url, "payment.created")}
    webhooks.redeliverer.between("m1", FIRST, began + 1, world.clock.at, all_=True)
    world.deliver_all()
    assert json.loads(world.receivers.got[-1][2])["type"] == "webhook.test"


@pytest.mark.parametrize("due", [False, True])
def test_an_event_that_is_gone_alarms_once(world, due):
    """It is kept for 60 days: one that was delivered again on the last of them may go while a retry is due."""
    payment = world.create(webhook_url=OLD)
    world.jobs.deliveries.clear()
    [ulid] = world.stores.payments.events_of(payment.id)
    del world.stores.events._state.events["m1", ulid]
    if due:
        at = world.clock.at + 1
        world.deliverer.deliver(WebhookJob("m1", ulid, "payment"))
        world.deliverer.deliver(WebhookJob("m1", ulid, FIRST))
        world.stores.events.postpone(Due(merchant_id="m1", ulid=ulid, endpoint=FIRST, attempt=4, at=at))
    world.log.lines.clear()
    for _ in range(50):
        world.clock.at += 60_000
        world.relay.run()
        world.deliver_all()
    missing = [name for _, name, _ in world.log.lines if name == "event_missing"]
    assert len(missing) == (1 if due else 2)
    assert world.receivers.got == []
