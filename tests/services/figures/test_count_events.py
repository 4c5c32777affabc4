"""The figures are sums over events: each counted once, whenever it is counted, and undone as it was done."""

from collections import Counter
from dataclasses import replace

import pytest

from ctrip.domain.errors import Stale
from ctrip.domain.figures import AssetDay, Totals
from ctrip.domain.payments.payment import Flag
from ctrip.services.figures.count_events import HOUR_MS
from ctrip.services.payments.create_payment import CreatePayment
from ctrip.views.figures import traded_assets
from tests.world import ORIGIN, USDC, World, put_merchant

DAY_MS = 86_400_000


def count(world: World, seconds: float = 180) -> int:
    """Let the grace pass, and count."""
    world.clock.wait(seconds)
    return world.stage.figures.counter.run()


def states(world: World) -> dict[str, int]:
    """Return the payments by state, as they are counted."""
    return {each.status.value: each.payments for each in world.stores.figures.totals().standings}


def truly(world: World, ids: list[str]) -> dict[str, int]:
    """Return them as the payments themselves say."""
    return dict(Counter(world.payment(each).status.value for each in ids))


def on_day(world: World, at: int, asset: str = "native") -> AssetDay:
    """Return the figures of an asset on the day of a time."""
    found = world.stage.figures.reader.figures.days([at // DAY_MS])[at // DAY_MS].assets
    return next(each for each in found if each.asset == asset)


def pay(world: World, payment_id: str, amount: int | None = None) -> None:
    """Pay a payment, or an amount of it."""
    due = world.payment(payment_id).due
    world.chain.deposit(due.address, due.amount if amount is None else amount, due.token_address)


def test_states_and_days_are_counted_from_events_alone() -> None:
    """Three created, one of them paid: by state, by day, by asset."""
    world = World()
    ids = [world.create(1000).id for _ in range(2)] + [world.create(5_000_000, asset="USDC").id]
    pay(world, ids[0])
    world.settle()
    now = world.clock.now()
    count(world)
    assert states(world) == truly(world, ids) == {"paid": 1, "pending": 2}
    coin, token = on_day(world, now), on_day(world, now, str(USDC.id))
    assert (coin.created, coin.converted, coin.paid, coin.volume) == (2, 1, 1, 1000)
    assert (token.created, token.converted, token.volume, token.symbol, token.decimals) == (1, 0, 0, "USDC", 6)


def test_a_payment_counts_where_its_payer_has_chosen_to_pay() -> None:
    """Until then nowhere; after another choice there alone, whether or not a count came in between."""
    for between in (0, 3):
        world = World()
        now = world.clock.now()
        wanted = CreatePayment(price=("USD", "25.00"))
        ids = [world.creator.create(world.merchant, wanted, "http://x", ORIGIN).view["id"] for _ in range(2)]
        for number, symbol in enumerate(("ETH", "USDC", "ETH", "USDC")):
            world.stage.payments.chooser.choose(ids[0], "anvil", symbol, ORIGIN)
            if number < between:
                count(world)
        count(world)
        standing = {each.chain: each.payments for each in world.stores.figures.totals().standings}
        assert standing == {"": 1, "anvil": 1}
        day = world.stage.figures.reader.figures.days([now // DAY_MS])[now // DAY_MS]
        created = {(each.chain, each.symbol): each.created for each in day.assets}
        assert created == {("", ""): 1, ("anvil", "ETH"): 0, ("anvil", "USDC"): 1}
        assert list(traded_assets([day]).values()) == ["USDC on anvil", "ETH on anvil"]


def test_counting_again_counts_nothing_and_going_on_counts_the_rest() -> None:
    """However the runs fall between the events."""
    world = World()
    ids = [world.create(1000).id]
    assert count(world) == 1
    assert count(world) == 0
    pay(world, ids[0])
    for _ in range(12):
        world.settle(1)
        world.stage.figures.counter.run()
    ids.append(world.create(1000).id)
    count(world)
    assert states(world) == truly(world, ids)
    assert on_day(world, world.clock.now()).paid == 1


def test_what_is_of_this_moment_is_not_counted_yet() -> None:
    """A transaction that commits a moment later than its time would be left out for ever."""
    world = World()
    world.create(1000)
    assert world.stage.figures.counter.run() == 0
    assert count(world, seconds=600) == 1


def test_a_reorganisation_takes_back_what_it_undid() -> None:
    """Paid, then gone from the chain: neither converted nor part of the volume."""
    world = World()
    payment_id = world.create(1000).id
    pay(world, payment_id)
    for _ in range(8):
        world.step()
    now = world.clock.now()
    count(world)
    assert on_day(world, now).volume == 1000
    world.chain.reorg(12, again=False)
    world.settle(8)
    count(world)
    assert states(world) == truly(world, [payment_id])
    assert world.payment(payment_id).status.value == "pending"
    day = on_day(world, now)
    assert (day.created, day.converted, day.paid, day.volume) == (1, 0, 0, 0)


def test_a_payment_counts_as_converted_on_the_day_it_was_created() -> None:
    """Created before midnight, paid after it: conversion is the first day's, volume the second's."""
    world = World()
    world.clock.at = world.clock.at // DAY_MS * DAY_MS + DAY_MS - 60_000
    created = world.clock.now()
    payment_id = world.create(1000).id
    world.clock.wait(120)
    pay(world, payment_id)
    world.settle()
    paid = world.clock.now()
    assert paid // DAY_MS == created // DAY_MS + 1
    count(world, seconds=7200)
    assert (on_day(world, created).created, on_day(world, created).converted, on_day(world, created).volume) == (
        1,
        1,
        0,
    )
    assert (on_day(world, paid).created, on_day(world, paid).paid, on_day(world, paid).volume) == (0, 1, 1000)


def test_what_people_look_for_is_listed_and_leaves_the_list_with_its_flag() -> None:
    """Part of the money: listed; the rest of it: no more. Too much stays, of whichever merchant."""
    world = World()
    partial, over = world.create(1000).id, world.create(1000).id
    pay(world, partial, 400)
    pay(world, over, 1500)
    world.settle(6)
    count(world)
    reader = world.stage.figures.reader
    assert [each.id for each in reader.reviewed(Flag.UNDERPAID, None, 10)[0]] == [partial]
    assert [each.id for each in reader.reviewed(Flag.OVERPAID, None, 10)[0]] == [over]
    pay(world, partial, 600)
    world.settle(6)
    # The list follows the events; a payment that has lost the flag is not shown meanwhile.
    assert reader.reviewed(Flag.UNDERPAID, None, 10)[0] == []
    count(world)
    assert world.stores.figures.reviewed(Flag.UNDERPAID, before=None, limit=10) == ([], None)
    assert reader.waiting(Flag.OVERPAID) == 1


def test_a_flag_that_is_raised_and_lowered_within_one_count_is_not_listed() -> None:
    """Of an hour's events the last one counts."""
    world = World()
    payment_id = world.create(1000).id
    pay(world, payment_id, 400)
    world.settle(3)
    pay(world, payment_id, 600)
    world.settle(6)
    count(world)
    assert world.stores.figures.reviewed(Flag.UNDERPAID, before=None, limit=10) == ([], None)


def test_lists_go_on_page_by_page_over_what_has_lost_its_flag() -> None:
    """Newest first; a page looks past those that are on it no more."""
    world = World()
    ids = []
    for _ in range(6):
        ids.append(world.create(1000).id)
        pay(world, ids[-1], 400)
        world.settle(3)
    count(world)
    pay(world, ids[4], 600)
    world.settle(6)
    reader = world.stage.figures.reader
    first, cursor = reader.reviewed(Flag.UNDERPAID, None, 3)
    second, end = reader.reviewed(Flag.UNDERPAID, cursor, 3)
    assert [each.id for each in (*first, *second)] == [ids[5], ids[3], ids[2], ids[1], ids[0]]
    assert end is None


def test_every_merchants_events_are_counted() -> None:
    """And an outage of days is caught up with, an hour at a time."""
    world = World()
    put_merchant(world.stores.access, replace(world.merchant, id="m2", account=2, xpub=""))
    world.create(1000)
    mine = next(iter(world.stores.events.page("m1", _all()).events))
    world.stores.events.add(replace(mine, merchant_id="m2", ulid=world.ids.ulid(mine.at)))
    world.clock.wait(3 * 86_400)
    assert world.stage.figures.counter.run() == 2
    assert states(world) == {"pending": 2}
    totals = world.stores.figures.totals()
    assert totals.version > 72
    assert world.clock.now() - totals.until < HOUR_MS


def test_a_run_that_has_much_to_catch_up_with_ends_in_time_and_the_next_goes_on() -> None:
    """A function has a minute; what it has counted is kept."""
    world = World()
    world.create(1000)
    world.clock.wait(86_400)
    page = world.stores.events.page

    def slow(*given):  # type: ignore[no-untyped-def]
        world.clock.wait(6)
        return page(*given)

    world.stores.events.page = slow
    world.stage.figures.counter.run()
    first = world.stores.figures.totals()
    assert 2 <= first.version <= 5
    world.stage.figures.counter.run()
    assert world.stores.figures.totals().until > first.until
    assert states(world) == {"pending": 1}


def test_of_two_runs_at_once_one_counts() -> None:
    """The other finds that the figures have moved on, and leaves them alone."""
    world = World()
    world.create(1000)
    world.clock.wait(180)
    keep, raced = world.stores.figures.keep, []

    def beaten(before: Totals, after: Totals, days: list) -> None:  # type: ignore[type-arg]
        if not raced:
            raced.append(1)
            world.stage.figures.counter.run()
        keep(before, after, days)

    world.stores.figures.keep = beaten
    assert world.stage.figures.counter.run() == 0
    assert states(world) == {"pending": 1}
    with pytest.raises(Stale):
        keep(Totals(), Totals(until=1, version=1), [])


def test_where_nothing_moves_nothing_is_read_for_an_hour() -> None:
    """A stage without payments costs a look at its gates a minute."""
    world = World()
    payment = world.create(1000)
    world.closer.cancel("m1", payment.id, ORIGIN)
    count(world)
    world.clock.wait(10 * 86_400)  # until no gate is warm
    world.stage.figures.counter.run()
    asked: list[str] = []
    page = world.stores.events.page
    world.stores.events.page = lambda *given: (asked.append("page"), page(*given))[1]
    world.clock.wait(120)
    assert world.stage.figures.counter.run() == 0
    assert asked == []
    world.clock.wait(3600)
    world.stage.figures.counter.run()
    assert asked != []


def _all():  # type: ignore[no-untyped-def]
    from ctrip.ports.events import EventFilter

    return EventFilter(newest_first=False, limit=10)
