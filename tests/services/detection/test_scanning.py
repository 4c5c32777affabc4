"""A gateway in memory, from creation to settlement, with everything that may come between."""

from dataclasses import replace

import pytest

from ctrip.chains.evm.terms import terms_of
from ctrip.domain.errors import Unavailable
from ctrip.domain.jobs import SweepJob
from ctrip.domain.ledger.entries import EntryType
from ctrip.domain.payments.payment import Flag, Late, Policy, Status, Tier
from ctrip.domain.sweeping.sweep import TransactionState
from tests.support.ledger import entries_of, owed_to
from tests.world import NETWORK, ORIGIN, TREASURY, USDC, World


def types(world, payment_id=None):
    """The types of the events committed so far, in order."""
    events = [c.event for c in world.stores.payments.commits if c.event]
    return [e.type for e in events if payment_id in (None, e.payment_id)]


LIFE = ["payment.created", "payment.detected", "payment.confirmed", "payment.paid", "payment.settled"]


def test_a_coin_payment_is_settled_with_nothing_left_behind():
    """The treasury gets the amount less the sweep's gas, and the address is empty."""
    world = World()
    payment = world.create(10**18)
    world.chain.deposit(payment.due.address, 10**18)
    world.settle()
    after = world.payment(payment.id)
    assert (after.status, types(world)) == (Status.SETTLED, LIFE)
    transaction = world.stores.money.transactions_of("anvil", payment.due.address)[0]
    assert world.chain.total(None, [payment.due.address]) == 0
    assert world.chain.total(None, [TREASURY]) == 10**18 - transaction.fee == after.own.sweeps[0].amount
    assert (after.own.sweeps[0].status, after.tier) == ("final", Tier.MONITORED)


def test_a_token_payment_is_funded_and_swept_whole():
    """The gas station pays, the treasury gets every base unit."""
    world = World()
    payment = world.create(12_500_000, asset="USDC")
    world.chain.deposit(payment.due.address, 12_500_000, USDC.address)
    world.settle(20)
    assert (world.payment(payment.id).status, types(world)) == (Status.SETTLED, LIFE)
    assert world.chain.total(USDC.address, [TREASURY]) == 12_500_000
    assert [i.state for i in world.stores.money.transactions_of("anvil", payment.due.address)] == [
        TransactionState.FINAL
    ]


def test_our_own_moves_never_look_like_a_payment_or_an_outflow():
    """Gas arriving at a coin address of a token payment, the sweep itself: received is unchanged throughout."""
    world = World()
    coin, token = world.create(10**18), world.create(5_000, asset="USDC")
    world.chain.deposit(coin.due.address, 10**18)
    world.chain.deposit(token.due.address, 5_000, USDC.address)
    for _ in range(25):
        world.step()
        world.sweep()
        assert world.payment(coin.id).seen.amount_received in (0, 10**18)
        assert world.payment(token.id).seen.amount_received in (0, 5_000)
    assert world.log.alarms() == []


def test_three_missed_days_are_caught_up_in_one_pass():
    """State is asked for, not history: one pass decides what 1,000 blocks hid."""
    world = World()
    payments = [world.create(1000 + n, webhook_url=None) for n in range(12)]
    world.step()
    for payment in payments:
        world.chain.deposit(payment.due.address, payment.due.amount)
    world.chain.mine(1000)
    before = world.chain.requests
    world.run.one()
    assert all(world.payment(p.id).status is Status.PAID for p in payments)
    explanations, other_assets = 12, 2
    assert world.chain.requests - before - explanations - other_assets <= 4


def test_a_node_that_is_down_changes_nothing_and_the_next_pass_goes_on():
    """An outage is not zero."""
    world = World()
    payment = world.create()
    world.chain.deposit(payment.due.address, 1000)
    world.step()
    commits = len(world.stores.payments.commits)
    world.chain.down = True
    with pytest.raises(Unavailable):
        world.run.one()
    assert len(world.stores.payments.commits) == commits
    world.chain.down = False
    world.step(3)
    assert world.payment(payment.id).status is Status.PAID


def test_an_unknown_balance_decides_nothing():
    """A `balanceOf` that fails is not a balance of zero."""
    world = World()
    payment = world.create()
    world.chain.deposit(payment.due.address, 1000)
    world.step()
    world.chain.unknown.add(payment.due.address)
    world.step(10)
    assert world.payment(payment.id).status is Status.DETECTED


