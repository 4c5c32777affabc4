"""States that nothing may be stranded in, each found once by somebody who tried."""

from dataclasses import replace

import pytest

from ctrip.chains.evm.terms import nonce_of, terms_of
from ctrip.domain.detection.step import quiet
from ctrip.domain.errors import Busy, Forbidden, InvalidField
from ctrip.domain.jobs import SweepJob
from ctrip.domain.payments.payment import Flag, Status, Tier
from ctrip.domain.sweeping.sweep import TransactionState
from ctrip.services.detection.start_scans import ScanStarter
from ctrip.services.payments.create_payment import check_url
from ctrip.services.shared.notify import BestEffort
from tests.support.ledger import entries_of
from tests.world import NETWORK, ORIGIN, USDC, World

COIN = 10**9


def types(world):
    return [c.event.type for c in world.stores.payments.commits if c.event]


def paid_coin(world, amount=COIN):
    payment = world.create(amount)
    world.chain.deposit(payment.due.address, amount)
    world.step(4)
    assert world.payment(payment.id).status is Status.PAID
    return payment


def test_a_held_paid_payment_is_swept_once_a_person_accepts_it():
    """It was left in the tier that the sweeper never reads."""
    world = World()
    payment = paid_coin(world)
    world.chain.burn(payment.due.address, COIN // 10)
    world.step()
    assert world.payment(payment.id).exception is Flag.HELD
    with pytest.raises(Forbidden, match="operator"):
        world.closer.accept("m1", payment.id, ORIGIN)
    world.closer.accept(None, payment.id, ORIGIN)
    world.run = world.new_run()
    world.settle(14)
    after = world.payment(payment.id)
    assert (after.status, after.tier) == (Status.SETTLED, Tier.MONITORED)
    assert world.chain.total(None, [payment.due.address]) == 0


def test_accepting_once_does_not_disarm_the_next_hold():
    """A second outflow waits for a second decision."""
    world = World()
    payment = world.create(COIN)
    world.chain.deposit(payment.due.address, COIN // 2)
    world.step()
    for share in (10, 20):
        world.chain.burn(payment.due.address, COIN // share)
        world.step()
        assert world.payment(payment.id).exception is Flag.HELD
        world.closer.accept(None, payment.id, ORIGIN)
        world.run = world.new_run()
        world.step()
        assert Flag.HELD not in world.payment(payment.id).flags
    world.step(4)
    after = world.payment(payment.id)
    assert after.status is Status.PAID
    assert after.own.credited == COIN // 2 - COIN // 10  # paid before the second outflow


def test_funding_that_is_mined_again_leaves_the_sweep_alone():
    """A one-block reorganisation moved the gas, and a second sweep was signed."""
    world = World()
    payment = world.create(5_000, asset="USDC")
    world.chain.deposit(payment.due.address, 5_000, USDC.address)
    world.step(4)
    world.sweep()
    world.step()
    world.sweep()
    assert world.payment(payment.id).own.pending
    world.chain.pool.clear()  # the sweep is not in a block yet when the funding moves to another
    world.chain.reorg(1)
    world.run.one()
    world.jobs.sweeps.append(SweepJob("anvil", USDC.id))
    world.sweep()
    world.settle(14)
    transactions = world.stores.money.transactions_of("anvil", payment.due.address)
    assert [(nonce_of(i), i.state) for i in transactions] == [(0, TransactionState.FINAL)]
    assert world.log.alarms() == []


def test_a_replacement_never_costs_more_than_the_chains_cap():
    """What no block takes is raised up to there, with growing patience, and no further."""
    world = World()
    world.sweeper = replace(world.sweeper, network=replace(NETWORK, fee_cap=10**6))
    payment = paid_coin(world, 10**18)
    world.sweep()
    pool = world.chain.pool
    for _ in range(400):
        stuck, world.chain.pool = pool, []
        world.step()
        world.chain.pool = pool = stuck
        world.sweep()
    transaction = world.stores.money.transactions_of("anvil", payment.due.address)[0]
    assert max(each.cost for each in transaction.attempts) <= 10**6
    assert max(terms_of(each).max_fee for each in transaction.attempts) * 9 // 8 > 10**6 // 21_000
    assert ("warning", "fee_cap_reached") in [line[:2] for line in world.log.lines]


def test_a_nonce_that_somebody_else_used_frees_the_address_with_an_alarm():
    """A restored store, or a key in other hands: it will never be mined."""
    world = World()
    payment = paid_coin(world, 10**18)
    world.sweep()
    world.chain.pool.clear()
    world.chain.chain[-1].nonces[payment.due.address.lower()] = 1
    for _ in range(30):
        world.step()
    assert "slot_taken" in world.log.alarms()
    world.settle()
    assert world.payment(payment.id).status is Status.SETTLED


def test_paid_is_never_told_with_less_than_was_confirmed():
    """The credit failed, the block went, and the next look would have credited nothing."""
    world = World()
    payment = world.create(COIN)
    world.chain.deposit(payment.due.address, COIN)
    world.step()
    commit = world.stores.payments.commit

    def refuse_credit(change):
        if change.event and change.event.type == "payment.paid":
            raise Busy
        commit(change)

    world.stores.payments.commit = refuse_credit
    world.chain.mine(2)
    world.run.one()
    assert isinstance(world.run.troubles.found[payment.id], Busy)
    world.stores.payments.commit = commit
    world.chain.reorg(3)
    world.run.one()
    assert world.payment(payment.id).status is not Status.PAID
    world.step(3)
    assert [e.amount for e in entries_of(world.stores, "m1")] == [COIN]
    assert "payment.overpaid" not in types(world)


def test_an_expired_payment_whose_order_another_has_taken_is_held():
    """One order is not credited twice."""
    world = World()
    first = world.create(COIN, order_id="A1", expires_in=60)
    world.step(70)
    second = world.create(COIN, order_id="A1")
    for payment in (first, second):
        world.chain.deposit(payment.due.address, COIN)
    world.step(4)
    world.step(4)
    assert world.payment(second.id).status is Status.PAID
    assert (world.payment(first.id).status, world.payment(first.id).exception) == (Status.EXPIRED, Flag.HELD)


def test_a_pause_that_could_not_be_written_is_not_lost():
    """The reversal waits for it."""
    world = World()
    payment = world.create(COIN)
    tx = world.chain.deposit(payment.due.address, COIN)
    world.step(4)
    world.chain.reorg(5, drop=[tx])
    pause = world.stores.access.pause

    def busy(*_):
        raise Busy

    world.stores.access.pause = busy
    world.run.one()
    assert isinstance(world.run.troubles.found[payment.id], Busy)
    assert world.payment(payment.id).status is Status.PAID
    world.stores.access.pause = pause
    world.run.one()
    assert world.stores.access.gates(["anvil"])["anvil"].paused


def test_a_reversal_that_lost_a_race_is_done_in_the_next_pass_though_the_chain_is_paused(monkeypatch):
    """The sweeper had just changed the payment: paused without the reversal is no place to stop."""
    monkeypatch.setattr("ctrip.services.detection.watch_list.REREAD", 0)
    world = World()
    payment = world.create(COIN)
    tx = world.chain.deposit(payment.due.address, COIN)
    world.scanner = replace(world.scanner, monitor_ms=180_000)
    world.run = world.new_run()
    for _ in range(5):
        world.step()
    assert world.payment(payment.id).status is Status.PAID
    assert world.run.due()
    world.chain.reorg(7, drop=[tx])
    world.run.watch.round_at = 0
    world.sweeper.payments.commit(
        world.recorder("sweep").step(world.payment(payment.id), quiet(world.payment(payment.id), world.clock.at))
    )
    world.run.one()
    assert world.stores.access.gates(["anvil"])["anvil"].paused
    assert world.payment(payment.id).status is Status.PAID
    assert world.run.due()
    world.run.one()
    assert world.payment(payment.id).status is Status.PENDING
    assert not world.run.due()


def test_one_broken_payment_does_not_stop_the_chain():
    """It is named in an alarm, and the others go on."""
    world = World()
    broken, sound = world.create(COIN), world.create(COIN)
    for payment in (broken, sound):
        world.chain.deposit(payment.due.address, COIN)
    commit = world.stores.payments.commit

    def refuse(change):
        if change.after.id == broken.id:
            raise TypeError("a bug")
        commit(change)

    world.stores.payments.commit = refuse
    world.step(4)
    assert world.payment(sound.id).status is Status.PAID
    assert world.log.alarms() == ["payment_broken"]


def test_a_second_provider_must_agree_to_what_comes_later_too():
    """A small payment does not open the door for a large excess."""
    world = World()
    world.agree_above = {"ETH": 10 * COIN}
    world.scanner = world.new_scanner()
    world.run = world.new_run()
    payment = paid_coin(world)
    world.chain.deposit(payment.due.address, 100 * COIN)
    world.step(6)
    assert world.payment(payment.id).own.credited == COIN
    world.chain.second = lambda at, holding: world.chain.balances(at, [holding])[0]
    world.step()
    assert world.payment(payment.id).own.credited == 101 * COIN


def test_a_failure_to_tell_is_not_a_failure_to_do():
    """The payment is stored: its merchant gets it, and the relay tells later."""
    world = World()

    class Broken:
        def __getattr__(self, name):
            def fail(*_, **__):
                raise ConnectionError(name)

            return fail

    creator = replace(world.creator, jobs=BestEffort(Broken(), world.log))
    world.creator = creator
    payment = world.create(webhook_url="https://shop.example/hooks")
    assert world.payment(payment.id).status is Status.PENDING
    world.clock.at += 20_000
    assert world.relay.run() == 1


def test_chains_that_nobody_paid_on_get_their_daily_round_too():
    """A buyer may send on the wrong network, where nothing was ever due."""
    world = World()
    world.create()
    starter = ScanStarter(
        networks={"anvil": NETWORK, "bsc": replace(NETWORK, name="bsc")},
        access=world.stores.access,
        money=world.stores.money,
        jobs=world.jobs,
        clock=world.clock,
        log=world.log,
    )
    starter.run()
    world.jobs.scans.clear()
    world.clock.at += 90_000_000
    assert "bsc" in starter.run()


@pytest.mark.parametrize("host", ["a..b", ".", "x" * 70, "-a.example", "a_b.example", "xn--" + "z" * 64, "a" * 254])
def test_a_host_that_no_resolver_takes_is_refused(host):
    """It would fail below the HTTP client, once a minute, for every merchant."""
    with pytest.raises(InvalidField):
        check_url("webhook_url", f"https://{host}/", plain_http=False)


@pytest.mark.parametrize(
    "url", ["https://shop.example/x?y=1", "https://a-b.shop.example:8443/", "https://xn--bcher-kva.example/"]
)
def test_ordinary_hosts_are_accepted(url):
    """Dashes, ports and internationalised names."""
    check_url("webhook_url", url, plain_http=False)
    check_url("webhook_url", "http://127.0.0.1:9000/hooks", plain_http=True)
    check_url("webhook_url", "http://[::1]:9000/hooks", plain_http=True)
