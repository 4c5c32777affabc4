"""Tokens of many payments swept by one transaction: who is in, what it moves, and what no member can do to another."""

from dataclasses import replace

import pytest

from ctrip.chains.evm.batches import ROOM
from ctrip.chains.evm.terms import member_terms, nonce_of, terms_of
from ctrip.domain.chains.evm.sweep_call import BATCH_SELECTOR
from ctrip.domain.errors import Busy, SigningRefused, Unavailable
from ctrip.domain.ledger.entries import GAS_EXPENSE, GAS_STATION, ON_ADDRESSES
from ctrip.domain.ledger.entries import TREASURY as TREASURY_ACCOUNT
from ctrip.domain.payments.payment import Flag, Status, Tier
from ctrip.domain.sweeping.sweep import Kind, TransactionState, could_explain
from ctrip.services.sweeping.collect_tokens import PREPARED_MS
from tests.support.ledger import entries_of
from tests.support.objects import attempt
from tests.world import _WALLET, NETWORK, TREASURY, USDC, World

SENT = attempt(gas=100_000, max_fee=50)
OPERATOR = _WALLET.address("evm", "m/44'/60'/0'/0/2")


class BatchWorld(World):
    """A chain with the contracts that sweep, and an operator with coin."""

    def __init__(self, **given):
        self.network = replace(getattr(self, "network", NETWORK), fee_cap=10**18)
        super().__init__(**given)
        self.chain.deploy(TREASURY, OPERATOR)
        self.chain.deposit(OPERATOR, 10**20)
        self.chain.mine()
        self.sweeper = self.stage.sweeping.new_sweeper("anvil", OPERATOR)

    def paid(self, *amounts):
        """Create payments of a token and let each be paid."""
        made = [self.create(amount, token_id=USDC.id) for amount in amounts]
        for payment in made:
            self.chain.deposit(payment.due.address, payment.due.amount, USDC.address)
        self.step(5)
        self.jobs.sweeps.clear()
        return [self.payment(each.id) for each in made]

    def again(self, payment, amount):
        """Let more arrive on a payment that was settled."""
        self.chain.deposit(payment.due.address, amount, USDC.address)
        for _ in range(5):
            self.step()

    def entries(self):
        """Return what sweeps have posted: of merchants' money, and of the operator's gas."""
        return [each for each in entries_of(self.stores) if {each.debit, each.credit} & {TREASURY_ACCOUNT, GAS_EXPENSE}]

    def batches(self):
        return self.stores.money.transactions_of("anvil", OPERATOR)

    def held(self, address):
        return self.chain.total(USDC.address, [address])

    def finish(self):
        for _ in range(6):
            self.step()

    def statuses(self, payments):
        return [self.payment(each.id).status for each in payments]


@pytest.fixture
def world():
    return BatchWorld()


def test_one_transaction_sweeps_many_payments(world):
    """No coin goes to an address, none is left there; each payment is settled by its own part, the gas posted once."""
    payments = world.paid(*range(1_000, 1_120))
    assert world.sweeper.sweep(USDC.id) == 1
    (batch,) = world.batches()
    assert (batch.state, len(batch.members), batch.collects) == (TransactionState.SIGNED, 120, True)
    assert all(world.payment(each.id).own.pending == batch.key for each in payments)
    world.finish()
    assert set(world.statuses(payments)) == {Status.SETTLED}
    total = sum(each.due.amount for each in payments)
    assert world.held(TREASURY) == total
    assert world.chain.total(None, [each.due.address for each in payments]) == 0
    entries = world.entries()
    moved = [each.amount for each in entries if (each.debit, each.credit) == (TREASURY_ACCOUNT, ON_ADDRESSES)]
    assert (sum(moved), len(moved)) == (total, 120)
    assert [each.amount for each in entries if each.debit == GAS_EXPENSE] == [world.batches()[0].fee]
    assert {each.credit for each in entries if each.debit == GAS_EXPENSE} == {GAS_STATION}
    assert world.stores.money.transactions_of("anvil", payments[0].due.address) == []
    assert world.log.alarms() == []


