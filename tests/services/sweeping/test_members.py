"""One own transaction for many payments: each is settled by its own part of the receipt, and once."""

import contextlib
from dataclasses import replace

import pytest

from ctrip.domain.chains.chain import Receipt, TokenTransfer
from ctrip.domain.chains.evm.transaction import slot_of
from ctrip.domain.errors import Busy
from ctrip.domain.ledger.entries import GAS_EXPENSE, GAS_STATION, ON_ADDRESSES, TOKEN_FEE_EXPENSE
from ctrip.domain.ledger.entries import TREASURY as TREASURY_ACCOUNT
from ctrip.domain.payments.payment import Flag, Status
from ctrip.domain.sweeping.sweep import Member, TransactionState
from tests.fakes.chain import FakeChain
from tests.fakes.clock import T0
from tests.support.ledger import entries_of
from tests.support.objects import attempt, transaction
from tests.world import STATION, TREASURY, USDC, World

HASH = "0x" + "ab" * 32
FEE = 90_000


class Batching(FakeChain):
    """Shows a transaction of the operator's that takes tokens from many addresses, as a batch contract does."""

    members: tuple[tuple[str, int], ...] = ()
    mined_at = 0
    kept = 0

    def take(self):
        """Mine the batch in the next block."""
        for address, amount in self.members:
            self.burn(address, amount, USDC.address)
        self.deposit(TREASURY, sum(amount - self.kept for _, amount in self.members), USDC.address)
        self.mine()
        self.mined_at = self.head().number
        self.chain[-1].nonces[STATION.lower()] = 1

    def known(self, tx_hash):
        return tx_hash == HASH or super().known(tx_hash)

    def receipt(self, tx_hash):
        if tx_hash != HASH or not self.mined_at:
            return super().receipt(tx_hash)
        token, moved = USDC.address, []
        for address, amount in self.members:
            moved.append(TokenTransfer(token, address.lower(), TREASURY, amount - self.kept, len(moved)))
            if self.kept:
                moved.append(TokenTransfer(token, address.lower(), "0x" + "33" * 20, self.kept, len(moved)))
        block = self.chain[self.mined_at].block
        return Receipt(HASH, block.number, block.hash, True, FEE, 0, STATION.lower(), "0x" + "77" * 20, tuple(moved))


def batch(amounts=(1_000, 2_000, 3_000)):
    """Three payments that are paid, and one signed transaction that sweeps all of them."""
    world = World(chain=Batching(T0))
    payments = [world.create(amount, token_id=USDC.id) for amount in amounts]
    for payment in payments:
        world.chain.deposit(payment.due.address, payment.due.amount, USDC.address)
    world.step(5)
    world.jobs.sweeps.clear()
    world.chain.members = tuple((payment.due.address, payment.due.amount) for payment in payments)
    members = tuple(
        Member(payment_id=each.id, merchant_id="m1", path=each.due.derivation_path, address=each.due.address)
        for each in payments
    )
    made = transaction(
        sender=STATION,
        path="m/44'/60'/0'/0/1",
        members=members,
        asset=USDC.id,
        token=USDC.address,
        to=TREASURY,
        attempts=(attempt(tx_hash=HASH, amount=sum(amounts), head=world.chain.head().number, at=world.clock.at),),
        created_at=world.clock.at,
        updated_at=world.clock.at,
    )
    assert made.slot == slot_of(0)
    world.stores.money.write_transaction(None, made)
    state = world.stores.payments._state
    for payment in payments:
        state.payments[payment.id] = state.payments[payment.id].changed(pending=made.key)
    world.scanner = world.new_scanner()
    world.run = world.new_run()
    return world, payments


def posted(world, debit, credit):
    """Sum what was posted from one account to another, and say in how many entries."""
    entries = [e for e in entries_of(world.stores) if (e.debit, e.credit) == (debit, credit)]
    assert len({entry.id for entry in entries}) == len(entries)
    return sum(entry.amount for entry in entries), len(entries)


def state_of(world):
    return world.stores.money.transactions_of("anvil", STATION)[0]


