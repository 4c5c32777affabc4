"""What a stage asks of sweeps: what waits for its age, quiet gas, tomorrow or a person; nothing is moved at a loss."""

import json
from dataclasses import replace

import pytest

from ctrip.domain.payments.payment import Status, Tier
from ctrip.domain.sweeping.policy import day_of, parse_policies
from tests.services.sweeping.test_batches import OPERATOR, BatchWorld
from tests.services.sweeping.test_sweeping import COIN, on, ours, paid, paid_token, station
from tests.world import NETWORK, SETTINGS, STATION, USDC, World

DAY_MS = 86_400_000
HOUR = 3_600
COIN_GAS = 21_000 * 8  # what the sweep of a coin costs here: a base fee of 7, and a tip of 1
TOKEN = (replace(USDC, coin_value=10**6),)  # a base unit is worth one of the coin's


def with_policy(kind=World, network=NETWORK, **by_symbol):
    """Make a world whose stage has policies."""
    own = replace(SETTINGS, sweeps=parse_policies(json.dumps({"anvil": by_symbol})))
    named = type("PolicyWorld", (kind,), {"network": network})
    return named(own=own)


def days_later(world, days, seconds=0):
    world.clock.at += days * DAY_MS + seconds * 1000
    world.chain.mine(1, seconds=days * 86_400 + seconds)
    world.run = world.new_run()


# -- value against cost


@pytest.mark.parametrize("factor", [1, 3, 10])
def test_a_coin_must_be_worth_the_factor_times_its_cost(factor):
    """Exactly so much is enough."""
    world = with_policy(ETH={"factor": factor, "max_age": 0})
    small, enough = paid(world, factor * COIN_GAS - 1), paid(world, factor * COIN_GAS + (factor == 1))
    world.sweeper.sweep("native")
    assert (world.payment(small.id).tier, ours(world, small)) == (Tier.PARKED, [])
    assert ours(world, enough)


def test_less_than_the_minimum_waits_for_its_age_and_then_pays_for_itself():
    """Above the factor, yet below what the operator calls worth while."""
    world = with_policy(ETH={"minimum": str(COIN), "max_age": 10 * HOUR})
    payment = paid(world, COIN - 1)
    world.sweeper.sweep("native")
    assert (world.payment(payment.id).tier, ours(world, payment)) == (Tier.PARKED, [])
    days_later(world, 0, 10 * HOUR)
    world.sweeper.sweep("native")
    assert ours(world, payment)


def test_an_old_sweep_goes_below_the_factor_and_never_at_a_loss():
    """What is not worth its own gas stays, however long."""
    world = with_policy(ETH={"factor": 50, "max_age": 24 * HOUR})
    loss, even, gain = (paid(world, amount) for amount in (COIN_GAS, 2 * COIN_GAS - 1, 3 * COIN_GAS))
    for _ in range(3):
        world.sweeper.sweep("native")
    assert world.signer.signed == []
    days_later(world, 2)
    for _ in range(3):
        world.sweeper.sweep("native")
    assert [bool(ours(world, each)) for each in (loss, even, gain)] == [False, False, True]
    days_later(world, 300)
    world.sweeper.sweep("native")
    assert ours(world, loss) == []


def test_a_token_that_nobody_values_is_held_by_the_minimum_alone_however_old():
    """Nobody knows whether it pays."""
    world = with_policy(USDC={"minimum": 1_000, "max_age": HOUR})
    small, enough = paid_token(world, 999), paid_token(world, 1_000)
    days_later(world, 30)
    world.settle(14)
    assert (world.payment(small.id).tier, ours(world, small)) == (Tier.PARKED, [])
    assert world.payment(enough.id).status is Status.SETTLED


def test_an_old_token_pays_for_all_the_coin_that_its_address_is_given():
    """A gift is twice the cost, and what is left of it stays on the address: that much it must be worth."""
    world = with_policy(network=replace(NETWORK, tokens=TOKEN), USDC={"factor": 30, "max_age": HOUR})
    poor, rich = paid_token(world, 900_000), paid_token(world, 1_700_000)
    days_later(world, 1)
    for _ in range(4):
        world.sweeper.sweep(USDC.id)
    (gift,) = station(world)
    assert gift.payment_ids == (rich.id,)
    assert gift.attempts[0].value + gift.attempts[0].cost <= 1_700_000
    assert ours(world, poor) == []


def test_a_small_token_waits_for_company_and_goes_with_it():
    """A batch of one costs more for each than a batch of ten: nothing is signed for one alone, nor is it parked."""
    world = with_policy(BatchWorld, network=replace(NETWORK, tokens=TOKEN), USDC={"factor": 2, "max_age": 0})
    each = 2 * 45_000 * 8  # more than its part of ten, less than a batch by itself
    (first,) = world.paid(each)
    for _ in range(5):
        world.sweeper.sweep(USDC.id)
        world.step()
    assert (world.batches(), world.payment(first.id).tier) == ([], Tier.SWEEP)
    others = world.paid(*[each] * 9)
    world.sweeper.sweep(USDC.id)
    (batch,) = world.batches()
    assert set(batch.payment_ids) == {first.id, *(other.id for other in others)}