def test_a_second_deposit_needs_no_second_authorization(world):
    payments = world.paid(1_000, 2_000)
    world.sweeper.sweep(USDC.id)
    world.finish()
    for payment in payments:
        world.again(payment, 500)
    world.sweeper.sweep(USDC.id)
    first, second = world.batches()
    assert [[member_terms(each.terms).nonce_after for each in batch.members] for batch in (first, second)] == [
        [1, 1],
        [0, 0],
    ]
    world.finish()
    assert world.held(TREASURY) == 4_000


def test_after_a_rotation_addresses_delegate_anew(world):
    """The new pair is of the same operator and another treasury; the old treasury gets nothing any more."""
    payments = world.paid(1_000)
    world.sweeper.sweep(USDC.id)
    world.finish()
    other = "0x00000000000000000000000000000000000000bb"
    world.chain.deploy(other, OPERATOR)
    world.chain.mine()
    world.sweeper = replace(world.sweeper, treasury=other)
    world.again(payments[0], 500)
    assert world.sweeper.sweep(USDC.id) == 1
    assert member_terms(world.batches()[1].members[0].terms).nonce_after == 2
    world.finish()
    assert (world.held(TREASURY), world.held(other)) == (1_000, 500)


def test_a_batch_that_a_block_took_names_what_each_member_moved_before_it_is_final(world):
    """And no payment looks as if money had been taken from it meanwhile."""
    payments = world.paid(1_000, 2_000)
    world.sweeper.sweep(USDC.id)
    world.step()
    for payment in payments:
        shown = world.sweeps(payment.id)
        assert [(each["status"], each["amount"]) for each in shown] == [("mined", payment.due.amount)]
        assert world.payment(payment.id).status is Status.PAID
    assert world.log.alarms() == []


# -- bad members


def test_a_member_whose_transfer_fails_is_named_and_left_out(world):
    """It was tried before anything was signed: the batch goes without it, and it is not tried again at once."""
    payments = world.paid(1_000, 2_000, 3_000)
    world.chain.stubborn.add(payments[1].due.address.lower())
    assert world.sweeper.sweep(USDC.id) == 1
    assert payments[1].id not in world.batches()[0].payment_ids
    setback = world.stores.money.setbacks("anvil")[payments[1].id]
    assert (setback.failures, setback.reason) == (1, "execution reverted")
    assert world.log.alarms() == ["sweep_reverts"]
    assert world.sweeper.sweep(USDC.id) == 0
    world.finish()
    assert world.statuses(payments) == [Status.SETTLED, Status.PAID, Status.SETTLED]


def test_a_member_that_a_batch_skips_is_released_and_set_back(world):
    """The receipt tells it, although the transaction succeeded: the others are settled, and nothing is posted of it."""
    payments = world.paid(1_000, 2_000, 3_000)
    world.chain.sly.add(payments[1].due.address.lower())
    world.sweeper.sweep(USDC.id)
    world.finish()
    assert world.statuses(payments) == [Status.SETTLED, Status.PAID, Status.SETTLED]
    skipped = world.payment(payments[1].id)
    assert (skipped.own.pending, skipped.tier) == (None, Tier.SWEEP)
    assert [each.status for each in skipped.own.sweeps] == ["failed"]
    assert world.stores.money.setbacks("anvil")[skipped.id].failures == 1
    assert world.log.alarms() == ["sweep_reverts"]
    moved = [each for each in world.entries() if each.credit == ON_ADDRESSES]
    assert {each.payment_id for each in moved} == {payments[0].id, payments[2].id}


def test_the_gas_of_a_batch_is_posted_although_its_first_member_was_skipped(world):
    payments = world.paid(3_000, 2_000)
    world.sweeper.sweep(USDC.id)
    first = world.batches()[0].members[0]
    world.chain.sly.add(first.address.lower())
    world.finish()
    gas = [each for each in world.entries() if each.debit == GAS_EXPENSE]
    assert [each.payment_id for each in gas] == [first.payment_id]
    assert len(payments) == 2


