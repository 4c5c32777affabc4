"""From a request to the final transaction, and every way in which that can go wrong."""

from dataclasses import replace

import pytest

from ctrip.config import load
from ctrip.domain.audit import Origin
from ctrip.domain.chains.kinds import FIRST
from ctrip.domain.errors import Conflict, Refused
from ctrip.domain.settlement.payout import Booking, PayoutState
from ctrip.domain.sweeping.sweep import Kind, TransactionState
from ctrip.services.settlement.ask_payout import AskRefund, AskSettlement
from tests.fakes.chain import FakeChain
from tests.support.ledger import entries_of, owed_to
from tests.world import _WALLET, AUTHORITY, ORIGIN, USDC, World

COIN = 10**18
PART = 10**9  # worth its gas many times over
OWN = FIRST.shown("0x" + "5e" * 20)
PAYER = FIRST.shown("0x" + "ab" * 20)
HOT = _WALLET.address("evm", "m/44'/60'/0'/0/0")


def paid_world(amount=COIN, asset=None, treasury=HOT, **settings):
    """Make a world whose merchant has been paid, swept to a treasury whose key is the signer's."""
    given = {"CTRIP_VERIFYING_KEY": AUTHORITY.verifying_key, "CTRIP_TREASURY": treasury}
    own = load(given | settings)
    world = World(own=own)
    payment = world.create(amount, **({"asset": asset} if asset else {}))
    world.chain.deposit(payment.due.address, amount, USDC.address if asset else None)
    world.settle(25)
    world.chain.deposit(HOT, COIN)
    world.stage.settlement.addresses.set("m1", "anvil", OWN, ORIGIN)
    return world, world.payment(payment.id)


def ask(world, **wanted):
    """Ask for a settlement; return the payout."""
    view = world.stage.settlement.asker.settle(world.merchant, AskSettlement(chain="anvil", **wanted), ORIGIN).view
    return view["id"]


def run(world, times=4):
    """Have the worker and the scanner go on."""
    for _ in range(times):
        world.stage.payouts.worker.run()
        if world.jobs.scans:  # a newer scanner begins
            world.jobs.scans.clear()
            world.scanner = world.new_scanner()
            world.run = world.new_run()
        world.settle(4)


def payout(world, payout_id):
    """Read a payout."""
    return world.stores.payouts.payout("m1", payout_id)


def balance(world, account="available"):
    """Return what an account of the merchant owes."""
    return owed_to(entries_of(world.stores), account)