def test_a_batch_has_as_many_members_as_the_policy_allows():
    """The rest goes with the next."""
    world = with_policy(BatchWorld, USDC={"batch": 2})
    payments = world.paid(1_000, 2_000, 3_000, 4_000, 5_000)
    for _ in range(6):
        world.sweeper.sweep(USDC.id)
        world.step()
    assert sorted(len(each.members) for each in world.batches()) == [1, 2, 2]
    world.finish()
    assert set(world.statuses(payments)) == {Status.SETTLED}


# -- quiet gas


@pytest.mark.parametrize("token", [False, True], ids=["coin", "token"])
def test_sweeps_wait_while_gas_is_dear_until_they_are_old(token):
    """Nothing is signed above the price; the reason is noted, and taken back when gas is cheap again."""
    symbol = "USDC" if token else "ETH"
    world = with_policy(**{symbol: {"quiet_gas": 100, "max_age": 48 * HOUR}})
    asset = USDC.id if token else "native"
    payment = paid_token(world) if token else paid(world)
    world.chain.base_fee = 1_000
    for _ in range(3):
        world.sweeper.sweep(asset)
        world.step()
    assert world.signer.signed == []
    assert world.stores.money.loud_gas("anvil")[asset].price > 100
    assert world.payment(payment.id).tier is Tier.SWEEP
    days_later(world, 2)
    world.sweeper.sweep(asset)
    assert len(world.signer.signed) == 1  # of what is old
    world.chain.base_fee = 7
    world.settle(16)
    assert world.payment(payment.id).status is Status.SETTLED
    later = paid(world) if not token else paid_token(world)
    world.sweeper.sweep(asset)
    assert world.payment(later.id).own.pending
    assert world.stores.money.loud_gas("anvil") == {}


def test_dear_gas_stops_no_replacement_and_no_other_asset():
    """What is under way goes on, and each asset has its own price."""
    world = with_policy(USDC={"quiet_gas": 8})
    coin, token = paid(world), paid_token(world)
    world.sweeper.sweep(USDC.id)
    assert len(station(world)) == 1
    world.chain.base_fee = 50
    second = paid_token(world)
    for _ in range(14):
        stuck, world.chain.pool = world.chain.pool, []
        world.step()
        world.chain.pool = stuck
        world.sweeper.sweep(USDC.id)
    assert len(station(world)[0].attempts) > 1
    world.sweeper.sweep("native")
    assert ours(world, coin)
    assert ours(world, second) == []
    assert token.id in station(world)[0].payment_ids


# -- a day's cap


@pytest.mark.parametrize("kind", [World, BatchWorld], ids=["alone", "in batches"])
def test_what_is_over_the_days_cap_waits_for_tomorrow(kind):
    """By the sum of what was signed for, each amount whole; the next day of UTC begins anew."""
    world = with_policy(kind, USDC={"per_day": 1_000})
    payments = [paid_token(world, amount) for amount in (700, 600, 250, 51, 40)]
    for _ in range(8):
        world.step()
        world.sweeper.sweep(USDC.id)
    moved = {each.due.amount for each in payments if world.payment(each.id).status is Status.SETTLED}
    assert moved == {700, 250, 40}
    today = world.stores.money.swept_day("anvil", USDC.id, day_of(world.clock.now()))
    assert today.amount == 990
    assert "sweeps_wait_for_tomorrow" in [line[1] for line in world.log.lines]
    days_later(world, 1)
    for _ in range(8):
        world.step()
        world.sweeper.sweep(USDC.id)
    assert {world.payment(each.id).status for each in payments} == {Status.SETTLED}
    assert world.stores.money.swept_day("anvil", USDC.id, day_of(world.clock.now())).amount == 651


def test_a_count_that_somebody_else_raised_meanwhile_sends_nothing():
    """Two jobs that read the same count: one of them writes, the other begins again."""
    world = with_policy(ETH={"per_day": str(3 * COIN)})
    first, second = paid(world, 2 * COIN), paid(world, COIN)
    real = world.stores.money.swept_day
    stale = real("anvil", "native", day_of(world.clock.now()))
    world.stores.money.swept_day = lambda *_: stale
    world.sweeper.sweep("native")
    assert [bool(ours(world, each)) for each in (first, second)] == [True, False]
    world.stores.money.swept_day = real
    world.sweeper.sweep("native")
    assert ours(world, second)
    total = real("anvil", "native", day_of(world.clock.now())).amount
    assert total == sum(transaction.attempts[0].value for each in (first, second) for transaction in ours(world, each))


# -- approval


