"""Dust and tiny deposits, as many as somebody likes to send, cannot drain the gas station."""

import json
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctrip.domain.payments.payment import Status, Tier
from ctrip.domain.sweeping.policy import parse_policies
from ctrip.domain.sweeping.sweep import Kind
from tests.services.sweeping.test_batches import OPERATOR, BatchWorld
from tests.world import NETWORK, SETTINGS, STATION, USDC, World

HOUR_MS = 3_600_000
# Deposits are worth so much gas at the price of their day: dust, amounts about every threshold, and real money.
worth_in_gas = st.one_of(st.integers(0, 10), st.integers(40_000, 600_000), st.integers(10**6, 10**9))
prices = st.integers(1, 60)


class SpamWorld(World):
    """A chain whose token has a value: a base unit is one of the coin's."""

    network = replace(NETWORK, tokens=(replace(USDC, coin_value=10**6),))


class SpamBatches(BatchWorld):
    """The same with batches."""

    network = SpamWorld.network


def made(kind, factor, max_age):
    policies = parse_policies(json.dumps({"anvil": {"USDC": {"factor": factor, "max_age": max_age}}}))
    return kind(own=replace(SETTINGS, sweeps=policies))


def spam(world, rounds, hours):
    """Have deposits come at changing prices of gas; then let time go by, so that what is parked grows old."""
    payments = {}
    for deposits, price in rounds:
        world.chain.base_fee = price
        for gas in deposits:
            amount = gas * (price * 9 // 8 + 1) + 1
            payment = world.create(amount, asset="USDC")
            world.chain.deposit(payment.due.address, amount, USDC.address)
            payments[payment.id] = amount
        for _ in range(5):
            world.step()
            world.sweeper.sweep(USDC.id)
    world.clock.at += hours * HOUR_MS
    world.chain.mine(1, seconds=hours * 3_600)
    world.run = world.new_run()
    for _ in range(8):
        world.step()
        world.sweeper.sweep(USDC.id)
    return payments


spams = given(
    rounds=st.lists(st.tuples(st.lists(worth_in_gas, max_size=4), prices), min_size=1, max_size=4),
    factor=st.integers(1, 6),
    hours=st.sampled_from([0, 1, 30]),
)
slow = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@slow
@spams
def test_the_station_never_spends_more_on_a_deposit_than_it_is_worth(rounds, factor, hours):
    """Coin given and fees together; and before its age a sweep is worth the factor times what it uses up."""
    world = made(SpamWorld, factor, 24 * 3_600)
    before = world.chain.total(None, [STATION])
    payments = spam(world, rounds, hours)
    sent = list(world.stores.money._state.transactions.values())
    for payment_id, value in payments.items():
        mine = [each for each in sent if payment_id in each.payment_ids]
        given_away = sum(each.attempts[-1].value + each.attempts[-1].cost for each in mine if each.kind is Kind.FUND)
        used_up = sum(each.attempts[-1].cost for each in mine)
        assert given_away <= value
        assert used_up * (1 if hours == 30 else factor) <= value
        payment = world.payment(payment_id)
        assert mine or payment.tier in (Tier.PARKED, Tier.SWEEP)
        assert payment.status in (Status.PAID, Status.SETTLED)
    worth = sum(value for payment_id, value in payments.items() if any(payment_id in each.payment_ids for each in sent))
    assert before - world.chain.total(None, [STATION]) <= worth


@slow
@spams
def test_every_member_of_a_batch_is_worth_the_factor_times_its_part(rounds, factor, hours):
    """Of a batch of so many as it is, its start included; the station gives nothing at all."""
    world = made(SpamBatches, factor, 24 * 3_600)
    before = world.chain.total(None, [STATION])
    payments = spam(world, rounds, hours)
    for batch in world.stores.money.transactions_of("anvil", OPERATOR):
        price = dict(batch.attempts[-1].terms)["max_fee"]
        part = (40_000 + 40_000 // len(batch.members)) * price
        for member in batch.members:
            assert part * (1 if hours == 30 else factor) <= payments[member.payment_id] == member.meant
    assert world.chain.total(None, [STATION]) == before
