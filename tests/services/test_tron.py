"""A payment's life on Tron: only final blocks decide, nothing is sent twice, and energy is lent, rented or burnt."""

from dataclasses import replace

import pytest

from ctrip.domain.chains.kinds import address_path
from ctrip.domain.chains.tron.transaction import Transaction
from ctrip.domain.errors import SigningRefused, Unavailable
from ctrip.domain.ledger.entries import GAS_EXPENSE, GAS_STATION, ON_ADDRESSES
from ctrip.domain.ledger.entries import TREASURY as TREASURY_ACCOUNT
from ctrip.domain.payments.payment import Flag, Status
from ctrip.domain.sweeping.sweep import Kind, TransactionState
from tests.fakes.tron import FIRST, HOLDER, LAG, PRICES
from tests.support.ledger import entries_of
from tests.tron_world import RULES, TREASURY, TRX, USDT, TronWorld

OVER = 700  # seconds after which a sweep that was not mined is over, and certainly so


@pytest.fixture
def world() -> TronWorld:
    """A stage with Tron alone."""
    return TronWorld()


def moved(world: TronWorld, debit: str, credit: str, asset: str = "native") -> int:
    """Sum what the ledger moved from one account to another."""
    entries = entries_of(world.stores)
    return sum(each.amount for each in entries if (each.debit, each.credit, each.asset) == (debit, credit, asset))


# -- what decides


def test_a_broadcast_that_is_never_mined_is_never_credited(world: TronWorld) -> None:
    """The full side shows it at once, and for as long as it waits."""
    payment = world.create(5 * TRX)
    world.chain.deposit(payment.due.address, 5 * TRX)
    assert world.chain.account(payment.due.address).balance == 5 * TRX
    for _ in range(5):
        world.run.one()
    assert world.payment(payment.id).status is Status.PENDING
    world.chain.pool.clear()
    world.step(2 * LAG)
    assert (world.payment(payment.id).status, world.payment(payment.id).seen.amount_received) == (Status.PENDING, 0)


def test_what_is_mined_is_detected_and_paid_once_it_is_final_and_at_once(world: TronWorld) -> None:
    """No state between: what is seen is final."""
    payment = world.create(5 * TRX)
    world.chain.deposit(payment.due.address, 5 * TRX)
    world.step(LAG)
    assert world.payment(payment.id).status is Status.PENDING
    world.step()
    after = world.payment(payment.id)
    assert (after.status, after.own.credited) == (Status.PAID, 5 * TRX)
    assert world.log.alarms() == []


def test_a_block_that_vanishes_before_it_was_final_has_credited_nothing(world: TronWorld) -> None:
    """And what is mined again on the other side of the fork is credited once."""
    payment = world.create(5 * TRX)
    world.chain.deposit(payment.due.address, 5 * TRX)
    world.step(LAG)
    world.chain.fork()
    for _ in range(LAG):
        world.run.one()
        assert world.payment(payment.id).own.credited == 0
        world.step()
    world.step()
    assert world.payment(payment.id).own.credited == 5 * TRX


def test_a_pass_that_a_new_block_interrupts_goes_on_there(world: TronWorld) -> None:
    """What was told of one block is decided on it, the rest on the next one, in the same pass; nothing is mixed."""
    payments = [world.create(5 * TRX) for _ in range(4)]
    for each in payments:
        world.chain.deposit(each.due.address, 5 * TRX)
    world.chain.mine(LAG + 1)
    world.clock.at += (LAG + 1) * 1000
    world.chain.goes_on_after = 2
    first = world.chain.head()
    world.run.one()
    seen = [world.payment(each.id) for each in payments]
    assert {each.status for each in seen} == {Status.PAID}
    assert sorted(each.seen.observations[-1].block_number - first.number for each in seen) == [0, 0, 1, 1]


def test_a_sweep_that_is_final_only_where_a_pass_goes_on_is_no_alarm(world: TronWorld) -> None:
    """It was signed a minute ago, as each is that becomes final, and its receipt is asked for by the next pass."""
    payment = world.paid()
    world.sweep()
    world.step(LAG, seconds=25)
    assert world.held(payment.due.address) == 0
    (sweep,) = world.sent(payment.due.address)
    world.chain.goes_on_after = 0
    world.run.one()
    assert (sweep.state, world.sent(payment.due.address)) == (TransactionState.SIGNED, [sweep])
    assert "own_transaction_unclear" not in world.log.alarms()
    world.settle()
    assert world.payment(payment.id).status is Status.SETTLED


