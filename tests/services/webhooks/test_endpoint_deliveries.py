"""Deliveries to the endpoints that merchants have created: signed by their secrets, and what they show of them."""

import hashlib
import hmac
import json
from dataclasses import replace

import pytest

from ctrip.domain.webhooks.endpoint import FAILING_MS, Endpoint, EndpointSecret
from ctrip.domain.webhooks.webhook import new_secret
from ctrip.ports.http import Reply
from tests.fakes.cipher import FakeCipher
from tests.world import SETTINGS, World

NEW, OLD = new_secret(b"n" * 32), new_secret(b"o" * 32)
FIRST, SECOND = "3f1c9a4e-0000-4d37-9a55-000000000001", "3f1c9a4e-0000-4d37-9a55-000000000002"
DAY = 86_400_000


def put(world, endpoint_id=FIRST, **given):
    """Store an endpoint as if a merchant had created it."""
    secrets = (EndpointSecret(encrypted=FakeCipher().encrypt(NEW, "m1"), created_at=world.clock.at),)
    fields = {"url": f"https://shop.example/{endpoint_id[-1]}", "secrets": secrets}
    endpoint = Endpoint(id=endpoint_id, merchant_id="m1", **(fields | given))
    world.stores.endpoints.write(None, endpoint)
    return endpoint


def current(world, endpoint_id=FIRST):
    """Read an endpoint."""
    return world.stores.endpoints.endpoint("m1", endpoint_id)


def types(world):
    """List what was delivered: the address, and the event's type."""
    return [(url, json.loads(body)["type"]) for url, _, body in world.receivers.got]


def test_a_delivery_is_signed_by_its_endpoints_own_secrets():
    """Both of a rotation, until the older one's time is over; a payment's own address by the merchant's default one."""
    world = World()
    old = EndpointSecret(encrypted=FakeCipher().encrypt(OLD, "m1"), created_at=1, expires_at=world.clock.at + 1_000)
    new = EndpointSecret(encrypted=FakeCipher().encrypt(NEW, "m1"), created_at=2)
    put(world, secrets=(new, old))
    world.create()
    world.deliver_all()
    world.clock.at += 1_000
    world.create(webhook_url="https://shop.example/own")
    world.deliver_all()
    during, own, after = (headers | {"body": body} for _, headers, body in world.receivers.got)

    def plain(secret, sent):
        return hmac.new(secret.encode(), sent["body"], hashlib.sha256).hexdigest()

    assert during["X-Webhook-Signature"] == plain(NEW, during)
    assert during["X-Webhook-Signature-Previous"] == plain(OLD, during)
    assert during["webhook-signature"].count("v1,") == 2
    assert after["X-Webhook-Signature"] == plain(NEW, after)
    assert "X-Webhook-Signature-Previous" not in after
    assert own["X-Webhook-Signature"] not in (plain(NEW, own), plain(OLD, own))


def test_an_event_goes_to_each_endpoint_that_wants_it():
    """Beside the payment's own address; each with its own attempts."""
    world = World()
    put(world, FIRST, events=("payment.created",))
    put(world, SECOND, events=("payment.paid",))
    world.create(webhook_url="https://shop.example/own")
    world.receivers.replies = [Reply(500), Reply(204)]
    world.deliver_all()
    assert types(world) == [
        ("https://shop.example/own", "payment.created"),
        ("https://shop.example/1", "payment.created"),
    ]
    ((retry, delay),) = world.jobs.delayed
    assert (retry.endpoint, retry.attempt, delay) == ("payment", 2, 5)
    assert world.stores.events.unacknowledged(world.clock.at + 1) == []


def test_an_endpoint_that_answers_410_is_disabled_and_the_others_are_told():
    """At once, with one event and one alarm; what still waits for it is not posted any more."""
    world = World(own=replace(SETTINGS, webhook_url="https://ops.example/hooks"))
    put(world, FIRST, events=("payment.created",))
    put(world, SECOND, events=("webhook.endpoint_disabled",))
    world.create(webhook_url="https://shop.example/own")
    second = world.create(webhook_url="https://shop.example/own")
    world.receivers.replies = [Reply(204), Reply(410)]
    world.deliver_all()
    assert (current(world).enabled, current(world).disabled_reason) == (False, "gone")
    assert types(world) == [
        ("https://shop.example/own", "payment.created"),
        ("https://shop.example/1", "payment.created"),
        ("https://shop.example/own", "payment.created"),
        ("https://ops.example/hooks", "webhook.endpoint_disabled"),
        ("https://shop.example/2", "webhook.endpoint_disabled"),
    ]
    told = json.loads(world.receivers.got[-1][2])
    assert (told["data"]["object"], told["data"]["id"], told["data"]["enabled"]) == ("endpoint", FIRST, False)
    assert "payment_id" not in told
    [event] = [each for each in world.stores.events._state.events.values() if each.payment_id is None]
    assert (event.subject.kind, event.subject.id) == ("endpoint", FIRST)
    assert [name for _, name, _ in world.log.lines if name == "endpoint_disabled"] == ["endpoint_disabled"]
    [missed] = world.stores.payments.events_of(second.id)
    done = world.stores.events.attempted("m1", missed, FIRST, 1)
    assert (done.error, done.next_attempt_at) == ("the endpoint is gone or disabled", None)
    assert world.stores.events.unacknowledged(world.clock.at + 1) == []


@pytest.mark.parametrize("reply", [Reply(500), Reply(None, "timed out")])
def test_three_days_of_failure_disable_an_endpoint_and_a_success_in_between_begins_anew(reply):
    world = World()
    put(world)

    def deliver(answer):
        world.receivers.replies = [answer]
        world.create()
        world.deliver_all()

    deliver(reply)
    assert current(world).failing_since == world.clock.at
    world.clock.at += FAILING_MS - DAY
    deliver(Reply(204))
    assert current(world).failing_since is None
    deliver(reply)
    world.clock.at += FAILING_MS - 1
    deliver(reply)
    assert current(world).enabled
    world.clock.at += 1
    deliver(reply)
    assert (current(world).enabled, current(world).disabled_reason) == (False, "failing")
    posted = len(world.receivers.got)
    deliver(reply)
    assert len(world.receivers.got) == posted


def test_deliveries_that_change_nothing_write_no_endpoint():
    """Neither success after success, nor failure after failure."""
    world = World()
    put(world)
    noted = []
    note = world.stores.endpoints.note
    world.stores.endpoints.note = lambda *args: (noted.append(args), note(*args))
    for answer in (Reply(204), Reply(204), Reply(500), Reply(500), Reply(500), Reply(200), Reply(200)):
        world.receivers.replies = [answer]
        world.create()
        world.deliver_all()
    assert len(noted) == 2


def test_a_merchant_that_changes_an_endpoint_meanwhile_is_not_overruled():
    """An endpoint that was changed while a delivery was under way is noted by the next one."""
    world = World()
    put(world)
    world.create()
    world.receivers.replies = [Reply(410)]
    note = world.stores.endpoints.note

    def too_late(first, after, event=None):
        world.stores.endpoints.write(first, replace(first, version=first.version + 1))
        return note(first, after, event)

    world.stores.endpoints.note = too_late
    world.deliver_all()
    assert current(world).enabled
    assert [name for _, name, _ in world.log.lines if name == "endpoint_disabled"] == []
