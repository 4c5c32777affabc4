"""Deliveries under crashes at any step, messages that come twice or in any order, and endpoints that come and go.

Workers are killed between any two steps, also between a post and its record. At the end everything works again, and
each endpoint must have each event that named it: under one id, with one payload, its attempts numbered without a gap.
Each fault in `PLANTED` is put in once, and the same machine must find it.
"""

from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from ctrip.bootstrap.composition import Stage
from ctrip.domain.errors import Conflict
from ctrip.domain.jobs import WebhookJob
from ctrip.domain.webhooks.endpoint import IMPLICIT
from ctrip.domain.webhooks.retry import RETRY_SECONDS
from ctrip.ports.http import Reply
from ctrip.services.payments.create_payment import CreatePayment
from ctrip.services.webhooks import deliver_webhook, redeliver
from ctrip.services.webhooks.manage_endpoints import EndpointTerms
from tests.fakes.jobs import FakeJobs
from tests.fakes.store import FakeEvents
from tests.world import ORIGIN, FakeAdapters, World

URL = "https://shop.example/own"
VISIBILITY_MS = 360_000  # for which a message that a worker has taken is nobody else's
RECEIVES = 5  # after which a message is a dead letter
MINUTE, LONG = 60_000, 4 * 86_400_000
REPLIES = [
    Reply(204),
    Reply(204),
    Reply(500),
    Reply(None, "timed out"),
    Reply(503, None, "7200"),
    Reply(429, None, "1"),
]
STEPS = st.none() | st.integers(0, 14)


class Killed(BaseException):
    """The process ends at once: no handler of a failure runs."""


@dataclass
class Message:
    """One message of the queue."""

    job: WebhookJob
    visible_at: int
    receives: int = 0