def test_money_that_no_log_explains_is_credited_and_shown_without_a_hash():
    """A selfdestruct, say: the balance decides, the explanation does not."""
    world = World()
    payment = world.create()
    world.chain.deposit(payment.due.address, 1000, explained=False)
    world.step()
    world.step(3)
    after = world.payment(payment.id)
    assert after.status is Status.PAID
    assert [(t.tx_hash, t.amount) for t in after.seen.transfers] == [(None, 1000)]


def test_a_payment_that_is_reorganised_away_comes_back_when_it_is_mined_again():
    """Undone and redone, both announced, credited once."""
    world = World()
    payment = world.create(10**9)
    tx = world.chain.deposit(payment.due.address, 10**9)
    world.step()
    world.chain.reorg(1, drop=[tx])
    world.run.one()
    assert world.payment(payment.id).status is Status.PENDING
    world.chain.deposit(payment.due.address, 10**9)
    world.settle()
    assert types(world) == [*LIFE[:2], "payment.reorged", *LIFE[1:]]
    assert [e.amount for e in entries_of(world.stores) if e.type is EntryType.DEPOSIT] == [10**9]


def test_confirmations_count_from_the_block_it_was_mined_in_again():
    """A reorganisation that keeps the payment moves it to another block: three confirmations from there."""
    world = World()
    payment = world.create()
    world.chain.deposit(payment.due.address, 1000)
    world.step()
    world.step()
    world.chain.reorg(2)
    world.run.one()
    assert world.payment(payment.id).status is Status.DETECTED
    world.step()
    assert world.payment(payment.id).status is Status.DETECTED
    world.step(2)
    assert world.payment(payment.id).status is Status.PAID


def test_a_reorganisation_beyond_the_confirmations_reverses_pauses_and_alarms():
    """The ledger nets to nothing, the chain is paused."""
    world = World()
    payment = world.create()
    tx = world.chain.deposit(payment.due.address, 1000)
    world.step(4)
    assert world.payment(payment.id).status is Status.PAID
    world.chain.reorg(5, drop=[tx])
    world.run.one()
    assert world.payment(payment.id).status is Status.PENDING
    assert owed_to(entries_of(world.stores), "available", "held") == 0
    assert world.log.alarms() == ["deep_reorg"]
    assert world.stores.access.gates(["anvil"])["anvil"].paused


def test_a_reorganised_sweep_is_sent_again_and_moves_the_money_once():
    """The same outgoing transaction, the same nonce, the same bytes."""
    world = World()
    payment = world.create(10**18)
    world.chain.deposit(payment.due.address, 10**18)
    for _ in range(4):
        world.step()
    world.sweep()
    world.step()
    swept = world.sweeps(payment.id)
    assert [s["status"] for s in swept] == ["mined"]
    world.chain.reorg(1, drop=[swept[0]["tx_hash"]])
    world.run.one()
    assert world.sweeps(payment.id) == []
    world.settle()
    assert world.payment(payment.id).status is Status.SETTLED
    assert len(world.stores.money.transactions_of("anvil", payment.due.address)) == 1
    assert world.log.alarms() == []


def test_a_crash_between_the_transaction_and_its_broadcast_ends_in_one_transfer():
    """The bytes are in the store; the next pass sends them."""
    world = World()
    payment = world.create(10**18)
    world.chain.deposit(payment.due.address, 10**18)
    world.step(4)
    broadcast, world.sweeper.chain.__class__.broadcast = world.chain.__class__.broadcast, _die
    try:
        with pytest.raises(SystemExit):
            world.sweep()
    finally:
        world.chain.__class__.broadcast = broadcast
    assert world.stores.money.transactions_of("anvil", payment.due.address)[0].state is TransactionState.SIGNED
    world.settle()
    assert world.payment(payment.id).status is Status.SETTLED
    assert len(world.signer.signed) == 1


def _die(self, raw):
    raise SystemExit


