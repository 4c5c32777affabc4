"""The figures are sums over events: each counted once, whenever it is counted, and undone as it was done."""

from collections import Counter

import pytest

from ctrip.domain.errors import Stale
from ctrip.domain.figures import AssetDay, Day, Totals
from ctrip.domain.payments.payment import Flag, Late, Policy
from tests.world import USDC, World

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


def today(world: World, asset: str = "native") -> AssetDay:
    """Return the figures of the day of an asset."""
    number = world.clock.now() // DAY_MS
    return next(each for each in world.stores.figures.days([number])[number].assets if each.asset == asset)


def test_states_and_days_are_counted_from_events_alone() -> None:
    """Three created, one of them paid: by state, by day, by asset; and reading them reads no payment."""
    world = World()
    ids = [world.create(1000).id for _ in range(2)]
    ids.append(world.create(5_000_000, token_id=USDC.id).id)
    world.deposit(ids[0], 1000)
    world.settle_down()
    count(world)
    assert states(world) == truly(world, ids)
    coin, token = today(world), today(world, str(USDC.id))
    assert (coin.created, coin.converted, coin.paid, coin.volume) == (2, 1, 1, 1000)
    assert (token.created, token.converted, token.volume, token.symbol, token.decimals) == (1, 0, 0, "USDC", 6)
