"""A chain is ready when a pass succeeded lately, or when none is due."""

from dataclasses import replace

import pytest

from ctrip.domain.detection.gates import Gate, Tip
from ctrip.domain.detection.readiness import closed_to_payments, judge
from ctrip.services.detection.start_scans import ScanStarter
from tests.world import NETWORK, T0, World

SLOW = replace(NETWORK, poll_seconds=12.0, head_age_alarm=120)


def gate(opened: int = 600, hot: int = 60, **more: object) -> Gate:
    """A gate that was opened and closes some seconds before and after T0."""
    return replace(
        Gate(chain="anvil", hot_until=T0 + hot * 1000, warm_until=T0 + 10**8, opened_at=T0 - opened * 1000), **more
    )


def tip(scanned: int | None = 1, passed: int | None = 1, failing: int | None = None, block: int = 1) -> Tip:
    """What a scanner left behind, in seconds before T0; None: never."""

    def at(seconds: int | None) -> int:
        return 0 if seconds is None else T0 - seconds * 1000

    failure = "" if failing is None else "the node is down"
    times = {"scanned_at": at(scanned), "passed_at": at(passed), "failing_since": at(failing)}
    return Tip(chain="anvil", number=7, block_time=T0 - block * 1000, failure=failure, **times)


@pytest.mark.parametrize(
    ("held", "left", "status"),
    [
        (None, None, "idle"),
        (gate(hot=0), tip(passed=None, failing=9_000), "idle"),  # it failed until it closed, and nothing is due now
        (gate(opened=2), None, "idle"),  # nobody has scanned it ever, and a pass is about to come
        (gate(opened=2), tip(scanned=80_000, passed=80_000), "idle"),  # it was idle for a day
        (gate(opened=2), tip(scanned=80_000, passed=90_000, failing=85_000), "idle"),  # and was failing then
        (gate(opened=151), None, "not_scanned"),
        (gate(opened=151), tip(scanned=80_000, passed=80_000), "not_scanned"),
        (gate(), tip(scanned=151, passed=151), "not_scanned"),
        (gate(), tip(scanned=151, passed=500, failing=400), "not_scanned"),  # the scanner itself died
        (gate(), tip(scanned=150, passed=150), "ok"),  # a hand-over that came late
        (gate(), tip(), "ok"),
        (gate(), tip(failing=29, passed=30), "ok"),  # it stumbles
        (gate(), tip(failing=30, passed=31), "failing"),
        (gate(), tip(failing=30, passed=None), "failing"),
        (gate(opened=10), tip(failing=9_000, passed=None), "ok"),  # what failed before it was opened does not count
        (gate(opened=30), tip(failing=9_000, passed=None), "failing"),
        (gate(), tip(block=31), "stale_head"),
        (gate(paused=True), tip(), "paused"),
        (gate(hot=-100, paused=True), None, "paused"),
    ],
)
def test_a_chain_is_judged_by_the_passes_that_succeeded_while_they_were_due(held, left, status):
    verdict = judge(NETWORK, held, left, T0)
    assert (verdict.status, verdict.ready) == (status, status in ("ok", "idle"))
    assert bool(verdict.reason) is not verdict.ready


def test_how_long_passes_may_fail_follows_the_chains_rhythm():
    """Five passes, thirty seconds at least: a minute where one comes each twelve seconds."""
    assert judge(SLOW, gate(), tip(failing=59, passed=60), T0).status == "ok"
    assert judge(SLOW, gate(), tip(failing=60, passed=61), T0).status == "failing"


def test_the_reason_is_the_last_failures():
    verdict = judge(NETWORK, gate(), tip(failing=31), T0)
    assert verdict.reason == "Every pass has failed for 31 s. The last failure: the node is down"


@pytest.mark.parametrize(
    ("held", "left", "closed"),
    [
        (Gate(chain="anvil"), None, False),
        (Gate(chain="anvil"), tip(failing=9_000), False),
        (gate(opened=601), None, False),
        (gate(opened=601), tip(failing=599), False),
        (gate(opened=599), tip(failing=9_000), False),
        (gate(opened=601), tip(failing=600), True),
        (gate(opened=9_000), tip(scanned=120, failing=8_000), True),
        (gate(opened=9_000), tip(scanned=121, failing=8_000), False),  # nobody has tried of late
        (gate(opened=9_000), tip(), False),
        (gate(hot=0), tip(failing=8_000), False),
        (Gate(chain="anvil", paused=True), None, True),
        (gate(opened=1, paused=True), tip(), True),
    ],
)
def test_payments_are_refused_only_where_the_gate_was_open_and_every_pass_failed_for_ten_minutes(held, left, closed):
    """A closed or never-scanned gate takes them and starts the scan; a paused chain does not."""
    assert (closed_to_payments(NETWORK, held, left, T0) is not None) is closed


def test_the_schedule_alarms_once_a_minute_while_passes_are_due_and_none_succeeds():
    """And reads no tip where nothing is hot."""
    world = World()
    asked = []
    tips = world.stores.money.tips
    world.stores.money.tips = lambda chains: asked.append(chains) or tips(chains)
    starter = ScanStarter(
        networks={"anvil": NETWORK},
        access=world.stores.access,
        money=world.stores.money,
        jobs=world.jobs,
        clock=world.clock,
        log=world.log,
    )
    starter.run()
    assert asked == []
    world.create()
    asked.clear()
    for _ in range(4):
        starter.run()
        world.clock.at += 60_000
    assert world.log.alarms() == ["no_successful_pass"]  # in the fourth minute: no scanner came
    assert len(asked) == 4
    world.stores.access.pause("anvil", True)
    starter.run()
    assert (len(asked), world.log.alarms()) == (4, ["no_successful_pass"])