def assert_settled(world, payments):
    for payment in payments:
        after = world.payment(payment.id)
        assert (after.status, after.flags, after.own.pending) == (Status.SETTLED, frozenset(), None)
        (sweep,) = after.own.sweeps
        assert (sweep.tx_hash, sweep.status, sweep.amount) == (HASH, "final", payment.due.amount - world.chain.kept)
    total, kept = sum(payment.due.amount for payment in payments), world.chain.kept * len(payments)
    assert posted(world, TREASURY_ACCOUNT, ON_ADDRESSES) == (total - kept, len(payments))
    assert posted(world, GAS_EXPENSE, GAS_STATION) == (FEE, 1)  # what it cost, once, and of the operator's coin
    assert posted(world, TOKEN_FEE_EXPENSE, ON_ADDRESSES) == (kept, len(payments) if kept else 0)
    assert state_of(world).state is TransactionState.FINAL


@pytest.mark.parametrize("kept", [0, 7], ids=["whole", "a token that keeps a share"])
def test_each_payment_is_settled_by_its_own_part_of_the_receipt(kept):
    """While it is mined and not final, no payment looks as if money had been taken from it."""
    world, payments = batch()
    world.chain.kept = kept
    world.step(2)
    world.chain.take()
    world.clock.at += 1_000
    world.run.one()
    for payment in payments:
        shown = world.sweeps(payment.id)
        assert [(each["status"], each["amount"]) for each in shown] == [("mined", payment.due.amount - kept)]
        assert world.payment(payment.id).status is Status.PAID
    world.step(6)
    world.step(2)
    assert_settled(world, payments)
    assert world.log.alarms() == []


@pytest.mark.parametrize("commits", [0, 1, 2])
def test_a_process_that_dies_between_two_members_leaves_the_rest_to_the_next_pass(commits):
    """Those that are settled stay as they are: nothing is posted or shown twice."""
    world, payments = batch()
    world.chain.take()
    world.clock.at += 1_000
    world.run.one()
    commit, done = world.stores.payments.commit, []

    def dying(given):
        if given.after.own.sweeps:
            if len(done) == commits:
                raise Busy
            done.append(given)
        return commit(given)

    world.stores.payments.commit = dying
    with contextlib.suppress(Busy):
        world.step(6)
    settled = [world.payment(each.id).status is Status.SETTLED for each in payments]
    assert settled == [place < commits for place in range(3)]
    world.stores.payments.commit = commit
    world.run = world.new_run()
    world.step(1)
    world.step(1)
    assert_settled(world, payments)


def test_while_nobody_can_tell_its_fate_every_member_waits():
    """A nonce that is used without a receipt leaves all of them undecided, and each address reserved."""
    world, payments = batch()
    world.chain.chain[-1].nonces[STATION.lower()] = 1
    world.step(1)
    found = world.scanner.follower.follow(world.chain.head(), world.chain.head().number, world.run.fence)
    assert found.unsure == {payment.id for payment in payments}
    assert all(world.payment(each.id).own.pending for each in payments)


def test_a_batch_that_went_to_another_frees_all_of_its_addresses():
    """As one of a single payment does."""
    world, payments = batch()
    world.chain.chain[-1].nonces[STATION.lower()] = 1
    for _ in range(30):
        world.step()
    assert state_of(world).state is TransactionState.LOST
    assert [world.payment(each.id).own.pending for each in payments] == [None] * 3
    assert "slot_taken" in world.log.alarms()


def test_a_final_batch_that_a_reorganisation_takes_out_is_taken_back_for_every_member():
    """However final it seemed: payments, ledger and the transaction itself are as they were before."""
    world, payments = batch()
    world.chain.take()
    world.step(6)
    world.step(1)
    world.step(1)
    final = state_of(world)
    assert final.state is TransactionState.FINAL
    after = world.scanner.follower.reopen(world.payment(payments[0].id), final.key, world.run.fence)
    assert {payment.id for payment in after} == {payment.id for payment in payments}
    for payment in payments:
        back = world.payment(payment.id)
        assert (back.own.pending, back.own.sweeps, back.own.moves) == (final.key, (), ())
    assert posted(world, ON_ADDRESSES, TREASURY_ACCOUNT) == (6_000, 3)
    assert posted(world, GAS_STATION, GAS_EXPENSE) == (FEE, 1)


def test_a_held_member_keeps_a_batch_from_being_hurried_as_it_is():
    """Its slot is used for nothing: the money of the held payment stays where it is."""
    world, payments = batch()
    state = world.stores.payments._state
    state.payments[payments[1].id] = replace(state.payments[payments[1].id], flags=frozenset({Flag.HELD}))
    world.sweeper.sweep(USDC.id)
    last = state_of(world).attempts[-1]
    assert (last.cancels, last.value, last.amount) == (True, 0, 0)