@pytest.mark.parametrize("daily", [False, True])
def test_what_a_look_for_other_assets_could_not_read_is_read_on_the_next_block(world: TronWorld, daily: bool) -> None:
    """Unknown is not nothing: a round that went on would not have come back for a day."""
    payments = [world.create(5 * TRX) for _ in range(3)]
    world.run.one()
    for each in payments:
        world.chain.deposit(each.due.address, 7 * TRX, USDT.address)
    world.chain.mine(LAG + 1)
    world.clock.at += (LAG + 1) * 1000
    world.chain.goes_on_after = 1
    finder, at, fence = world.scanner.strays, world.chain.head(), world.run.fence
    found = finder.daily(at, fence) if daily else finder.beside(list(world.run.watch.rows.values()), [], at, fence)
    assert [[stray.amount for stray in each.seen.strays] for each in found] == [[7 * TRX]] * 3


# -- sweeps


def test_coin_is_swept_whole_and_for_nothing(world: TronWorld) -> None:
    """The free bytes of an account pay: nothing is left behind."""
    payment = world.paid(30 * TRX)
    before = world.held(TREASURY)
    world.settle(12)
    assert world.payment(payment.id).status is Status.SETTLED
    assert (world.held(TREASURY) - before, world.held(payment.due.address)) == (30 * TRX, 0)
    assert moved(world, GAS_EXPENSE, ON_ADDRESSES) == 0
    assert world.log.alarms() == []


def test_the_third_sweep_of_a_day_leaves_what_its_bytes_cost(world: TronWorld) -> None:
    """Two fit into the free bytes."""
    payment = world.paid(30 * TRX)
    world.chain.chain[-1].state.bytes_used[payment.due.address] = 550
    before = world.held(TREASURY)
    world.settle(12)
    assert world.payment(payment.id).status is Status.SETTLED
    assert world.held(TREASURY) - before == 30 * TRX - 270 * PRICES.byte


