"""Signatures, deliveries, retries, and the relay under them."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from ctrip.domain.jobs import WebhookJob
from ctrip.domain.payments.payment import Status
from ctrip.domain.webhooks.endpoint import Endpoint
from ctrip.domain.webhooks.retry import LONGEST_SECONDS, RETRY_SECONDS, next_delay, seconds_asked
from ctrip.domain.webhooks.webhook import new_secret, sign
from ctrip.ports.events import EventFilter
from ctrip.ports.http import Reply
from ctrip.services.shared.known_endpoints import KnownEndpoints
from ctrip.services.shared.notify import first_jobs
from ctrip.services.shared.recording import Recorder
from ctrip.services.webhooks import relay_outbox
from tests import build
from tests.world import ORIGIN, SETTINGS, FakeJobs, World

SECRETS = (new_secret(b"n" * 32), new_secret(b"o" * 32))
URL = "https://shop.example/hooks"


def test_the_published_library_verifies_both_secrets_of_a_rotation():
    """`webhook-signature` carries one signature a secret, newest first."""
    body = b'{"id":"evt_1","amount":9007199254740993}'
    headers = sign(body, event_id="evt_1", timestamp=1_900_000_000, secrets=SECRETS)
    import datetime as dt

    class Now(dt.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls.fromtimestamp(1_900_000_000, tz)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("standardwebhooks.webhooks.datetime", Now)
        for secret in SECRETS:
            assert Webhook(secret).verify(body, headers)["id"] == "evt_1"
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRETS[0]).verify(body + b" ", headers)


def test_the_plain_signature_is_keyed_by_the_whole_secret_string():
    """Hex HMAC-SHA256 of the raw body."""
    import hashlib
    import hmac

    headers = sign(b"{}", event_id="evt_1", timestamp=1, secrets=SECRETS)
    assert headers["X-Webhook-Signature"] == hmac.new(SECRETS[0].encode(), b"{}", hashlib.sha256).hexdigest()


def test_the_published_test_vector_comes_out():
    """Standard Webhooks' own example."""
    headers = sign(
        b'{"test": 2432232314}',
        event_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        secrets=("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",),
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_payload_carries_the_payment_its_sequence_and_the_first_versions_fields():
    """And it never changes: a second delivery has the same bytes."""
    world = World()
    payment = world.create(webhook_url=URL)
    world.receivers.replies = [Reply(500), Reply(204)]
    world.deliver_all()
    world.closer.cancel("m1", payment.id, ORIGIN)
    job, delay = world.jobs.delayed.pop()
    assert delay == 5
    world.deliverer.deliver(job)
    (url, first, body), (_, second, again) = world.receivers.got[:2]
    assert (url, body) == (URL, again)
    assert first["webhook-id"] == second["webhook-id"]
    event = json.loads(body)
    assert event["type"] == event["event"] == "payment.created"
    assert (event["payment_id"], event["amount"], event["amount_str"], event["chain"]) == (
        payment.id,
        1000,
        "1000",
        "anvil",
    )
    assert (event["status"], event["data"]["sequence"], event["data"]["object"]) == ("pending", 1, "payment")
    assert (event["address"], event["id"]) == (payment.due.address, first["webhook-id"])


def test_a_delivered_event_is_acknowledged_and_never_sent_again():
    """A second message for the same attempt does nothing."""
    world = World()
    world.create(webhook_url=URL)
    job = world.jobs.deliveries[0]
    world.deliver_all()
    world.deliverer.deliver(job)
    world.clock.at += 60_000
    assert (len(world.receivers.got), world.relay.run()) == (1, 0)


def test_what_was_committed_and_never_sent_is_relayed():
    """A crash between the commit and its message loses nothing; what is younger than ten seconds is left alone."""
    world = World()
    world.jobs.broken = True
    world.create(webhook_url=URL)
    world.jobs.broken = False
    assert world.relay.run() == 0
    world.clock.at += 10_001
    assert world.relay.run() == 1
    world.deliver_all()
    assert len(world.receivers.got) == 1


def test_failures_are_retried_on_the_published_schedule_and_then_given_up():
    """The first retry is a delayed message, the later ones come from the due index; none after the ninth."""
    world = World()
    world.create(webhook_url=URL)
    world.receivers.replies = [Reply(None, "timed out")] * 20
    world.deliver_all()
    assert world.jobs.delayed[0][1] == RETRY_SECONDS[0]
    world.deliverer.deliver(world.jobs.delayed.pop()[0])
    for wait in RETRY_SECONDS[1:]:
        assert world.relay.run() == 0
        world.clock.at += wait * 1000
        assert world.relay.run() == 1
        world.deliver_all()
    world.clock.at += 10**9
    assert (world.relay.run(), len(world.receivers.got)) == (0, 10)


def test_retry_after_is_honoured_and_410_ends_it():
    """The receiver's wish, up to a day."""
    world = World()
    world.create(webhook_url=URL)
    world.receivers.replies = [Reply(503, None, "600")]
    world.deliver_all()
    assert world.jobs.delayed[0][1] == 600
    world = World()
    world.create(webhook_url=URL)
    world.receivers.replies = [Reply(410)]
    world.deliver_all()
    assert (world.jobs.delayed, world.relay.run()) == ([], 0)


NOW = 1_798_761_599_250  # 2026-12-31T23:59:59.250Z
# RFC 9110, 5.6.7: the form to send, and the two obsolete ones that are to be read.
HTTP_DATES = ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y")


@pytest.mark.parametrize("form", HTTP_DATES)
@pytest.mark.parametrize(
    ("later", "seconds"),
    [(-86_400, 0), (-1, 0), (0, 0), (1, 1), (600, 600), (86_400, 86_400), (10**8, LONGEST_SECONDS)],
)
def test_retry_after_is_read_as_a_date_in_each_form_of_http(form, later, seconds):
    """Rounded up to seconds; a date that is past asks for no wait, and one far ahead for a day."""
    date = datetime.fromtimestamp(NOW // 1000 + 1 + later, UTC).strftime(form)
    wait = seconds_asked(f" {date}\t", NOW)
    assert wait == (min(later + 1, LONGEST_SECONDS) if later >= 0 else seconds)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(
            ("0", 0),
            ("7", 7),
            (" 600 ", 600),
            ("0000000012", 12),
            ("86401", 86_400),
            ("9" * 7, 86_400),
            ("9" * 5000, 86_400),
        ),
        *(("", 0), ("-5", 0), ("1.5", 0), ("+5", 0), ("soon", 0), ("\u0665", 0), ("5, 6", 0), ("5 s", 0), ("None", 0)),
        *(
            ("Fri, 99 Jan 2027 00:00:00 GMT", 0),
            ("Fri, 01 Foo 2027 00:00:00 GMT", 0),
            ("Fri, 01 Jan 99999 00:00:00 GMT", 0),
        ),
    ],
)
def test_retry_after_in_seconds_and_in_nonsense(text, seconds):
    assert seconds_asked(text, NOW) == seconds


