"""Payouts that a person sends, from a treasury whose key is not here."""

import pytest

from ctrip.domain.chains.kinds import FIRST
from ctrip.domain.errors import Conflict
from ctrip.domain.settlement.instruction import NAMED_MS
from ctrip.domain.settlement.payout import Booking, PayoutState
from tests.fakes.chain import FakeChain
from tests.services.settlement.test_paying_out import COIN, OWN, ask, balance, paid_world, payout, run
from tests.support.ledger import entries_of, owed_to
from tests.world import ORIGIN, USDC

COLD = FIRST.shown("0x" + "aa" * 20)


def waiting(asset=None, payouts=1):
    """Make a world with payouts that wait for a person's transfer."""
    world, _ = paid_world(asset=asset, treasury=COLD)
    ids = [ask(world, asset=asset, amount=1000) for _ in range(payouts)]
    run(world, 2)
    assert {payout(world, each).state for each in ids} == {PayoutState.AWAITING_TRANSFER}
    return world, ids


def shows(monkeypatch, world, *, amount=1000, token=None, to=OWN, sender=COLD, success=True, deep=True):
    """Have the chain show a transaction of the treasury's; return its hash."""
    from ctrip.domain.chains.chain import Receipt, TokenTransfer

    block = world.chain.head().number - (10 if deep else 0)
    logs = (TokenTransfer(token, sender, to, amount, 0),) if token else ()
    value, target = (0, token) if token else (amount, to)
    at = world.chain.chain[block].block.hash
    receipt = Receipt("0x" + "1f" * 32, block, at, success, 21, value, sender, target, logs)
    monkeypatch.setattr(FakeChain, "receipt", lambda self, tx_hash: receipt if tx_hash == receipt.tx_hash else None)
    return receipt.tx_hash


def test_what_somebody_says_to_have_sent_is_not_given_back_while_that_is_compared(monkeypatch):
    """Else it would be paid and be the merchant's again; after a day in which no node tells, a person decides."""
    world, [made] = waiting()
    namer, decider = world.stage.settlement.namer, world.stage.settlement.decider
    tx_hash = shows(monkeypatch, world, deep=False)
    namer.by_operator("m1", made, tx_hash)
    with pytest.raises(Conflict):
        decider.reject("m1", made, "no", ORIGIN)
    world.stage.payouts.worker.run()
    assert payout(world, made).state is PayoutState.AWAITING_TRANSFER
    world.chain.down = True
    world.clock.at += NAMED_MS
    world.stage.payouts.worker.run()
    assert payout(world, made).named == tx_hash
    decider.reject("m1", made, "no", ORIGIN)
    assert payout(world, made).state is PayoutState.REJECTED


def complete(world, payout_id, tx_hash):
    """Complete a payout; return the sentence of a refusal."""
    try:
        world.stage.payouts.completer.complete("m1", payout_id, tx_hash, ORIGIN)
    except Conflict as exc:
        return exc.detail
    return ""


@pytest.mark.parametrize("asset", [None, "USDC"])
def test_a_transfer_from_the_treasury_completes_it(asset, monkeypatch):
    """The books then say that the treasury paid it, and its gas."""
    world, (one,) = waiting(asset)
    tx_hash = shows(monkeypatch, world, token=USDC.address if asset else None)
    assert complete(world, one, tx_hash) == ""
    done = payout(world, one)
    assert (done.state, done.booking, done.tx_hash) == (PayoutState.COMPLETED, Booking.CLOSED, tx_hash)
    assert (balance(world), balance(world, "payable")) == (COIN - 1000, 0)
    assert owed_to(entries_of(world.stores), "gas_expense") <= -21
    assert "cannot change" in complete(world, one, tx_hash)


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"amount": 999}, "and not 1000"),
        ({"amount": 1001}, "and not 1000"),
        ({"to": COLD}, "and not 1000"),
        ({"sender": OWN}, "and not 1000"),
        ({"success": False}, "and not 1000"),
        ({"token": USDC.address}, "and not 1000"),
        ({"deep": False}, "not final yet"),
    ],
)
def test_any_other_transaction_completes_nothing(other, says, monkeypatch):
    """Another amount, recipient, sender or asset; a failed one; one that is not final."""
    world, (one,) = waiting()
    assert says in complete(world, one, shows(monkeypatch, world, **other))
    assert payout(world, one).state is PayoutState.AWAITING_TRANSFER
    assert balance(world, "payable") == 1000


def test_a_transaction_that_is_not_known_completes_nothing():
    """Unknown is not done."""
    world, (one,) = waiting()
    assert "not known" in complete(world, one, "0x" + "2f" * 32)


def test_one_transaction_completes_one_payout(monkeypatch):
    """Two of the same amount to the same address need two."""
    world, (one, two) = waiting(payouts=2)
    tx_hash = shows(monkeypatch, world)
    assert complete(world, one, tx_hash) == ""
    assert "another payout" in complete(world, two, tx_hash)
    assert payout(world, two).state is PayoutState.AWAITING_TRANSFER