def test_a_token_is_swept_with_coin_that_burns_as_energy(world: TronWorld) -> None:
    """Without stake: one gift activates the address and pays, and little is left behind."""
    payment = world.paid(50 * TRX, asset="USDT")
    world.settle(24)
    assert world.payment(payment.id).status is Status.SETTLED
    assert (world.held(TREASURY, USDT.address), world.held(payment.due.address, USDT.address)) == (50 * TRX, 0)
    (gift,) = world.sent(world.station)
    (sweep,) = world.sent(payment.due.address)
    assert (gift.kind, gift.amount, gift.fee) == (Kind.FUND, FIRST * 11 // 10 * PRICES.energy, PRICES.activation)
    assert (sweep.fee, sweep.state) == (FIRST * PRICES.energy, TransactionState.FINAL)
    assert moved(world, ON_ADDRESSES, GAS_STATION) == gift.amount
    assert moved(world, GAS_EXPENSE, ON_ADDRESSES) == sweep.fee
    assert moved(world, TREASURY_ACCOUNT, ON_ADDRESSES, USDT.key) == 50 * TRX
    assert world.log.alarms() == []


def test_a_token_is_swept_with_energy_that_a_staked_station_lends(world: TronWorld) -> None:
    """Activated with one sun, lent, swept at no cost, and taken back by the next job."""
    world.chain.freeze(world.station, 10 * TRX)
    payment = world.paid(50 * TRX, asset="USDT")
    world.settle(30)
    assert world.payment(payment.id).status is Status.SETTLED
    (sweep,) = world.sent(payment.due.address)
    assert sweep.fee == 0
    other = world.paid(50 * TRX, asset="USDT")
    world.settle(30)
    assert world.payment(other.id).status is Status.SETTLED
    kinds = [(each.kind, each.amount, each.state) for each in world.sent(world.station)]
    final = TransactionState.FINAL
    assert kinds.count((Kind.FUND, 1, final)) == 2
    assert kinds.count((Kind.FUND, 0, final)) == 2
    assert (Kind.RECLAIM, 0, final) in kinds
    assert payment.due.address not in dict(world.chain.lent(world.station))
    assert world.log.alarms() == []


def test_loans_are_listed_once_in_a_job_and_each_is_ended_once(world: TronWorld) -> None:
    """A list costs a request for each loan; a node that has not heard of what ends one goes on to list it."""
    world.chain.freeze(world.station, 50 * TRX)
    payments = [world.create(50 * TRX, asset="USDT") for _ in range(4)]
    for each in payments:
        world.chain.deposit(each.due.address, 50 * TRX, USDT.address)
    world.settle(30)
    assert {world.payment(each.id).status for each in payments} == {Status.SETTLED}
    world.chain.deaf, before = True, world.chain.lists
    world.sweeper.sweep(USDT.key)
    assert world.chain.lists - before == 1
    world.chain.drop()
    assert len(world.chain.lent(world.station)) == 4
    world.sweeper.sweep(USDT.key)
    assert [each.kind for each in world.sent(world.station)].count(Kind.RECLAIM) == 4


def test_what_a_held_payment_was_lent_is_taken_back(world: TronWorld) -> None:
    """Nothing of it is swept, for however long a person takes."""
    world.chain.freeze(world.station, 10 * TRX)
    payment = world.paid(50 * TRX, asset="USDT")
    for _ in range(30):
        if world.chain.lent(world.station):
            break
        world.step()
        world.sweep()
    world.step(LAG + 1)
    assert world.chain.lent(world.station)
    held = world.payment(payment.id)
    kept = world.stores.payments._state.payments
    kept[payment.id] = held.changed(flags=held.flags | {Flag.HELD})
    world.sweeper.sweep(USDT.key)
    world.step(LAG + 1)
    assert world.chain.lent(world.station) == []


def test_energy_that_somebody_rented_is_used_before_anything_is_given(world: TronWorld) -> None:
    """By one rule, whoever lent it: an account that is there needs nothing of ours."""
    payment = world.paid(50 * TRX, asset="USDT")
    world.chain.deposit(payment.due.address, 1)
    world.chain.lend("TRenter", payment.due.address, 10 * TRX)
    world.settle(24)
    assert world.payment(payment.id).status is Status.SETTLED
    assert world.sent(world.station) == []
    assert [each.fee for each in world.sent(payment.due.address)] == [0]


def test_the_limit_of_a_call_covers_borrowed_energy_too(world: TronWorld) -> None:
    """A node counts that against it at its price."""
    payment = world.paid(50 * TRX, asset="USDT")
    world.chain.lend("TRenter", payment.due.address, 10 * TRX)
    world.chain.deposit(payment.due.address, 1)
    world.settle(16)
    (sweep,) = world.sent(payment.due.address)
    assert sweep.state is TransactionState.FINAL
    assert sweep.block_number is not None
    sent = world.chain.chain[sweep.block_number].held[str(sweep.tx_hash)][0]
    assert isinstance(sent, Transaction)
    assert sent.fee_limit == FIRST * 5 // 4 * PRICES.energy


@pytest.mark.parametrize("paused", [True, False])
def test_a_token_that_refuses_is_found_out_before_anything_is_spent(world: TronWorld, paused: bool) -> None:
    """Paused, or the address is blacklisted: held back, and swept once it goes."""
    payment = world.paid(50 * TRX, asset="USDT")
    world.chain.paused = paused
    world.chain.blacklist = set() if paused else {payment.due.address}
    world.settle(8)
    assert world.sent(world.station) == []
    assert world.sent(payment.due.address) == []
    assert "sweep_reverts" in world.log.alarms()
    world.chain.paused, world.chain.blacklist = False, set()
    world.step(seconds=120)
    world.settle(24)
    assert world.payment(payment.id).status is Status.SETTLED


def test_an_address_for_which_another_key_may_sign_is_an_alarm_and_is_given_nothing(world: TronWorld) -> None:
    """Whatever is sent there may be gone at once."""
    payment = world.paid(50 * TRX, asset="USDT")
    world.chain.deposit(payment.due.address, 1)
    world.chain.mine()
    world.chain.foreign.add(payment.due.address)
    world.settle(8)
    assert (world.sent(world.station), world.sent(payment.due.address)) == ([], [])
    assert "account_permission_changed" in world.log.alarms()


# -- sending


def test_the_same_bytes_are_offered_until_their_time_is_over_and_then_made_anew(world: TronWorld) -> None:
    """Never two at once: the second is made once a final block's time is past the first one's."""
    payment = world.paid(30 * TRX)
    world.chain.deaf = True
    world.sweep()
    for _ in range(20):
        world.chain.drop()
        world.step(seconds=10)
        world.sweep()
    (first,) = world.sent(payment.due.address)
    assert (first.state, set(world.chain.sent)) == (TransactionState.SIGNED, {first.attempts[0].tx_hash})
    world.step(seconds=OVER)
    world.step(LAG + 1)
    assert world.sent(payment.due.address)[0].state is TransactionState.EXPIRED
    world.chain.deaf = False
    world.settle(12)
    states = [each.state for each in world.sent(payment.due.address)]
    assert states == [TransactionState.EXPIRED, TransactionState.FINAL]
    assert world.payment(payment.id).status is Status.SETTLED
    assert world.held(TREASURY) == 30 * TRX + 1


def test_nothing_is_sent_while_the_final_blocks_stand_still(world: TronWorld) -> None:
    """What names such a block would be over before it is mined; the scanner raises the alarm."""
    payment = world.paid(30 * TRX)
    world.clock.at += 400_000
    with pytest.raises(Unavailable):
        world.sweep()
    assert world.sent(payment.due.address) == []
    world.run.one()
    assert "stale_head" in world.log.alarms()
    world.chain.mine(2 * LAG, seconds=100)
    world.settle(12)
    assert world.payment(payment.id).status is Status.SETTLED


def test_one_that_was_mined_and_is_past_its_expiry_is_not_sent_twice(world: TronWorld) -> None:
    """A node answers "expired" to it as to one that never was; the final side knows it."""
    payment = world.paid(30 * TRX)
    world.sweep()
    world.chain.mine(1)
    world.chain.mine(LAG - 1, seconds=OVER)  # mined, not final yet, and its time is over by the head's clock
    world.clock.at = world.chain.chain[-1].block.time
    for _ in range(3):
        world.run.one()
        world.sweep()
    assert len(world.sent(payment.due.address)) == 1
    world.settle(8)
    (sweep,) = world.sent(payment.due.address)
    assert (sweep.state, world.payment(payment.id).status) == (TransactionState.FINAL, Status.SETTLED)


def test_a_receipt_that_nobody_shows_is_no_proof_that_nothing_was_mined(world: TronWorld) -> None:
    """Its time is over by a final block, and what became of it is unknown: nothing is sent in its place."""
    payment = world.paid(30 * TRX)
    world.sweep()
    world.chain.hides = True
    world.step()
    world.step(LAG + 1, seconds=OVER)
    for _ in range(3):
        world.step()
        world.sweep()
    (sweep,) = world.sent(payment.due.address)
    assert (sweep.state, world.payment(payment.id).own.pending) == (TransactionState.SIGNED, sweep.key)
    assert world.chain.sent == [sweep.attempts[0].tx_hash]
    world.chain.hides = False
    world.settle(8)
    assert [each.state for each in world.sent(payment.due.address)] == [TransactionState.FINAL]


def test_what_waits_to_be_mined_is_not_spent_twice(world: TronWorld) -> None:
    """The final side still shows what the gas station has given away already."""
    payments = [world.paid(50 * TRX, asset="USDT") for _ in range(2)]
    for mined in world.chain.chain:
        mined.state.coin[world.station] = 7 * TRX
    world.chain.deaf = True
    world.step()
    world.sweep()
    assert len(world.sent(world.station)) == 1
    assert "gas_station_low" in world.log.alarms()
    assert len(payments) == 2


def test_a_broadcast_whose_answer_is_lost_is_one_transaction(world: TronWorld) -> None:
    """The same bytes are offered again; nothing is signed anew."""
    payment = world.paid(30 * TRX)
    world.chain.taken_in_silence = 1
    with pytest.raises(Exception, match="cut"):
        world.sweep()
    world.settle(12)
    (sweep,) = world.sent(payment.due.address)
    assert (len(sweep.attempts), sweep.state) == (1, TransactionState.FINAL)
    assert world.held(TREASURY) == 30 * TRX + 1


def test_a_fork_that_takes_a_sweep_out_has_the_same_bytes_mined_again(world: TronWorld) -> None:
    """They name a final block, so that they are good on any side of it."""
    payment = world.paid(30 * TRX)
    world.sweep()
    world.step()
    world.chain.fork()
    world.clock.at = world.chain.chain[-1].block.time
    world.settle(12)
    (sweep,) = world.sent(payment.due.address)
    assert (sweep.state, world.payment(payment.id).status) == (TransactionState.FINAL, Status.SETTLED)
    assert set(world.chain.sent) == {sweep.tx_hash}


def test_gifts_to_many_addresses_are_many_transactions_of_one_block(world: TronWorld) -> None:
    """There are no nonces: no two are the same, and none waits for another."""
    payments = [world.paid(50 * TRX, asset="USDT") for _ in range(4)]
    world.settle(24)
    assert {world.payment(each.id).status for each in payments} == {Status.SETTLED}
    gifts = world.sent(world.station)
    assert len({each.slot for each in gifts}) == len(gifts) == 4
    assert world.held(TREASURY, USDT.address) == 200 * TRX


def test_two_transactions_alike_are_two(world: TronWorld) -> None:
    """The same sender, recipient and amount on the same block: without a nonce their times tell them apart."""
    transfers = world.sweeper.transfers(world.network, world.chain, world.clock, world.log)
    from ctrip.domain.sweeping.plan import Order, Quote
    from ctrip.domain.sweeping.sweep import OutgoingTransaction

    order = Order(world.station, None, TREASURY, 5)
    one = transfers.give(order, Quote(0), None)
    last = OutgoingTransaction(
        chain="tron",
        sender=world.station,
        slot=one.slot,
        path="",
        kind=Kind.PAYOUT,
        members=(),
        asset="native",
        token=None,
        to=TREASURY,
    )
    other = transfers.give(order, Quote(0), last)
    assert one.slot < other.slot
    assert one.transaction.fields() != other.transaction.fields()


# -- the signer


def test_the_signer_compares_on_tron_as_anywhere(world: TronWorld) -> None:
    """Another destination, another sender, a limit above the cap, coin beside a token, energy lent elsewhere."""
    payment = world.paid(30 * TRX)
    world.chain.deaf = True
    world.sweep()
    (sweep,) = world.sent(payment.due.address)
    good = next(each for each in world.chain.pool.values() if isinstance(each, Transaction))
    good = replace(good, ref_block=int(world.chain.reference().number))
    path = payment.due.derivation_path
    assert world.signer.sign("tron", path, sweep.sender, good).tx_hash == good.tx_hash
    for change in (
        {"to": world.station},
        {"sender": TREASURY},
        {"data": "00" * 4, "fee_limit": 10**9},
        {"lends": True},
        {"takes_back": True},
    ):
        with pytest.raises(SigningRefused):
            world.signer.sign("tron", path, sweep.sender, replace(good, **change))
    station = address_path(RULES, 0, 1)
    for to, recipient in ((TREASURY, path), (payment.due.address, None), (payment.due.address, station)):
        lending = replace(good, sender=world.station, to=to, amount=TRX, lends=True)
        with pytest.raises(SigningRefused):
            world.signer.sign("tron", station, world.station, lending, recipient_path=recipient)
    lending = replace(good, sender=world.station, to=payment.due.address, amount=TRX, lends=True)
    assert world.signer.sign("tron", station, world.station, lending, recipient_path=path).tx_hash == lending.tx_hash


def test_an_address_on_tron_is_another_than_on_an_evm_chain(world: TronWorld) -> None:
    """Of the merchant's own account on the path of the kind."""
    payment = world.create(TRX)
    path = address_path(RULES, 1, 0)
    assert (payment.due.derivation_path, path) == (path, "m/44'/195'/1'/0/0")
    assert payment.due.address == world.stage.adapters.wallet().address("tron", path)
    assert payment.due.address.startswith("T")
    assert HOLDER < FIRST