def test_a_member_that_goes_on_failing_is_tried_alone_and_costs_no_batch_anything(world):
    """After two batches: the gas station funds it, its own transfer shows what is wrong."""
    payments = world.paid(1_000, 2_000)
    world.chain.sly.add(payments[1].due.address.lower())
    for _ in range(2):
        world.sweeper.sweep(USDC.id)
        world.finish()
        world.clock.at = world.stores.money.setbacks("anvil")[payments[1].id].until
    world.chain.sly.clear()
    world.sweeper.sweep(USDC.id)
    assert len(world.batches()) == 2
    assert world.stores.money.unfinished("anvil")[0].kind is Kind.FUND
    world.settle()
    assert world.statuses(payments) == [Status.SETTLED, Status.SETTLED]


@pytest.mark.parametrize("together", [True, False], ids=["in batches", "alone"])
def test_an_address_that_delegates_elsewhere_is_stuck_with_a_reason_and_costs_nothing(world, together):
    """Whoever delegated it has its key, and would take the coin that it were given."""
    payments = world.paid(1_000, 2_000)
    stranger = "0x" + "66" * 20
    codes = world.chain.chain[-1].codes
    codes |= {payments[1].due.address.lower(): "0xef0100" + stranger[2:], stranger: "0x60"}
    if not together:
        world.sweeper = replace(world.sweeper, operator="")
    for _ in range(20):
        world.sweeper.sweep(USDC.id)
        world.step()
    assert world.statuses(payments) == [Status.SETTLED, Status.PAID]
    setback = world.stores.money.setbacks("anvil")[payments[1].id]
    assert stranger in setback.reason
    assert setback.failures == 1
    assert world.chain.total(None, [payments[1].due.address]) == 0
    assert world.log.alarms() == ["sweep_reverts"]


def test_a_whole_batch_that_fails_releases_everybody_and_sets_each_back(world):
    """It ran out of gas, say: its cost is posted, nothing else is, and nobody is tried again at once."""
    payments = world.paid(1_000, 2_000)
    world.chain.reverting.add(OPERATOR.lower())
    world.sweeper.sweep(USDC.id)
    world.finish()
    assert world.batches()[0].state is TransactionState.FAILED
    assert [world.payment(each.id).own.pending for each in payments] == [None, None]
    assert {each.failures for each in world.stores.money.setbacks("anvil").values()} == {1}
    assert world.log.alarms().count("sweep_reverts") == 2
    posted = world.entries()
    assert [each.debit for each in posted] == [GAS_EXPENSE]
    assert world.sweeper.sweep(USDC.id) == 0
    world.chain.reverting.clear()
    world.clock.at += 60_000
    assert world.sweeper.sweep(USDC.id) == 1
    world.finish()
    assert set(world.statuses(payments)) == {Status.SETTLED}


# -- holds, reorganisations, replacement


def test_a_payment_that_is_held_before_the_batch_is_signed_is_left_out(world):
    """The reservation is refused, and what is signed names the others alone."""
    payments = world.paid(1_000, 2_000, 3_000)
    reserve = world.stores.payments.reserve_many

    def holding(some, before, transaction):
        held = world.payment(payments[1].id)
        state = world.stores.payments._state
        state.payments[held.id] = held.changed(flags=held.flags | {Flag.HELD}, version=held.version + 1)
        return reserve(some, before, transaction)

    world.stores.payments.reserve_many = holding
    world.sweeper.sweep(USDC.id)
    (batch,) = world.batches()
    assert set(batch.payment_ids) == {payments[0].id, payments[2].id}
    (signed,) = [each for each in world.signer.signed if each.data.startswith(BATCH_SELECTOR)]
    assert payments[1].due.address.lower()[2:] not in signed.data
    assert payments[1].due.address not in {each.address for each in signed.authorizations}
    world.finish()
    assert world.held(payments[1].due.address) == 2_000