@pytest.mark.parametrize("asset", [None, "USDC"])
def test_a_settlement_reaches_the_merchants_address_to_the_last_unit(asset):
    """It is set aside, sent, followed to its finality, and posted; the operator bears the gas."""
    world, _ = paid_world(asset=asset)
    payout_id = ask(world, asset=asset, amount=COIN // 3)
    run(world)
    done = payout(world, payout_id)
    assert (done.state, done.booking) == (PayoutState.COMPLETED, Booking.CLOSED)
    token = USDC.address if asset else None
    assert world.chain.total(token, [OWN]) == COIN // 3
    assert (balance(world), balance(world, "payable")) == (COIN - COIN // 3, 0)
    assert done.tx_hash is not None
    types = [c.event.type for c in world.stores.payouts.commits if c.event]
    assert types == ["settlement.created", "settlement.sent", "settlement.completed"]


def test_the_operators_fee_stays_in_the_treasury():
    """Per mille and fixed; what is sent is the rest."""
    world, _ = paid_world(
        CTRIP_PAYOUTS='{"anvil": {"ETH": {"fee_per_mille": 10, "fee_fixed": "7", '
        '"approval_above": "1000000000000000000"}}}'
    )
    payout_id = ask(world, amount=PART)
    run(world)
    done = payout(world, payout_id)
    assert (done.state, done.fee) == (PayoutState.COMPLETED, PART // 100 + 7)
    assert world.chain.total(None, [OWN]) == PART - PART // 100 - 7
    assert owed_to(entries_of(world.stores), "fee_income") == PART // 100 + 7


def test_a_refund_reaches_the_payers_address():
    """From what was credited."""
    world, payment = paid_world()
    asked = AskRefund(address=PAYER, amount=COIN // 4)
    view = world.stage.settlement.asker.refund(world.merchant, payment.id, asked, ORIGIN).view
    run(world)
    assert payout(world, view["id"]).state is PayoutState.COMPLETED
    assert world.chain.total(None, [PAYER]) == COIN // 4
    assert balance(world) == COIN - COIN // 4


def test_what_needs_approval_waits_for_two_persons_and_is_set_aside_meanwhile():
    """One is not enough, and the worker sends nothing before."""
    world, _ = paid_world(CTRIP_PAYOUTS='{"anvil": {"ETH": {"approval_above": "999"}}}')
    payout_id = ask(world, amount=PART)
    run(world, 2)
    assert (payout(world, payout_id).state, balance(world, "payable")) == (PayoutState.AWAITING_APPROVAL, PART)
    decide = world.stage.settlement.decider
    decide.approve("m1", payout_id, Origin("admin:a"))
    run(world, 2)
    assert world.chain.total(None, [OWN]) == 0
    decide.approve("m1", payout_id, Origin("admin:b"))
    run(world)
    assert payout(world, payout_id).state is PayoutState.COMPLETED
    assert world.chain.total(None, [OWN]) == PART


@pytest.mark.parametrize("booked", [False, True])
def test_what_is_rejected_is_the_merchants_again(booked):
    """Before the worker has booked it, and after."""
    world, _ = paid_world(CTRIP_PAYOUTS='{"anvil": {"ETH": {"approval_above": "999"}}}')
    payout_id = ask(world, amount=PART)
    if booked:
        run(world, 1)
    world.stage.settlement.decider.reject("m1", payout_id, "not today", Origin("admin:a"))
    run(world, 2)
    done = payout(world, payout_id)
    assert (done.state, done.booking, done.reason) == (PayoutState.REJECTED, Booking.CLOSED, "not today")
    assert (balance(world), balance(world, "payable")) == (COIN, 0)
    assert world.stores.payouts.reservation("m1", "anvil", "native").waiting == ()
    assert ask(world, amount=COIN)


def test_a_treasury_whose_key_is_elsewhere_makes_it_an_instruction():
    """Nothing is signed: a person sends it."""
    world, _ = paid_world(treasury=FIRST.shown("0x" + "aa" * 20))
    payout_id = ask(world, amount=PART)
    run(world, 2)
    assert payout(world, payout_id).state is PayoutState.AWAITING_TRANSFER
    assert world.chain.total(None, [OWN]) == 0


def test_a_worker_that_dies_anywhere_pays_once():
    """At each effect in turn; the next run goes on from what is stored."""
    for dies_at in range(1, 8):
        world, _ = paid_world()
        payout_id = ask(world, amount=PART)
        with Dying(world, dies_at):
            run(world, 1)
        run(world)
        assert payout(world, payout_id).state is PayoutState.COMPLETED, dies_at
        assert world.chain.total(None, [OWN]) == PART, dies_at
        assert (balance(world), balance(world, "payable")) == (COIN - PART, 0)


class Dying:
    """Let the n-th write or broadcast be the last one, before it or after it."""

    def __init__(self, world, place):
        self.world, self.left, self.after = world, (place + 1) // 2, place % 2
        self.was = world.stores.payouts.commit, FakeChain.broadcast

    def __enter__(self):
        self.world.stores.payouts.commit = self._wrapped(self.was[0])
        FakeChain.broadcast = self._wrapped(self.was[1])

    def __exit__(self, *_):
        self.world.stores.payouts.commit, FakeChain.broadcast = self.was
        return True

    def _wrapped(self, do):
        def call(*given):
            self.left -= 1
            if self.left == 0 and not self.after:
                raise KeyboardInterrupt
            done = do(*given)
            if self.left == 0:
                raise KeyboardInterrupt
            return done

        return call


def test_a_payout_that_a_reorganisation_removes_is_sent_again_and_paid_once():
    """The same bytes in the same slot."""
    world, _ = paid_world()
    payout_id = ask(world, amount=PART)
    world.stage.payouts.worker.run()
    world.run = world.new_run()
    world.step(2)
    (sent,) = [t for t in world.stores.money._state.transactions.values() if t.kind is Kind.PAYOUT]
    assert sent.state is TransactionState.MINED
    world.chain.reorg(2, later=True)
    run(world)
    assert payout(world, payout_id).state is PayoutState.COMPLETED
    assert world.chain.total(None, [OWN]) == PART


def test_a_payout_that_no_block_takes_is_replaced_with_the_same_amount():
    """At a higher price, in the same slot, to the same address."""
    world, _ = paid_world()
    payout_id = ask(world, amount=PART)
    world.stage.payouts.worker.run()
    world.chain.base_fee *= 40
    run(world, 12)
    transactions = [t for t in world.stores.money._state.transactions.values() if t.kind is Kind.PAYOUT]
    assert [t.state for t in transactions] == [TransactionState.FINAL]
    assert len(transactions[0].attempts) > 1
    assert {each.value for each in transactions[0].attempts} == {PART}
    assert payout(world, payout_id).state is PayoutState.COMPLETED
    assert world.chain.total(None, [OWN]) == PART


@pytest.mark.parametrize("state", [*TransactionState])
def test_a_payout_is_rejected_once_its_transaction_is_given_up_for_lost(state):
    """In no other state of the transaction: it may still be mined, or has been; the amount is given back once."""
    world, _ = paid_world()
    before = balance(world)
    payout_id = ask(world, amount=10**9)
    world.stage.payouts.worker.run()
    sent = world.stores.money._state.transactions
    [key] = [key for key, each in sent.items() if each.kind is Kind.PAYOUT]
    sent[key] = replace(sent[key], state=state)
    decider = world.stage.settlement.decider
    if state is not TransactionState.FAILED:
        with pytest.raises(Conflict):
            decider.reject("m1", payout_id, "lost", ORIGIN)
        return
    decider.reject("m1", payout_id, "lost", ORIGIN)
    world.stage.payouts.worker.run()
    done = payout(world, payout_id)
    assert (done.state, done.booking, balance(world)) == (PayoutState.REJECTED, Booking.CLOSED, before)
    sent[key] = replace(sent[key], tx_hash="0x" + "ab" * 32)  # mined, and failed: it has ended by itself
    with pytest.raises(Conflict):
        decider.reject("m1", payout_id, "lost", ORIGIN)


def test_what_is_not_covered_any_more_when_it_is_booked_fails():
    """The deposit was undone between the request and the booking: nothing is sent, nothing set aside."""
    world, _ = paid_world()
    payout_id = ask(world, amount=COIN)
    every = world.stores.ledger._state.causes
    for key in [key for key, entries in every.items() if entries[0].type == "deposit"]:
        del every[key]
    run(world, 2)
    done = payout(world, payout_id)
    assert (done.state, done.booking) == (PayoutState.FAILED, Booking.CLOSED)
    assert world.chain.total(None, [OWN]) == 0
    assert "payout_not_covered" in world.log.alarms()


@pytest.mark.parametrize("asset", [None, "USDC"])
def test_a_treasury_with_too_little_waits_and_says_so(asset, monkeypatch):
    """What is approved stays approved, as a node would refuse to estimate it; the next run sends it."""
    world, _ = paid_world(asset=asset)
    token = USDC.address if asset else None
    payout_id = ask(world, asset=asset, amount=COIN // 2)
    world.chain.burn(HOT, 2 * COIN - COIN // 4 if asset is None else COIN - COIN // 4, token)
    world.step()

    def reverts(*_):
        raise Refused("execution reverted: transfer amount exceeds balance")

    with monkeypatch.context() as patch:
        patch.setattr(FakeChain, "estimate_gas", reverts)
        run(world, 2)
    assert payout(world, payout_id).state is PayoutState.APPROVED
    assert "treasury_low" in world.log.alarms()
    world.chain.deposit(HOT, COIN, token)
    run(world)
    assert payout(world, payout_id).state is PayoutState.COMPLETED


def test_a_treasury_without_coin_for_the_gas_of_a_token_waits():
    """The token is there, and the coin is not."""
    world, _ = paid_world(asset="USDC")
    payout_id = ask(world, asset="USDC", amount=COIN // 2)
    world.chain.burn(HOT, COIN)
    world.step()
    run(world, 2)
    assert payout(world, payout_id).state is PayoutState.APPROVED
    assert "holds too little" in payout(world, payout_id).reason
    assert "treasury_low" in world.log.alarms()


def test_many_payouts_of_one_run_have_slots_of_their_own():
    """One after the other from one treasury."""
    world, _ = paid_world()
    ids = [ask(world, amount=PART + number) for number in range(5)]
    run(world, 6)
    assert {payout(world, each).state for each in ids} == {PayoutState.COMPLETED}
    assert world.chain.total(None, [OWN]) == 5 * PART + 10
    assert replace(payout(world, ids[0])).tx_hash != payout(world, ids[1]).tx_hash


@pytest.mark.parametrize("asset", [None, "USDC"])
def test_what_is_signed_and_in_no_block_yet_is_not_spent_a_second_time(asset):
    """The second of two that are too much together waits, without an alarm, and is sent once there is enough."""
    world, _ = paid_world(asset=asset)
    token = USDC.address if asset else None
    ids = [ask(world, asset=asset, amount=COIN // 2) for _ in range(2)]
    world.step()
    world.chain.burn(HOT, world.chain.total(token, [HOT]) - COIN * 3 // 4, token)
    world.step()
    world.stage.payouts.worker.run()
    world.stage.payouts.worker.run()
    assert [payout(world, each).state for each in ids] == [PayoutState.SENDING, PayoutState.APPROVED]
    assert "treasury_low" not in world.log.alarms()
    run(world)
    assert payout(world, ids[0]).state is PayoutState.COMPLETED
    assert "treasury_low" in world.log.alarms()
    world.chain.deposit(HOT, COIN, token)
    run(world)
    assert {payout(world, each).state for each in ids} == {PayoutState.COMPLETED}


def test_one_settlement_address_that_the_signer_fails_on_keeps_no_others_from_counting(monkeypatch):
    """Whatever the fault is: it is told, and the merchants after that one are asked for all the same."""
    world, _ = paid_world()
    stores = world.stores.payouts
    asked = stores.settlement_address("m1", "anvil")
    bad = replace(asked, merchant_id="a-bad-one", signature="", version=1)
    stores._state.settlement_addresses = {("a-bad-one", "anvil"): bad, ("m1", "anvil"): replace(asked, signature="")}
    vouch = type(world.stage.adapters.signer).vouch

    def failing(self, merchant_id, chain):
        if merchant_id == "a-bad-one":
            raise ValueError("a fault")
        return vouch(self, merchant_id, chain)

    monkeypatch.setattr(type(world.stage.adapters.signer), "vouch", failing)
    run(world, 1)
    assert [each.merchant_id for each in stores.unvouched()] == ["a-bad-one"]
    assert "payout_failed" in world.log.alarms()


@pytest.mark.parametrize("together", [False, True])
def test_nothing_is_paid_out_on_a_chain_that_is_paused(together):
    """What was credited there may be undone; what is asked for is set aside meanwhile, and goes once it is resumed."""
    world, payment = paid_world()
    world.chain.publish_payer(HOT)
    for each in (payers := [FIRST.shown(f"0x{number:02x}" + "ab" * 19) for number in range(1, 6 if together else 2)]):
        world.chain.deposit(each, 1)
    world.step()
    refunds = [AskRefund(address=each, amount=PART) for each in payers]
    ids = [world.stage.settlement.asker.refund(world.merchant, payment.id, each, ORIGIN).view["id"] for each in refunds]
    world.stores.access.pause("anvil", True)
    world.stage.payouts.worker.run()
    assert {(payout(world, each).state, payout(world, each).booking) for each in ids} == {
        (PayoutState.APPROVED, Booking.RESERVED)
    }
    assert not [each for each in world.stores.money.unfinished("anvil") if each.kind is Kind.PAYOUT]
    world.stores.access.pause("anvil", False)
    run(world)
    assert {payout(world, each).state for each in ids} == {PayoutState.COMPLETED}