class Deliveries(RuleBasedStateMachine):
    """Rules are what merchants, receivers, queues and crashes do."""

    @initialize()
    def start(self):
        self.world = World()
        self.queue, self.dead, self.steps_left = [], [], None
        self.endpoints, self.switched, self.wanting_since = [], set(), {}
        self.disturb()
        self.worker, self.other = self.new_stage(), self.new_stage()

    def new_stage(self):
        """Start a process: it remembers nothing."""
        return Stage(FakeAdapters(self.world))

    def disturb(self):
        """Let a process be killed before and after each step that others see."""
        events, endpoints = self.world.stores.events, self.world.stores.endpoints
        for held, names in (
            (events, ("record", "finish", "leave", "postpone", "drop", "lease", "add", "_put", "_leave")),
            (endpoints, ("note",)),
        ):
            for name in names:
                setattr(held, name, self.killable(getattr(held, name)))
        self.world.jobs = DisturbedJobs(self.world.jobs, self.killable)
        self.world.receivers = DisturbedSender(self.world.receivers, self.killable)

    def killable(self, step):
        def stepped(*args, **kwargs):
            self.tick()
            done = step(*args, **kwargs)
            self.tick()
            return done

        return stepped

    def tick(self):
        if self.steps_left is not None:
            self.steps_left -= 1
            if self.steps_left < 0:
                raise Killed

    @contextmanager
    def killed_after(self, steps):
        """Kill the process after so many steps; what it has sent until then is in the queue."""
        self.steps_left = steps
        try:
            yield
        except Killed:
            self.worker = self.new_stage()
        finally:
            self.steps_left = None
            self.collect()

    def collect(self):
        jobs, now = self.world.jobs, self.world.clock.at
        self.queue += [Message(job, now) for job in jobs.deliveries]
        self.queue += [Message(job, now + delay * 1000) for job, delay in jobs.delayed]
        jobs.deliveries.clear()
        jobs.delayed.clear()

    # -- merchants

    @rule(own=st.booleans(), late=st.booleans(), steps=st.none() | st.integers(0, 2))
    def create(self, own, late, steps):
        """Make a payment, by a process that may not know yet of the newest endpoints; it may die before it notifies."""
        stage = self.other if late else self.worker
        asked = CreatePayment(chain="anvil", amount=1_000, webhook_url=URL if own else None)
        with self.killed_after(steps):
            stage.payments.creator.create(self.world.merchant, asked, "http://x", ORIGIN)

    @precondition(lambda self: len(self.endpoints) < 3)
    @rule(events=st.sampled_from([(), ("payment.created",), ("payment.paid",)]))
    def new_endpoint(self, events):
        terms = EndpointTerms(url=f"https://shop.example/{len(self.endpoints)}", events=events)
        made = self.worker.webhooks.endpoints.create("m1", terms, ORIGIN).view["id"]
        self.endpoints.append(made)
        self.wanting_since[made] = self.world.clock.at

    @precondition(lambda self: self.endpoints)
    @rule(which=st.integers(0, 2), enabled=st.booleans())
    def switch(self, which, enabled):
        self.switched.add(chosen := self.pick(which))
        before = self.world.stores.endpoints.endpoint("m1", chosen)
        self.worker.webhooks.endpoints.update("m1", chosen, EndpointTerms(enabled=enabled), ORIGIN)
        if enabled and not before.enabled:
            self.wanting_since[chosen] = self.world.clock.at

    @precondition(lambda self: self.world.stores.events._state.deliveries)
    @rule(which=st.integers(0, 20), steps=STEPS)
    def deliver_one_again(self, which, steps):
        made = [each for each in self.world.stores.events._state.deliveries.values() if each.endpoint not in IMPLICIT]
        if made:
            chosen = made[which % len(made)]
            name = f"dlv_{chosen.event_ulid}_{chosen.attempt}"
            with self.killed_after(steps), self.refused_where_disabled(chosen.endpoint):
                self.worker.webhooks.redeliverer.one("m1", chosen.endpoint, name)

    @precondition(lambda self: self.endpoints)
    @rule(which=st.integers(0, 2), steps=STEPS, everything=st.booleans())
    def deliver_all_again(self, which, steps, everything):
        chosen = self.pick(which)
        with self.killed_after(steps), self.refused_where_disabled(chosen):
            self.worker.webhooks.redeliverer.between("m1", chosen, 0, self.world.clock.at, all_=everything)

    @contextmanager
    def refused_where_disabled(self, endpoint_id):
        """Nothing is delivered again to an endpoint that is disabled, and everything to another."""
        try:
            yield
        except Conflict:
            assert endpoint_id in self.disabled()
        else:
            assert endpoint_id not in self.disabled()

    # -- the queue and its workers

    @precondition(lambda self: self.visible())
    @rule(which=st.integers(0, 50), reply=st.sampled_from(REPLIES), steps=STEPS, forgotten=st.booleans())
    def work(self, which, reply, steps, forgotten):
        """Give one message to a worker; it may be killed, and SQS may give the message out once more all the same."""
        waiting = self.visible()
        self.take(waiting[which % len(waiting)], reply, steps, forgotten=forgotten)

    @precondition(lambda self: self.visible())
    @rule(reply=st.sampled_from(REPLIES))
    def work_through(self, reply):
        for message in self.visible():
            self.take(message, reply, None)

    @rule(reply=st.sampled_from(REPLIES), steps=st.integers(0, 14))
    def die_over_a_first_attempt(self, reply, steps):
        """A story: a new payment's event is delivered by a worker that is killed at some step of it."""
        self.create(own=True, late=False, steps=None)
        self.take(self.queue[-1], reply, steps)

    @precondition(lambda self: self.visible())
    @rule(silent=st.booleans(), steps=STEPS)
    def fail_until_retries_are_due(self, silent, steps):
        """A story: what is queued fails twice, and the relay dies over the third attempts, or after them."""
        for pause in (5_000, 10 * MINUTE):
            self.work_through(Reply(None, "timed out") if silent else Reply(500))
            self.wait(pause)
        self.relay(steps)

    @rule(steps=STEPS)
    def relay(self, steps):
        with self.killed_after(steps):
            self.worker.webhooks.relay.run()

    @rule(wait=st.sampled_from([1_000, 11_000, MINUTE, 10 * MINUTE, 200 * MINUTE]))
    def wait(self, wait):
        self.world.clock.at += wait

    def visible(self):
        return [each for each in self.queue if each.visible_at <= self.world.clock.at]

    def take(self, message, reply, steps, *, forgotten=False):
        message.visible_at, message.receives = self.world.clock.at + VISIBILITY_MS, message.receives + 1
        self.world.receivers.reply = reply
        done = False
        with self.killed_after(steps):
            deliverer = self.worker.webhooks.deliverer
            batch = deliverer.prepare([message.job])
            deliverer.deliver(message.job, batch=batch)
            deliverer.conclude(batch)
            done = True
        if done and not forgotten:
            self.queue.remove(message)
        elif message.receives >= RECEIVES:
            self.queue.remove(message)
            self.dead.append(message)

    def pick(self, which):
        return self.endpoints[which % len(self.endpoints)]

    # -- the end

    def teardown(self):
        """Let everything work again, until nothing is left to do; then each endpoint has what it should have."""
        if not hasattr(self, "world"):
            return
        self.worker = self.new_stage()
        self.queue += [Message(each.job, self.world.clock.at) for each in self.dead]  # an operator's redrive
        end = self.world.clock.at + LONG
        while self.world.clock.at < end and (self.queue or self.kept()):
            for message in self.visible():
                self.take(message, Reply(204), None)
            self.world.clock.at = self.next_minute()
            with self.killed_after(None):
                self.worker.webhooks.relay.run()
        assert not self.queue, "a message goes round for ever"
        assert not self.kept(), "an attempt is still to be made, and nobody makes it"
        self.check_posts()
        self.check_records()

    def kept(self):
        state = self.world.stores.events._state
        return [*state.outbox, *state.due]

    def next_minute(self):
        """Return the next minute in which there is something to do: what is in the outbox has its turn in some."""
        state, at = self.world.stores.events._state, self.world.clock.at
        if state.outbox:
            return at + MINUTE
        times = [each.visible_at for each in self.queue]
        times += [max(key[0], state.leased_until.get(key, 0)) for key in state.due]
        return max(min(times, default=at), at) + MINUTE

    def disabled(self):
        every = self.world.stores.endpoints.endpoints_of("m1")
        return {each.id for each in every if not each.enabled}

    def wanting(self, event):
        """Return the endpoints that are enabled, have been since before an event happened, and want it."""
        every = self.world.stores.endpoints.endpoints_of("m1")
        return [each.id for each in every if self.wanting_since[each.id] <= event.at and each.wants(event.type)]

    def check_posts(self):
        bodies = defaultdict(set)
        for _, headers, body in self.world.receivers.got:
            bodies[headers["webhook-id"]].add(body)
        for event in self.world.stores.events._state.events.values():
            assert bodies[event.id] <= {event.body.encode()}, "a payload changed"

    def check_records(self):
        made = defaultdict(dict)
        for each in self.world.stores.events._state.deliveries.values():
            made[each.event_ulid, each.endpoint][each.attempt] = each
        for attempts in made.values():
            assert sorted(attempts) == list(range(1, len(attempts) + 1)), "an attempt was left out"
        for event in self.world.stores.events._state.events.values():
            for endpoint in event.endpoints:
                attempts = made.get((event.ulid, endpoint), {})
                assert attempts, "an endpoint was never told of an event that it wanted"
                told = any(each.succeeded for each in attempts.values())
                given_up = len(attempts) > len(RETRY_SECONDS)
                off = endpoint in self.switched or endpoint in self.disabled()
                assert told or given_up or off, "an endpoint was given up too soon"
            for endpoint in self.wanting(event):
                assert made.get((event.ulid, endpoint)), "a new endpoint did not catch up on what it missed"