def test_a_slow_batch_is_replaced_by_the_same_batch_at_a_higher_price(world):
    """The same members with the same authorizations: whichever attempt is mined does the same."""
    payments = world.paid(1_000, 2_000)
    world.sweeper.sweep(USDC.id)
    world.chain.pool.clear()
    world.chain.base_fee = 10_000
    world.clock.at += 60_000
    for _ in range(12):
        world.step()
    world.sweeper.sweep(USDC.id)
    (batch,) = world.batches()
    assert len(batch.attempts) > 1
    first, last = [each for each in world.signer.signed if each.data.startswith(BATCH_SELECTOR)][
        :: len(batch.attempts) - 1
    ]
    assert (first.data, first.to, first.authorizations, first.nonce) == (
        last.data,
        last.to,
        last.authorizations,
        last.nonce,
    )
    assert last.max_fee > first.max_fee
    assert [bool(each.raw) for each in batch.attempts] == [False] * (len(batch.attempts) - 1) + [True]
    world.finish()
    assert set(world.statuses(payments)) == {Status.SETTLED}


def test_a_batch_to_an_older_treasury_is_not_repeated_after_a_rotation(world):
    """Its slot is used for nothing, and its payments go to the new one."""
    payments = world.paid(1_000)
    world.sweeper.sweep(USDC.id)
    world.chain.pool.clear()
    world.chain.base_fee = 10_000
    world.clock.at += 60_000
    for _ in range(12):
        world.step()
    other = "0x00000000000000000000000000000000000000bb"
    world.chain.deploy(other, OPERATOR)
    world.chain.mine()
    world.sweeper = replace(world.sweeper, treasury=other)
    for _ in range(30):
        world.sweeper.sweep(USDC.id)
        world.step()
    assert world.batches()[0].state is TransactionState.CANCELLED
    assert (world.held(TREASURY), world.held(other)) == (0, 1_000)
    assert set(world.statuses(payments)) == {Status.SETTLED}


def test_a_reorganisation_takes_a_batch_back_and_it_is_mined_again(world):
    payments = world.paid(1_000, 2_000)
    world.sweeper.sweep(USDC.id)
    world.step()
    world.chain.reorg(1, drop=[world.batches()[0].attempts[0].tx_hash])
    world.chain.pool.clear()
    world.step()
    world.finish()
    assert set(world.statuses(payments)) == {Status.SETTLED}
    assert world.held(TREASURY) == 3_000


def test_a_member_that_a_reorganisation_took_the_deposit_of_does_not_stop_the_batch(world):
    """The others' money moves on; later batches wait behind this one's nonce."""
    payments = world.paid(1_000, 2_000)
    world.sweeper.sweep(USDC.id)
    world.chain.pool.clear()
    world.chain.base_fee = 10_000
    world.clock.at += 60_000
    for _ in range(12):
        world.step()
    state = world.stores.payments._state
    state.payments[payments[0].id] = state.payments[payments[0].id].changed(status=Status.DETECTED)
    world.sweeper.sweep(USDC.id)
    assert len(world.batches()[0].attempts) > 1


def test_an_outflow_of_a_member_may_be_the_batchs_whatever_arrived_meanwhile(world):
    """It takes all of its token that is there when it is mined, none of the coin, and nothing of anybody else."""
    payments = world.paid(1_000, 2_000)
    world.sweeper.sweep(USDC.id)
    (batch,) = world.batches()
    member = batch.member(payments[0].id)
    assert could_explain(batch, member, USDC.address, 1_000)
    assert could_explain(batch, member, USDC.address, 1_500)
    assert not could_explain(batch, member, None, 1)
    assert not could_explain(batch, member, TREASURY, 1)
    assert not could_explain(batch, replace(member, payment_id="another"), USDC.address, 1)
    cancelled = replace(batch, attempts=(replace(batch.attempts[0], cancels=True),))
    assert not could_explain(cancelled, member, USDC.address, 1)


def test_what_arrives_between_the_quote_and_the_block_is_swept_and_posted_too(world):
    """As the receipt tells; nothing is held for it."""
    payments = world.paid(1_000)
    world.sweeper.sweep(USDC.id)
    world.chain.pool.insert(0, world.chain.pool.pop())
    world.chain.deposit(payments[0].due.address, 300, USDC.address)
    world.chain.pool.reverse()
    for _ in range(12):
        world.step()
        world.sweep()
    after = world.payment(payments[0].id)
    assert (after.status, world.held(TREASURY)) == (Status.SETTLED, 1_300)
    assert Flag.HELD not in after.flags
    assert world.log.alarms() == []


# -- who sends, and when it does not