def test_a_transaction_that_no_block_takes_is_replaced_at_the_same_nonce_with_a_higher_fee():
    """At least an eighth more, the native value recomputed, one of the two is mined."""
    world = World()
    payment = world.create(10**18)
    world.chain.deposit(payment.due.address, 10**18)
    world.step(4)
    world.sweep()
    world.chain.base_fee = 1000
    for _ in range(12):
        world.step()
    world.sweep()
    transaction = world.stores.money.transactions_of("anvil", payment.due.address)[0]
    first, second = transaction.attempts
    assert terms_of(second).max_fee * 8 >= terms_of(first).max_fee * 9
    assert second.value == 10**18 - second.cost
    world.settle()
    after = world.payment(payment.id)
    assert (after.status, after.own.sweeps[0].tx_hash) == (Status.SETTLED, second.tx_hash)
    assert world.chain.total(None, [payment.due.address]) == 0


def test_the_older_of_two_scanners_writes_nothing_more():
    """A stale worker that wakes up late fails at its first write, and stops."""
    world = World()
    payment = world.create()
    world.step()
    stale = world.run
    world.run = world.new_run()
    world.chain.deposit(payment.due.address, 1000)
    world.chain.mine()
    assert world.scanner.attempt(stale) is False
    assert world.payment(payment.id).status is Status.PENDING
    world.run.one()
    assert world.payment(payment.id).status is Status.DETECTED


def test_a_stale_scanner_is_refused_by_the_transaction_itself():
    """Without any check of its own before it: the fence is a clause of every commit."""
    world = World()
    payment = world.create()
    world.chain.deposit(payment.due.address, 1000)
    world.chain.mine()
    stale = world.run
    world.stores.money.take("anvil")
    world.stores.money.beat = lambda tip: None
    assert world.scanner.attempt(stale) is False
    assert world.payment(payment.id).status is Status.PENDING


def test_a_late_payment_is_told_by_the_deadlines_block_also_when_its_pass_was_missed():
    """The state at the last block before the deadline is read, not guessed: on time here, late there."""
    for on_time in (True, False):
        world = World(policy=Policy(late=Late.REVIEW))
        payment = world.create(expires_in=60)
        world.step()
        if on_time:
            world.chain.deposit(payment.due.address, 1000)
        world.chain.mine(30)
        world.chain.mine(60)
        if not on_time:
            world.chain.deposit(payment.due.address, 1000)
        world.chain.mine(30)
        world.run.one()
        world.step(5)
        after = world.payment(payment.id)
        if on_time:
            assert (after.status, after.flags) == (Status.PAID, frozenset())
        else:
            assert (after.status, after.seen.amount_received) == (Status.EXPIRED, 1000)


def test_an_expired_payment_is_paid_late_where_the_merchant_accepts_that():
    """Within the monitoring window."""
    world = World()
    payment = world.create(10**9, expires_in=60)
    world.step(70)
    assert world.payment(payment.id).status is Status.EXPIRED
    world.chain.deposit(payment.due.address, 10**9)
    world.settle()
    after = world.payment(payment.id)
    assert (after.status, after.flags) == (Status.SETTLED, {Flag.LATE})


def test_a_cancelled_payment_is_not_paid_by_what_comes_later():
    """It is held for review; cancelling twice is refused elsewhere."""
    world = World()
    payment = world.create()
    world.closer.cancel("m1", payment.id, ORIGIN)
    world.chain.deposit(payment.due.address, 1000)
    world.step(6)
    after = world.payment(payment.id)
    assert (after.status, after.flags) == (Status.EXPIRED, {Flag.MANUAL, Flag.HELD})


def test_what_arrives_after_settlement_is_credited_and_swept_too():
    """Its own ledger entry, an overpaid event, a second sweep."""
    world = World()
    payment = world.create(10**18)
    world.chain.deposit(payment.due.address, 10**18)
    world.settle()
    world.chain.deposit(payment.due.address, 5 * 10**17)
    world.settle()
    after = world.payment(payment.id)
    deposits = [e.amount for e in entries_of(world.stores) if e.type is EntryType.DEPOSIT]
    assert deposits == [10**18, 5 * 10**17]
    assert (after.status, len(after.own.sweeps), types(world)[-1]) == (Status.SETTLED, 2, "payment.overpaid")
    assert world.chain.total(None, [payment.due.address]) == 0