@given(st.text(), st.integers(0, 2**45))
def test_no_retry_after_breaks_a_delivery(text, now):
    assert 0 <= seconds_asked(text, now) <= LONGEST_SECONDS


def test_a_delivery_waits_until_the_date_that_its_receiver_names():
    """By the gateway's own clock, and never shorter than the schedule."""
    for later, delay in ((700, 700), (-700, RETRY_SECONDS[0])):
        world = World()
        world.create(webhook_url=URL)
        world.clock.at = NOW - NOW % 1000
        date = datetime.fromtimestamp(world.clock.at // 1000 + later, UTC).strftime(HTTP_DATES[0])
        world.receivers.replies = [Reply(503, None, date)]
        world.deliver_all()
        assert world.jobs.delayed[0][1] == delay


@pytest.mark.parametrize("attempt", range(1, 10))
def test_retries_spread_by_a_fifth(attempt):
    """So that a thousand failures do not come back at one instant."""
    planned = RETRY_SECONDS[attempt - 1]
    assert next_delay(attempt, -1, 0) == round(planned * 0.8)
    assert next_delay(attempt, 1, 0) == round(planned * 1.2)
    assert next_delay(10, 0, 0) is None


def test_an_event_without_a_receiver_is_filed_and_nobody_is_notified(monkeypatch):
    """Through a payment's whole life: no message, nothing to relay, and each event in the feed and the audit chain."""
    world = World()

    def refuse(*_, **__):
        raise AssertionError("a message for nobody")

    monkeypatch.setattr(FakeJobs, "deliver", refuse)
    payment = world.create(10**18)
    world.chain.deposit(payment.due.address, payment.due.amount)
    world.settle(14)
    assert world.payment(payment.id).status is Status.SETTLED
    world.clock.at += 60_000
    assert world.stores.events.unacknowledged(world.clock.at) == []
    page = world.stores.events.page("m1", EventFilter(newest_first=False))
    names = ["created", "detected", "confirmed", "paid", "settled"]
    assert [event.type for event in page.events] == [f"payment.{name}" for name in names]
    committed = [commit.event for commit in world.stores.payments.commits if commit.event]
    assert [event.ulid for event in page.events] == [event.ulid for event in committed]
    assert world.stores.payments.events_of(payment.id) == [event.ulid for event in committed]


def test_a_default_address_of_the_stage_is_a_receiver():
    """An event goes to the payment's own address, else to the stage's default; without either to nobody."""
    stage = f"{URL}/stage"
    for own, default, url in ((URL, "", URL), (None, stage, stage), (URL, stage, URL), (None, "", None)):
        world = World(own=replace(SETTINGS, webhook_url=default))
        world.create(webhook_url=own)
        world.deliver_all()
        assert [each[0] for each in world.receivers.got] == ([url] if url else [])


def test_a_message_for_an_event_without_a_receiver_posts_nothing():
    """Whoever queued it: the event stays filed, and no attempt is on record."""
    world = World()
    world.create()
    [event] = world.stores.events.page("m1", EventFilter()).events
    for endpoint in ("payment", "stage", "we_1"):
        assert world.deliverer.deliver(WebhookJob("m1", event.ulid, endpoint)) is None
        assert world.stores.events.attempted("m1", event.ulid, endpoint, 1) is None
    assert world.receivers.got == []
    assert world.stores.events.event("m1", event.ulid) == event


class Created:
    """The endpoints that merchants have created; `asked` lists who was asked for."""

    def __init__(self, *endpoints):
        self.endpoints, self.asked = endpoints, []

    def endpoints_of(self, merchant_id):
        self.asked.append(merchant_id)
        return [each for each in self.endpoints if each.merchant_id == merchant_id]


def test_an_event_is_committed_with_the_endpoints_that_want_it_and_delivered_to_each():
    """By their filters, beside the payment's own; each attempt is on record by itself."""
    recorder = Recorder(
        World().ids,
        "api",
        "",
        KnownEndpoints(
            created := Created(
                Endpoint(id="we_1", merchant_id="m1", url=URL, events=("payment.created",)),
                Endpoint(id="we_2", merchant_id="m1", url=URL, events=("payment.paid",)),
                Endpoint(id="we_3", merchant_id="m1", url=URL),
                Endpoint(id="we_4", merchant_id="m1", url=URL, enabled=False),
                Endpoint(id="we_5", merchant_id="m2", url=URL),
            ),
            30_000,
        ),
    )
    for own, endpoints in ((URL, ("payment", "we_1", "we_3")), (None, ("we_1", "we_3"))):
        event = recorder.created(build.payment(webhook_url=own), "payment.created", ORIGIN, None).event
        assert event is not None
        assert event.endpoints == endpoints
        assert [job.endpoint for job in first_jobs(event)] == list(endpoints)
    assert created.asked == ["m1"]


def dies_after_the_record(world):
    """Let the next record stand alone: the worker dies before it does what follows from it."""
    finish = world.stores.events.finish

    def die(*_, **__):
        world.stores.events.finish = finish
        raise SystemExit

    world.stores.events.finish = die


def test_what_a_dead_worker_left_undone_is_done_without_telling_twice():
    """The record of the attempt stands, and the event still in the outbox: the relay's job strikes it off."""
    world = World()
    world.create(webhook_url=URL)
    dies_after_the_record(world)
    with pytest.raises(SystemExit):
        world.deliver_all()
    world.clock.at += 10_001
    assert world.relay.run() == 1
    world.deliver_all()
    assert (len(world.receivers.got), world.relay.run()) == (1, 0)


def test_a_retry_that_a_dead_worker_did_not_note_is_noted_by_whoever_repeats_the_job():
    """The queue gives the second attempt out again, as it was not finished; the third one is due all the same."""
    world = World()
    world.create(webhook_url=URL)
    world.receivers.replies = [Reply(500), Reply(500)]
    world.deliver_all()
    job = world.jobs.delayed.pop()[0]
    dies_after_the_record(world)
    with pytest.raises(SystemExit):
        world.deliverer.deliver(job)
    assert world.stores.events.due(world.clock.at + 10**9) == []
    for _ in range(2):
        world.deliverer.deliver(job)
    assert [due.attempt for due in world.stores.events.due(world.clock.at + 10**9)] == [3]
    world.clock.at += 10**9
    assert world.relay.run() == 1
    world.deliver_all()
    world.deliverer.deliver(job)
    assert (len(world.receivers.got), world.relay.run()) == (3, 0)


def test_a_later_attempt_whose_worker_dies_is_made_again_under_its_number():
    """The relay leaves it to a worker for a while; it stays due until its outcome is recorded."""
    world = World()
    world.create(webhook_url=URL)
    world.receivers.replies = [Reply(500), Reply(500)]
    world.deliver_all()
    world.deliverer.deliver(world.jobs.delayed.pop()[0])
    world.clock.at += 600_000
    assert world.relay.run() == 1
    (lost,) = world.jobs.deliveries
    world.jobs.deliveries.clear()
    assert world.relay.run() == 0
    world.clock.at += relay_outbox.LEASE_MS
    assert world.relay.run() == 1
    assert world.jobs.deliveries == [lost]
    world.deliver_all()
    world.clock.at += 10**9
    assert (len(world.receivers.got), world.relay.run()) == (3, 0)


def test_undeliverable_events_stand_in_nobodys_way():
    """Hundreds of one merchant that nobody can deliver: another's lost event is repeated in the very next run."""
    world = World()
    for _ in range(300):
        world.create(webhook_url=URL)
    stuck = {job.event for job in world.jobs.deliveries}
    world.jobs.deliveries.clear()
    world.clock.at += 10_001
    for _ in range(5):
        world.relay.run()
        world.jobs.deliveries.clear()
        world.clock.at += 60_000
    world.jobs.broken = True
    world.create(webhook_url=URL)
    world.jobs.broken = False
    world.clock.at += 10_001
    world.relay.run()
    queued = {job.event for job in world.jobs.deliveries}
    assert queued - stuck
    assert len(queued) <= relay_outbox.AT_ONCE + 1


def test_an_endpoint_with_many_lost_events_delays_no_other():
    """They take turns, each with its oldest first."""
    lost = [WebhookJob("m1", f"{place:04d}", "payment") for place in range(500)]
    lost += [WebhookJob("m1", "0500", "we_1"), WebhookJob("m2", "0501", "payment")]
    turns = relay_outbox._in_turns(lost)
    assert turns[:5] == [lost[0], lost[500], lost[501], lost[1], lost[2]]
    assert set(turns) == set(lost)
    assert len(turns) == len(lost)


@pytest.mark.parametrize("minutes", range(600))
def test_the_pauses_between_repetitions_grow(minutes):
    """At ages of 0, 1, 2, 4, 8, 16, 32 minutes, then each hour."""
    expected = minutes in (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512) or minutes % 60 == 0
    assert relay_outbox._repeated(minutes * 60_000 + 59_999) == expected


def test_a_merchant_is_read_once_for_a_while():
    """Its secrets are looked at again once the time is over."""
    world = World()
    reads = []
    merchant = world.stores.access.merchant
    world.stores.access.merchant = lambda wanted: reads.append(wanted) or merchant(wanted)
    for _ in range(2):
        world.create(webhook_url=URL)
        world.deliver_all()
    assert reads == ["m1"]
    world.clock.at += 30_000
    world.create(webhook_url=URL)
    world.deliver_all()
    assert (reads, len(world.receivers.got)) == (["m1", "m1"], 3)