def test_without_contracts_or_knowledge_of_7702_tokens_are_swept_alone(world):
    """What the sweeper found is noted for health, and in one line of the log."""
    world.paid(1_000)
    for prepare, words in (
        (lambda: setattr(world.chain, "knows_7702", False), "EIP-7702"),
        (lambda: [mined.codes.clear() for mined in world.chain.chain], "not deployed"),
    ):
        prepare()
        checked = replace(world.stage.sweeping._checked("anvil"))
        checked.sweep(USDC.id)
        assert words in world.stores.money.tips(["anvil"])["anvil"].sweeping_alone
    assert [line for line in world.log.lines if line[1] == "tokens_are_swept_alone"]
    assert {each.kind for each in world.stores.money.unfinished("anvil")} == {Kind.FUND}


def test_the_checked_sweeper_finds_its_operator_and_asks_a_chain_without_contracts_again(world):
    payments = world.paid(1_000)
    codes = dict(world.chain.chain[-1].codes)
    for mined in world.chain.chain:
        mined.codes.clear()
    checked = world.stage.sweeping.sweeper("anvil")
    world.paid(5)
    checked.sweep(USDC.id)
    assert world.batches() == []
    world.chain.chain[-1].codes.update(codes)
    world.clock.at += 300_000
    late = world.paid(2_000)
    checked.sweep(USDC.id)
    assert late[0].id in world.batches()[0].payment_ids
    assert world.stores.money.tips(["anvil"])["anvil"].sweeping_alone == ""
    assert payments


def test_an_operator_without_coin_lets_payments_be_swept_alone_with_an_alarm(world):
    payments = world.paid(1_000, 2_000)
    world.chain.burn(OPERATOR, 10**20)
    world.chain.mine()
    world.settle()
    world.sweeper.sweep(USDC.id)
    for _ in range(12):
        world.step()
        world.sweeper.sweep(USDC.id)
    assert world.batches() == []
    assert "operator_low" in world.log.alarms()
    assert set(world.statuses(payments)) == {Status.SETTLED}


def test_the_coin_is_never_collected(world):
    """A delegated address would go on refusing a plain payment: only tokens delegate."""
    payment = world.create(10**15)
    world.chain.deposit(payment.due.address, 10**15)
    world.step(5)
    world.sweeper.sweep("native")
    assert world.batches() == []
    world.settle()
    assert world.payment(payment.id).status is Status.SETTLED
    assert world.chain.total(None, [payment.due.address]) == 0


