"""Coin at the deposit address of a token: it is the merchant's, and pays for no sweep unnoticed."""

import pytest

from ctrip.domain.ledger.entries import GAS_EXPENSE, GAS_STATION, ON_ADDRESSES, unmatched
from ctrip.domain.payments.payment import Status
from tests.services.sweeping.test_sweeping import hold, no_block_takes, ours, paid_token, station
from tests.support.ledger import entries_of
from tests.world import STATION, TREASURY, USDC, World


def sums(world):
    """Fold the entries of the coin: what entered each account, less what left it."""
    found = {}
    for entry in entries_of(world.stores):
        if entry.asset == "native":
            found[entry.debit] = found.get(entry.debit, 0) + entry.amount
            found[entry.credit] = found.get(entry.credit, 0) - entry.amount
    return found


@pytest.mark.parametrize("stray", [1, 100_000, 10**18])
@pytest.mark.parametrize("when", ["before the payment's sweep", "with it"])
def test_stray_coin_is_left_alone_and_still_there_in_full(stray, when):
    """The gas station gives all that the transfer costs, as if nothing lay there; the identity of money holds."""
    world = World()
    station_before = world.chain.total(None, [STATION])
    if when == "with it":
        payment = world.create(5_000, asset="USDC")
        world.chain.deposit(payment.due.address, stray)
        world.chain.deposit(payment.due.address, 5_000, USDC.address)
        world.step(4)
        world.jobs.sweeps.clear()
    else:
        payment = paid_token(world)
        world.chain.deposit(payment.due.address, stray)
        world.step(4)
    world.settle(16)
    after, address = world.payment(payment.id), payment.due.address
    assert after.status is Status.SETTLED
    (gift,), (sweep,) = station(world), ours(world, payment)
    assert gift.amount >= sweep.fee
    assert world.chain.total(None, [address]) == stray + gift.amount - sweep.fee
    assert [each.amount for each in after.seen.strays] == [stray]
    books = sums(world)
    assert books[unmatched("m1")] == -stray
    assert books[ON_ADDRESSES] == world.chain.total(None, [address])
    assert books[GAS_STATION] == world.chain.total(None, [STATION]) - station_before
    assert books[GAS_EXPENSE] == gift.fee + sweep.fee
    assert world.log.alarms() == []
    assert "stray_coin_left" in [line[1] for line in world.log.lines]


def test_a_replacement_does_not_use_stray_coin_either():
    """When gas has risen the station gives more."""
    world = World()
    payment = paid_token(world)
    world.chain.deposit(payment.due.address, 10**15)
    world.step(4)
    while not ours(world, payment):
        world.step()
        world.sweep()
        world.sweeper.sweep(USDC.id)
    world.chain.base_fee = 200
    no_block_takes(world, 14)
    assert len(station(world)) == 2
    world.settle(20)
    assert world.payment(payment.id).status is Status.SETTLED
    assert world.chain.total(None, [payment.due.address]) >= 10**15
    assert world.log.alarms() == []


def test_a_cancelled_sweep_that_used_stray_coin_says_so():
    """A held payment's sweep must be cancelled at any price that is there: an alarm, and the ledger has it."""
    world = World()
    payment = paid_token(world)
    world.chain.deposit(payment.due.address, 10**15)
    world.step(4)
    while not ours(world, payment):
        world.step()
        world.sweep()
        world.sweeper.sweep(USDC.id)
    hold(world, payment)
    world.chain.base_fee = 5_000
    no_block_takes(world, 14)
    world.chain.mine(1)
    for _ in range(8):
        world.step()
    (sweep,) = ours(world, payment)
    assert sweep.cancelled
    assert world.log.alarms() == ["stray_coin_used"]
    books = sums(world)
    assert books[unmatched("m1")] == -(10**15)
    assert books[ON_ADDRESSES] == world.chain.total(None, [payment.due.address]) < 10**15
    assert world.chain.total(USDC.address, [TREASURY]) == 0