def test_the_ledger_agrees_with_the_chain():
    """On addresses + treasury + gas station = what came in, less gas, for each asset."""
    world = World()
    coin, token = world.create(10**18), world.create(5_000, asset="USDC")
    world.chain.deposit(coin.due.address, 10**18)
    world.chain.deposit(token.due.address, 5_000, USDC.address)
    world.settle(25)
    entries = entries_of(world.stores)

    def account(name, asset):
        mine = [e for e in entries if e.asset == asset]
        return sum(e.amount for e in mine if e.debit == name) - sum(e.amount for e in mine if e.credit == name)

    addresses = [coin.due.address, token.due.address]
    assert account("treasury", "native") == world.chain.total(None, [TREASURY])
    assert account("treasury", USDC.id) == world.chain.total(USDC.address, [TREASURY]) == 5_000
    assert account("on_addresses", "native") == world.chain.total(None, addresses)
    assert account("on_addresses", USDC.id) == 0
    assert account("available:m1", "native") == -(10**18)
    assert {e.amount > 0 for e in entries} == {True}


def test_a_held_payment_is_not_swept():
    """A hold covers the whole address."""
    world = World()
    payment = world.create(10**18)
    world.chain.deposit(payment.due.address, 10**18)
    world.step(4)
    state = world.stores.payments._state
    state.payments[payment.id] = replace(world.payment(payment.id), flags=frozenset({Flag.HELD}))
    world.jobs.sweeps.append(SweepJob("anvil", "native"))
    world.sweep()
    assert world.signer.signed == []


def test_an_idle_chain_makes_no_call_and_no_query():
    """A closed gate ends the run before the first pass."""
    world = World()
    world.chain.requests = 0
    assert world.scanner.run(world.clock.at + 60_000) == 0
    assert world.chain.requests == 0


def test_a_run_loops_at_the_chains_rhythm_until_its_time_is_up():
    """One pass a second for ten seconds."""
    world = World()
    world.create()
    world.clock.on_wait = world.chain.mine
    passes = world.scanner.run(world.clock.at + 10_000)
    assert 9 <= passes <= 10


def test_a_warm_chain_gets_one_pass():
    """Past `hot_until` there is nothing to wait for."""
    world = World()
    world.stores.access.raise_gate("anvil", hot_until=0, warm_until=world.clock.at + 1, now=world.clock.at)
    assert world.scanner.run(world.clock.at + 60_000) == 1


def test_every_change_is_on_the_payments_own_audit_chain():
    """Each record carries the hash of the one before it."""
    from ctrip.domain.audit import holds

    world = World()
    payment = world.create()
    world.chain.deposit(payment.due.address, 1000)
    world.settle()
    records = world.stores.payments.audit(payment.id)
    assert [r.version for r in records] == list(range(1, world.payment(payment.id).version + 1))
    assert all(holds(record) for record in records)
    assert [r.previous for r in records] == ["", *[r.hash for r in records[:-1]]]


def test_the_network_of_these_tests_needs_three_confirmations():
    """The numbers above lean on it."""
    assert NETWORK.confirmations == 3


def paid_while_the_index_of_own_transactions_lags(later=0):
    """A paid payment; the sweep that is made `later` shows in no index, so that no scanner follows it yet."""
    world = World()
    payment = world.create(10**18)
    world.chain.deposit(payment.due.address, 10**18)
    world.step(4)
    assert world.payment(payment.id).status is Status.PAID
    world.step(1, seconds=later)
    world.sweep()
    shown, world.stores.money.unfinished = world.stores.money.unfinished, lambda chain: []
    return world, payment, shown


def test_a_scanner_that_does_not_know_of_a_sweep_yet_holds_nothing():
    """Its memory is older than the reservation, and the balance has fallen: its decision is stale, and it waits."""
    world, payment, shown = paid_while_the_index_of_own_transactions_lags()
    assert world.run.watch.read[payment.id].own.pending is None
    for _ in range(5):
        world.step()
        assert world.payment(payment.id).exception is None
    assert world.run.watch.read[payment.id].own.pending
    world.stores.money.unfinished = shown
    world.settle()
    assert (world.payment(payment.id).status, world.log.alarms()) == (Status.SETTLED, [])


def test_an_own_transaction_is_waited_for_from_its_signing_on():
    """However long its receipt is missing: a missing answer holds nobody, but somebody is told of it."""
    world, payment, shown = paid_while_the_index_of_own_transactions_lags(later=600)
    world.run = world.new_run()
    for _ in range(90):
        world.step()
        assert (world.payment(payment.id).exception, world.payment(payment.id).seen.amount_received) == (None, 10**18)
    assert world.log.alarms() == ["own_transaction_unclear"]
    world.stores.money.unfinished = shown
    world.settle()
    assert world.payment(payment.id).status is Status.SETTLED