@pytest.mark.parametrize("kind", [World, BatchWorld], ids=["alone", "in batches"])
def test_a_large_sweep_waits_for_an_approval_and_small_ones_go_on(kind):
    """Nothing is signed for it, not even gas; a dust transfer afterwards does not undo the approval."""
    world = with_policy(kind, USDC={"approval_above": 1_000})
    large, small = paid_token(world, 1_001), paid_token(world, 1_000)
    world.settle(16)
    assert [world.payment(each.id).status for each in (large, small)] == [Status.PAID, Status.SETTLED]
    assert (ours(world, large), world.held(large.due.address) if kind is BatchWorld else 1_001) == ([], 1_001)
    assert set(world.log.alarms()) == {"sweep_waits_for_approval"}
    state = world.stores.payments._state
    state.payments[large.id] = state.payments[large.id].changed(sweep_approved=1_001)
    world.chain.deposit(large.due.address, 3, USDC.address)
    world.run = world.new_run()
    world.settle(16)
    after = world.payment(large.id)
    assert (after.status, after.review.sweep_approved) == (Status.SETTLED, 0)


def test_an_approval_is_of_one_sweep():
    """What comes on the settled payment later asks again."""
    world = with_policy(ETH={"approval_above": str(COIN)})
    payment = paid(world, 2 * COIN)
    state = world.stores.payments._state
    state.payments[payment.id] = state.payments[payment.id].changed(sweep_approved=2 * COIN)
    world.run = world.new_run()
    world.settle(14)
    assert world.payment(payment.id).status is Status.SETTLED
    world.chain.deposit(payment.due.address, 2 * COIN)
    world.settle(14)
    assert len(ours(world, payment)) == 1
    assert world.payment(payment.id).tier is Tier.SWEEP


def test_the_default_policy_is_what_it_was():
    """Nothing is set: twice the cost, no cap, no approval, at any price of gas."""
    world = World()
    on(world, fee_cap=10**30)
    payment = paid(world, 10**24)
    world.chain.base_fee = 10**12
    world.settle(14)
    assert world.payment(payment.id).status is Status.SETTLED


# -- spam


def test_parked_money_is_counted_by_asset_and_shown():
    """How many addresses, and what they hold; what is swept after all is counted no more."""
    world = with_policy(ETH={"minimum": str(COIN), "max_age": 0}, USDC={"minimum": 1_000, "max_age": 0})
    coins, tokens = [paid(world, COIN - 1 - place) for place in range(3)], [paid_token(world, 999) for _ in range(2)]
    paid(world, 2 * COIN)
    world.settle(10)
    assert {world.payment(each.id).tier for each in (*coins, *tokens)} == {Tier.PARKED}
    page = world.stage.sweeping.reader.page(None, None, None, 100)
    shown = {each["symbol"]: (each["payments"], each["amount"]) for each in page["parked"]}
    assert shown == {"ETH": (3, 3 * COIN - 6), "USDC": (2, 1_998)}
    world.chain.deposit(coins[0].due.address, COIN)
    world.settle(14)
    page = world.stage.sweeping.reader.page(None, None, None, 100)
    assert page["parked"][0]["payments"] == 2


@pytest.mark.parametrize("scanners", [1, 3])
def test_a_round_over_many_parked_payments_is_counted_whole(monkeypatch, scanners):
    """In slices, by whichever scanner comes; a pass that failed spoils its round, and the count before it stands."""
    monkeypatch.setattr("ctrip.services.detection.watch_list.SLICE", 2)
    world = with_policy(ETH={"minimum": str(COIN), "max_age": 0})
    for _ in range(5):
        paid(world, 10)
    world.settle(10)
    for _ in range(12):
        if scanners > 1:
            world.run = world.new_run()
        world.step()

    def counted():
        (parked,) = world.stores.money.tips(["anvil"])["anvil"].parked
        return parked.payments, parked.amount

    assert counted() == (5, 50)
    seen = set()
    for place in range(12):
        world.run = world.new_run() if scanners > 1 and place % scanners == 0 else world.run
        if place == 4:
            with monkeypatch.context() as patch:
                patch.setattr(type(world.chain), "balances", lambda *_: 1 / 0)
                assert world.scanner.attempt(world.run)
        world.step()
        seen.add(counted())
    assert seen == {(5, 50)}
    paid(world, 11)
    world.settle(10)
    for _ in range(12):
        world.step()
    assert counted() == (6, 61)


# -- low water


@pytest.mark.parametrize("kind", [World, BatchWorld], ids=["the gas station", "the operator"])
def test_who_pays_for_gas_says_early_that_its_coin_runs_low(kind):
    """Twenty more transactions like this one are too few; the sweep itself goes on."""
    world = kind()
    address = OPERATOR if kind is BatchWorld else STATION
    paid_token(world)
    world.sweeper.sweep(USDC.id)
    assert world.log.alarms() == []
    attempt = world.stores.money.last_transaction("anvil", address).attempts[-1]
    needed = attempt.value + attempt.cost
    for short in (0, 1):
        world.settle(14)
        world.chain.deposit(address, 20 * needed - short - world.chain.total(None, [address]))
        paid_token(world)
        world.sweeper.sweep(USDC.id)
        assert world.log.alarms() == ["gas_runs_low"] * short
    world.settle(14)
    assert {each.status for each in world.stores.payments._state.payments.values()} == {Status.SETTLED}
