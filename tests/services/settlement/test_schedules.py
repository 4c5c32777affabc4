"""Settlements that a schedule asks for: one for each period, whatever runs, dies or comes late."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctrip.domain.audit import Origin
from ctrip.domain.errors import AlreadyExists, BadRequest
from ctrip.domain.payments.payment import Custody
from ctrip.domain.settlement.payout import PayoutState
from ctrip.domain.settlement.schedule import Every, Weekday, due, following
from ctrip.services.settlement.schedules import SetSchedule
from tests.services.settlement.test_paying_out import COIN, OWN, PART, ask, paid_world, run
from tests.world import USDC

HOUR_MS, DAY_MS = 3_600_000, 86_400_000


def set_(world, every=Every.NONE, **wanted):
    """Set a schedule of the coin; return its view."""
    return world.stage.settlement.schedules.set("m1", "anvil", SetSchedule(every=every, **wanted))


def schedule(world, asset="native"):
    """Read it from the store."""
    return world.stores.payouts.schedule("m1", "anvil", asset)


def asked(world):
    """Return what was asked for, oldest first."""
    return sorted(world.stores.payouts._state.payouts.values(), key=lambda each: each.id)


def due_next(world):
    """Move the clock to the next moment of the schedule of the coin."""
    world.clock.at = following(schedule(world), world.clock.at)


def work(world):
    """Have the worker run once."""
    world.stage.payouts.worker.run()


def notes(world):
    """Return why schedules were skipped, as the log has it."""
    return [facts["error"] for _, name, facts in world.log.lines if name == "scheduled_settlement_skipped"]


@pytest.mark.parametrize(
    ("every", "wanted"),
    [(Every.DAILY, {"hour": 6}), (Every.WEEKLY, {"weekday": Weekday.FRIDAY}), (Every.MONTHLY, {"day": 28, "hour": 23})],
)
def test_all_that_is_free_is_settled_when_the_calendar_says_so_and_not_before(every, wanted):
    world, _ = paid_world()
    view = set_(world, every, **wanted)
    work(world)
    assert asked(world) == []
    world.clock.at = following(schedule(world), world.clock.at) - 1
    work(world)
    assert asked(world) == []
    world.clock.at += 1
    assert view["next_at"] == datetime.fromtimestamp(world.clock.at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    work(world)
    work(world)
    [made] = asked(world)
    assert (made.amount, made.asked_by, made.to) == (COIN, "schedule", OWN)
    run(world)
    assert asked(world)[0].state is PayoutState.COMPLETED


def test_two_workers_at_once_make_one(monkeypatch):
    """The second has read the schedule before the first one committed."""
    world, _ = paid_world()
    set_(world, Every.DAILY)
    due_next(world)
    scheduled = world.stage.payouts.worker.scheduled
    [wanted] = scheduled.wanted()
    assert scheduled.ask(wanted)
    world.chain.deposit(world.create(COIN).due.address, COIN)
    world.settle(25)
    with pytest.raises(AlreadyExists, match="schedule"):
        scheduled.ask(wanted)
    work(world)
    assert len(asked(world)) == 1


def test_what_was_missed_is_made_once():
    """A worker that stood still for a fortnight asks for one settlement, and the next day for the next."""
    world, _ = paid_world()
    set_(world, Every.DAILY, hour=3)
    world.clock.at += 14 * DAY_MS
    for _ in range(5):
        work(world)
    assert len(asked(world)) == 1
    more = world.create(COIN)
    world.chain.mine(1)
    world.chain.deposit(more.due.address, COIN)
    world.settle(25)
    work(world)
    assert len(asked(world)) == 1
    due_next(world)
    work(world)
    assert [each.amount for each in asked(world)] == [COIN, COIN]


def test_an_amount_asks_as_soon_as_so_much_is_free_and_leaves_what_is_kept():
    world, _ = paid_world(amount=PART)
    set_(world, threshold=PART + 5, keep=7)
    work(world)
    assert asked(world) == []
    world.chain.deposit(world.create(PART).due.address, PART)
    world.settle(25)
    work(world)
    work(world)
    assert [each.amount for each in asked(world)] == [2 * PART - 7]


def test_calendar_and_amount_ask_whichever_comes_first():
    world, _ = paid_world(amount=PART)
    set_(world, Every.DAILY, threshold=2 * PART)
    due_next(world)
    work(world)
    assert [each.amount for each in asked(world)] == [PART]


def test_what_is_above_the_most_of_one_transaction_is_settled_in_parts():
    rules = f'{{"anvil": {{"ETH": {{"per_transaction": "{PART}", "approval_above": "{COIN}"}}}}}}'
    world, _ = paid_world(amount=3 * PART - 1, CTRIP_PAYOUTS=rules)
    set_(world, threshold=PART)
    for _ in range(6):
        work(world)
    assert [each.amount for each in asked(world)] == [PART, PART]


def test_one_above_the_approval_threshold_waits_for_two_persons():
    world, _ = paid_world(CTRIP_PAYOUTS='{"anvil": {"ETH": {"approval_above": "1000"}}}')
    set_(world, threshold=1)
    work(world)
    [made] = asked(world)
    assert (made.state, made.approvals_needed) == (PayoutState.AWAITING_APPROVAL, 2)
    for who in ("admin:a", "admin:b"):
        world.stage.settlement.decider.approve("m1", made.id, Origin(who))
    run(world)
    assert asked(world)[0].state is PayoutState.COMPLETED


def test_less_than_the_network_costs_is_skipped_until_the_next_period():
    world, _ = paid_world(amount=10)
    set_(world, Every.DAILY)
    work(world)
    due_next(world)
    for _ in range(3):
        work(world)
    assert (asked(world), schedule(world).skipped, notes(world)) == ([], "below_minimum", ["below_minimum"])
    due_next(world)
    work(world)
    assert notes(world) == ["below_minimum"] * 2


@pytest.mark.parametrize("wanted", [{"every": Every.DAILY}, {"threshold": 1}])
def test_without_an_address_nothing_is_asked_for_and_it_is_noted_once(wanted):
    world, _ = paid_world()
    world.stores.payouts._state.settlement_addresses.clear()
    set_(world, **wanted)
    world.clock.at += DAY_MS
    before = None
    for _ in range(4):
        work(world)
        assert before in (None, schedule(world)), "it is written again"
        before = schedule(world)
    assert (asked(world), notes(world)) == ([], ["settlement_address_missing"])
    assert world.stage.settlement.schedules.all("m1")["data"][0]["skipped"] == "settlement_address_missing"


def test_one_whose_merchant_has_its_own_keys_or_is_disabled_asks_for_nothing():
    own_keys = replace(paid_world()[0].merchant.policy, custody=Custody.XPUB)
    for change in ({"policy": own_keys}, {"enabled": False}):
        world, _ = paid_world()
        set_(world, threshold=1)
        before = world.stores.access.merchant("m1")
        world.stores.access._merchants["m1"] = replace(before, **change)
        work(world)
        assert asked(world) == []
        assert len(notes(world)) == 1


def test_one_schedules_trouble_is_no_others(monkeypatch):
    world, _ = paid_world()
    set_(world, threshold=1)
    set_(world, threshold=1, asset="USDC")
    real = world.stores.payouts.settlement_address
    calls = []

    def broken(merchant, chain):
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("a fault")
        return real(merchant, chain)

    monkeypatch.setattr(world.stores.payouts, "settlement_address", broken)
    work(world)
    assert "payout_failed" in world.log.alarms()
    work(world)
    assert len(asked(world)) == 1


def test_setting_the_same_again_forgets_nothing_that_is_due():
    world, _ = paid_world()
    set_(world, Every.DAILY, hour=9)
    due_next(world)
    set_(world, Every.DAILY, hour=9)
    assert due(schedule(world), world.clock.at)
    work(world)
    assert len(asked(world)) == 1


def test_ending_it_ends_it():
    world, _ = paid_world()
    set_(world, Every.DAILY)
    due_next(world)
    view = set_(world, Every.NONE)
    assert (view["every"], view["next_at"]) == ("none", None)
    work(world)
    assert asked(world) == []
    assert world.stores.payouts.due_schedules(world.clock.at + 10**12) == []


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"every": Every.WEEKLY}, "weekday"),
        ({"every": Every.MONTHLY}, "day"),
        ({"every": Every.DAILY, "day": 3}, "day"),
        ({"every": Every.NONE, "hour": 3, "threshold": 1}, "hour"),
        ({"every": Every.DAILY, "threshold": 0}, "threshold"),
        ({"every": Every.DAILY, "threshold": "1e3"}, "threshold"),
        ({"every": Every.DAILY, "keep": 2**256}, "keep"),
        ({"every": Every.DAILY, "keep": 5, "threshold": 5}, "keep"),
        ({"every": Every.DAILY, "asset": "DOGE"}, "asset"),
        ({"every": Every.DAILY, "asset": "USDC", "token_id": USDC.id}, "asset"),
    ],
)
def test_what_makes_no_schedule_names_its_field_and_stores_nothing(wanted, field):
    world, _ = paid_world()
    with pytest.raises(BadRequest) as caught:
        set_(world, **wanted)
    assert [each.field for each in caught.value.errors] == [field]
    assert world.stage.settlement.schedules.all("m1")["data"] == []


STEPS = st.lists(
    st.tuples(st.sampled_from(["pause", "work", "die", "ask", "set"]), st.integers(1, 60 * HOUR_MS)), max_size=25
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_no_period_has_two_settlements_whatever_happens(steps):
    """Workers that die at their commit, requests beside, changes of what is kept: each period has one at most."""
    world, _ = paid_world()
    set_(world, Every.DAILY, hour=4, keep=1)
    real, periods = world.stores.payouts.commit, []

    def noting(commit):
        real(commit)
        if commit.schedule:
            periods.append(commit.schedule[1].done)

    world.stores.payouts.commit = noting
    for what, number in steps:
        if what == "pause":
            world.clock.at += number
        elif what == "ask" and asked(world) == []:
            ask(world, amount=PART)
        elif what == "set":
            set_(world, Every.DAILY, hour=4, keep=1 + number % 2)
        elif what == "die":
            world.stores.payouts.commit = lambda _: (_ for _ in ()).throw(KeyboardInterrupt)
            with suppress(KeyboardInterrupt):
                work(world)
            world.stores.payouts.commit = noting
        else:
            work(world)
    assert periods == sorted(set(periods))
    assert sum(each.amount for each in asked(world)) <= COIN - (1 if periods else 0)


def test_a_merchant_with_many_requests_that_wait_is_asked_for_again_and_alarms_nobody(monkeypatch):
    """The worker books them within the same run; the settlement that is due is asked for by the next one."""
    world, _ = paid_world()
    set_(world, Every.DAILY)
    due_next(world)
    monkeypatch.setattr("ctrip.services.settlement.ask_payout.MOST_WAITING", 1)
    ask(world, amount=PART)
    work(world)
    assert (len(asked(world)), world.log.alarms(), notes(world)) == (1, [], [])
    work(world)
    assert len(asked(world)) == 2