class DisturbedJobs(FakeJobs):
    """Queues in memory, each call of which is a step."""

    def __init__(self, inner, killable):
        super().__init__(inner.deliveries, inner.delayed)
        self._queued = killable(super().deliver)

    def deliver(self, jobs, *, delay=0):
        self._queued(jobs, delay=delay)


class DisturbedSender:
    """Endpoints that all answer alike, each post to which is a step."""

    def __init__(self, inner, killable):
        self.got, self.reply, self._inner = inner.got, Reply(204), inner
        self.post = killable(self._post)

    def _post(self, url, headers, body):
        self._inner.replies = [self.reply]
        return self._inner.post(url, headers, body)


QUICK = settings(
    max_examples=300,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    database=None,
)


def test_each_endpoint_has_each_event_whatever_dies():
    run_state_machine_as_test(Deliveries, settings=QUICK)


def a_due_row_is_deleted_once_it_is_queued(patch):
    real = FakeEvents.lease

    def lease(self, due, until):
        return real(self, due, until) and self._state.due.pop((due.at, due.ulid, due.attempt, due.endpoint)) is not None

    patch.setattr(FakeEvents, "lease", lease)


def what_a_dead_worker_left_undone_stays_so(patch):
    patch.setattr(deliver_webhook.WebhookDeliverer, "_finish", lambda *_, **__: None)


def the_first_retry_is_queued_after_the_record(patch):
    def conclude(self, *args, **more):
        jobs = FakeJobs()
        delivery = real(replace(self, jobs=jobs), *args, **more)
        for retry, delay in jobs.delayed:
            self.jobs.deliver([retry], delay=delay)
        return delivery

    real = deliver_webhook.WebhookDeliverer._conclude
    patch.setattr(deliver_webhook.WebhookDeliverer, "_conclude", conclude)


def lost_messages_are_not_relayed(patch):
    patch.setattr(FakeEvents, "unacknowledged", lambda *_: [])


def a_new_endpoint_does_not_catch_up(patch):
    patch.setattr(redeliver.Redeliverer, "plan_catch_up", lambda *_: None)


def what_is_made_again_has_a_number_of_its_own(patch):
    real = redeliver._next
    patch.setattr(redeliver, "_next", lambda *given: replace(real(*given), attempt=real(*given).attempt + 1))


PLANTED = [
    a_due_row_is_deleted_once_it_is_queued,
    what_a_dead_worker_left_undone_stays_so,
    the_first_retry_is_queued_after_the_record,
    lost_messages_are_not_relayed,
    a_new_endpoint_does_not_catch_up,
    what_is_made_again_has_a_number_of_its_own,
]


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_the_machine_finds_a_planted_fault(monkeypatch, plant):
    """It would otherwise prove nothing."""
    plant(monkeypatch)
    with pytest.raises((AssertionError, ExceptionGroup)):
        run_state_machine_as_test(Deliveries, settings=settings(QUICK, max_examples=600, phases=[Phase.generate]))