def test_a_full_batch_leaves_the_rest_to_the_next_one(world):
    """The fee cap of the chain bounds a transaction, and each has the operator's next nonce."""
    payments = world.paid(*range(1_000, 1_010))
    world.sweeper.sweep(USDC.id)
    cost = world.batches()[0].attempts[0].cost
    other = BatchWorld()
    payments = other.paid(*range(1_000, 1_010))
    other.sweeper = replace(other.sweeper, network=replace(other.network, fee_cap=ROOM * cost // 2))
    assert other.sweeper.sweep(USDC.id) > 1
    assert [nonce_of(each) for each in other.batches()] == list(range(len(other.batches())))
    members = [each for batch in other.batches() for each in batch.payment_ids]
    assert sorted(members) == sorted({each.id for each in payments})
    other.finish()
    assert set(other.statuses(payments)) == {Status.SETTLED}


def test_the_largest_batch_can_be_replaced_and_one_that_is_too_dear_to_repeat_cancelled(world):
    """The cap on a fee leaves room for dearer attempts; what only uses the slot costs a thousandth of it."""
    world.paid(*range(1_000, 1_010))
    world.sweeper.sweep(USDC.id)
    (batch,) = world.batches()
    network = replace(world.network, fee_cap=ROOM * batch.attempts[0].cost)
    transfers = world.sweeper.transfers(network, world.chain, world.clock, world.log)
    prices, dearer = [], batch
    while (quote := transfers.requote(dearer, cancel=False)) is not None:
        offer = replace(batch.attempts[0], terms=quote.terms)
        dearer = replace(batch, attempts=(*dearer.attempts, offer))
        prices.append(terms_of(offer).max_fee)
    assert len(prices) > 2
    quote = transfers.requote(dearer, cancel=True)
    assert quote is not None
    assert quote.cost < network.fee_cap // 10


# -- jobs that die


STEPS = ["reserve_many", "write_transaction", "broadcast"]


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("where", STEPS)
def test_a_job_that_dies_leaves_nothing_behind_for_long(world, monkeypatch, where, before):
    """Whatever was written when: each payment is swept once, by one batch, and no nonce is left out."""
    payments = world.paid(*range(1_000, 1_103))
    owner = type(
        getattr(world.stores, {"reserve_many": "payments", "write_transaction": "money"}.get(where, ""), world.chain)
    )
    real = getattr(owner, where)

    class Dead(BaseException):
        """The process is gone: nothing is caught, nothing is tidied up."""

    def dying(*given):
        if not before:
            real(*given)
        raise Dead

    with monkeypatch.context() as patch:
        patch.setattr(owner, where, dying)
        with pytest.raises(Dead):
            world.sweeper.sweep(USDC.id)
    world.run = world.new_run()
    world.step()
    world.sweeper.sweep(USDC.id)  # at once: another job may still be at work
    world.step(PREPARED_MS // 1_000)
    world.sweeper.sweep(USDC.id)
    world.finish()
    assert set(world.statuses(payments)) == {Status.SETTLED}
    assert world.held(TREASURY) == sum(each.due.amount for each in payments)
    assert [nonce_of(each) for each in world.batches()] == list(range(len(world.batches())))
    final = [each for each in world.batches() if each.state is TransactionState.FINAL]
    assert sorted(each for batch in final for each in batch.payment_ids) == sorted(each.id for each in payments)


def test_a_job_that_dies_between_two_parts_of_its_reservation_leaves_nobody_out(world):
    """Ninety-nine are reserved, four are not: all of them are in the next batch."""
    payments = world.paid(*range(1_000, 1_103))
    real, calls = world.stores.payments._reserve_part, []

    def dying(*given, **named):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*given, **named)

    world.stores.payments._reserve_part = dying
    with pytest.raises(KeyboardInterrupt):
        world.sweeper.sweep(USDC.id)
    del world.stores.payments._reserve_part
    assert sum(1 for each in payments if world.payment(each.id).own.pending) == 99
    with pytest.raises(Busy):  # another job may be at it: the queue has it tried again
        world.sweeper.sweep(USDC.id)
    assert world.log.alarms() == []
    world.jobs.sweeps.clear()
    world.step(PREPARED_MS // 1_000)
    assert USDC.id in [job.asset for job in world.jobs.sweeps]  # the follower has it mended
    world.sweep()
    (batch,) = world.batches()
    assert (len(batch.members), batch.state) == (103, TransactionState.SIGNED)
    world.finish()
    assert set(world.statuses(payments)) == {Status.SETTLED}


def test_a_job_that_was_given_up_for_dead_and_goes_on_signs_nothing_that_is_sent(world):
    """It finds that its batch is another's now, and broadcasts nothing."""
    payments = world.paid(1_000, 2_000)
    write, other = world.stores.money.write_transaction, replace(world.sweeper)

    def slow(before, after, counted=None):
        if after.state is TransactionState.SIGNED and before is not None and before.version == 1:
            world.clock.at += PREPARED_MS
            world.stores.money.write_transaction = write
            other.sweep(USDC.id)
        return write(before, after, counted)

    world.stores.money.write_transaction = slow
    world.sweeper.sweep(USDC.id)
    (batch,) = world.batches()
    assert (batch.state, len(batch.members), len(batch.attempts)) == (TransactionState.SIGNED, 2, 1)
    assert len({tx.tx_hash for tx in world.chain.pool if tx.batch}) == 1
    world.finish()
    assert set(world.statuses(payments)) == {Status.SETTLED}
    assert world.held(TREASURY) == 3_000


@pytest.mark.parametrize("error", [SigningRefused("no"), Unavailable("no signer"), RuntimeError("bug")])
def test_a_batch_that_cannot_be_signed_is_given_up_at_once(world, error):
    """Its members are free; a refusal or a bug has them swept alone, with an alarm."""
    payments = world.paid(1_000, 2_000)
    sign = world.signer.sign

    def refusing(chain, path, sender, transaction, **named):
        if sender == OPERATOR:
            raise error
        return sign(chain, path, sender, transaction, **named)

    world.signer.sign = refusing
    if isinstance(error, Unavailable):
        with pytest.raises(Unavailable):
            world.sweeper.sweep(USDC.id)
        assert [world.payment(each.id).own.pending for each in payments] == [None, None]
        world.signer.sign = sign
        assert world.sweeper.sweep(USDC.id) == 1
        assert [(nonce_of(each), each.state) for each in world.batches()] == [(0, TransactionState.SIGNED)]
    else:
        world.sweeper.sweep(USDC.id)
        assert "batch_failed" in world.log.alarms()
        assert {each.kind for each in world.stores.money.unfinished("anvil")} == {Kind.FUND}
    world.settle(20)
    assert set(world.statuses(payments)) == {Status.SETTLED}


def test_one_member_that_cannot_be_finished_keeps_the_others_from_nothing(world):
    """Its payment cannot be written: the others are settled, and it is as soon as it can be."""
    payments = world.paid(1_000, 2_000, 3_000)
    world.sweeper.sweep(USDC.id)
    commit, bad = world.stores.payments.commit, world.batches()[0].payment_ids[0]

    def failing(given):
        if given.after.id == bad and given.after.own.sweeps:
            raise Busy
        return commit(given)

    world.stores.payments.commit = failing
    world.finish()
    done = {each.id: world.payment(each.id).status for each in payments}
    assert done.pop(bad) is Status.PAID
    assert len([each for each in done.values() if each is Status.SETTLED]) == 1  # the last one waits with the batch
    world.stores.payments.commit = commit
    world.run = world.new_run()
    world.finish()
    assert set(world.statuses(payments)) == {Status.SETTLED}
    posted = [each for each in world.entries() if each.debit == TREASURY_ACCOUNT]
    assert (len(posted), sum(each.amount for each in posted)) == (3, 6_000)


@pytest.mark.parametrize("when", ["before it takes the slot", "while it prepares"])
def test_jobs_of_two_tokens_at_once_each_send_their_batch(world, when):
    """They share the operator's nonces: who comes second takes the next one, and leaves nothing to chance."""
    world.paid(1_000)
    other, mine = replace(world.sweeper), world.stores.payments.reserve_many
    second = world.create(2_000, token_id=USDC.id)
    world.chain.deposit(second.due.address, 2_000, USDC.address)
    world.step(5)
    waited = []

    def theirs(some, before, transaction):
        """Take the same slot first, for another's payments."""
        world.stores.payments.reserve_many = mine
        taken = replace(transaction, members=transaction.members[:1])
        if when == "before it takes the slot":
            taken = replace(taken, state=TransactionState.SIGNED, attempts=(SENT,))
        world.stores.money.write_transaction(None, taken)
        world.clock.on_wait = lambda: waited.append(1) or signs(taken)
        return mine(some, before, transaction)

    def signs(taken):
        if taken.state is TransactionState.PREPARED and len(waited) == 2:
            signed = replace(taken, state=TransactionState.SIGNED, attempts=(SENT,), version=2)
            world.stores.money.write_transaction(taken, signed)

    world.stores.payments.reserve_many = theirs
    assert other.sweep(USDC.id) == 1
    assert [nonce_of(each) for each in world.batches()] == [0, 1]
    assert len(waited) == (1 if when == "before it takes the slot" else 2)


def test_two_jobs_at_once_send_one_batch(world):
    """The second finds the slot taken, or the batch being prepared."""
    payments = world.paid(1_000, 2_000)
    reserve, other = world.stores.payments.reserve_many, replace(world.sweeper)

    def meanwhile(some, before, transaction):
        world.stores.payments.reserve_many = reserve
        other.sweep(USDC.id)
        return reserve(some, before, transaction)

    world.stores.payments.reserve_many = meanwhile
    world.sweeper.sweep(USDC.id)
    assert len(world.batches()) == 1
    world.finish()
    assert set(world.statuses(payments)) == {Status.SETTLED}
