"""Payments on Tron from the request to the treasury, over HTTP: our client, transfers and signer on a node."""

import pytest

from ctrip.domain.payments.payment import Status
from ctrip.domain.sweeping.sweep import Kind, TransactionState
from tests.fakes.tron import LAG
from tests.tron.network import TRX, USDT, running_world, settle, station_key
from tests.tron_world import TREASURY


@pytest.mark.parametrize("with_rpc", [True, False], ids=["with JSON-RPC", "by the probe alone"])
def test_coin_is_credited_and_swept_whole(with_rpc: bool) -> None:
    """Detected, confirmed and paid at once when its block is final; swept at no cost."""
    with running_world(with_rpc=with_rpc) as world:
        payment = world.create(30 * TRX)
        world.chain.deposit(payment.due.address, 30 * TRX)
        world.run.one()
        assert world.payment(payment.id).status is Status.PENDING
        world.step(LAG + 1)
        paid = world.payment(payment.id)
        assert (paid.status, paid.own.credited, paid.seen.explained) == (Status.PAID, 30 * TRX, 30 * TRX)
        settle(world, payment.id)
        (sweep,) = world.sent(payment.due.address)
        assert (sweep.amount, sweep.fee) == (30 * TRX, 0)
        assert world.log.alarms() == []


def test_a_token_is_swept_by_burning() -> None:
    """The node's own figures: what its receipt says was burnt is what the books say."""
    with running_world() as world:
        payment = world.paid(50 * TRX, asset="USDT")
        assert payment.seen.explained == 50 * TRX
        settle(world, payment.id)
        (gift,) = world.sent(world.station)
        (sweep,) = world.sent(payment.due.address)
        assert (gift.kind, sweep.state) == (Kind.FUND, TransactionState.FINAL)
        assert 0 < sweep.fee < gift.amount
        assert world.chain.account(TREASURY).activated
        assert world.log.alarms() == []


def test_a_token_is_swept_with_energy_that_the_station_lends_and_takes_back() -> None:
    """Activated, lent, swept for nothing, taken back: each a transaction that a node takes as it is."""
    with running_world() as world:
        world.chain.freeze(station_key(world), 9_000 * TRX)
        first = world.paid(50 * TRX, asset="USDT")
        settle(world, first.id)
        assert [each.fee for each in world.sent(first.due.address)] == [0]
        second = world.paid(50 * TRX, asset="USDT")
        settle(world, second.id)
        world.settle(2 * LAG)
        kinds = [each.kind for each in world.sent(world.station) if each.state is TransactionState.FINAL]
        assert (kinds.count(Kind.FUND), kinds.count(Kind.RECLAIM)) == (4, 1)
        assert [address for address, _ in world.chain.lent(world.station)] == [second.due.address]
        assert world.log.alarms() == []


def test_a_token_is_swept_with_energy_that_was_rented() -> None:
    """Whoever lent it: nothing is burnt, and nothing given."""
    with running_world() as world:
        payment = world.create(50 * TRX, asset="USDT")
        world.chain.deposit(payment.due.address, 1)
        world.chain.lend(payment.due.address, 10**10)
        world.chain.deposit(payment.due.address, 50 * TRX, USDT.address)
        settle(world, payment.id)
        assert world.sent(world.station) == []
        assert [each.fee for each in world.sent(payment.due.address)] == [0]
        assert world.log.alarms() == []
