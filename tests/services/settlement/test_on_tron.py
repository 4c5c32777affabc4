"""Settlements and refunds on Tron, where transactions have no nonce and expire."""

from dataclasses import replace

import pytest

from ctrip.domain.chains.tron.addresses import encoded
from ctrip.domain.errors import BadRequest
from ctrip.domain.settlement.payout import Booking, PayoutState
from ctrip.domain.sweeping.sweep import Kind, TransactionState
from ctrip.services.settlement.ask_payout import AskSettlement
from tests.fakes.tron import LAG, PRICES, FakeTron
from tests.support.ledger import entries_of, owed_to
from tests.tron_world import TRX, USDT, TronWorld
from tests.world import _WALLET, ORIGIN, SETTINGS

HOT = _WALLET.address("tron", "m/44'/195'/0'/0/0")
OWN = encoded(b"\x5e" * 20)
OVER = 700  # seconds after which what was not mined is over, and certainly so


def paid_world(asset: str | None = None) -> TronWorld:
    """Make a world whose merchant was paid, swept to a treasury whose key is the signer's."""
    world = TronWorld(own=replace(SETTINGS, treasury=HOT))
    world.chain.deposit(HOT, 1_000 * TRX)
    world.paid(500 * TRX, **({"asset": asset} if asset else {}))
    world.settle(24)
    world.stage.settlement.addresses.set("m1", "tron", OWN, ORIGIN)
    return world


def ask(world: TronWorld, amount: int, asset: str | None = None) -> str:
    """Ask for a settlement; return the payout."""
    wanted = AskSettlement(chain="tron", amount=amount, asset=asset)
    return world.stage.settlement.asker.settle(world.merchant, wanted, ORIGIN).view["id"]


def run(world: TronWorld, times: int = 4) -> None:
    """Have the worker and the scanner go on."""
    for _ in range(times):
        world.stage.payouts.worker.run()
        if world.jobs.scans:  # a newer scanner begins
            world.jobs.scans.clear()
            world.scanner = world.new_scanner()
            world.run = world.new_run()
        world.settle(LAG + 1)


@pytest.mark.parametrize("asset", [None, "USDT"])
def test_a_settlement_reaches_an_address_that_is_new_to_the_last_unit(asset: str | None) -> None:
    """The operator bears what activates it, and what burns as energy."""
    world = paid_world(asset)
    payout_id = ask(world, 100 * TRX, asset)
    run(world)
    done = world.stores.payouts.payout("m1", payout_id)
    assert done is not None
    assert (done.state, done.booking) == (PayoutState.COMPLETED, Booking.CLOSED)
    assert world.held(OWN, USDT.address if asset else None) == 100 * TRX
    assert owed_to(entries_of(world.stores), "available") == 400 * TRX
    assert world.log.alarms() == []


def test_two_settlements_of_one_amount_are_two_transactions() -> None:
    """Of one block, to one address: nothing but their times tells them apart."""
    world = paid_world()
    for _ in range(2):
        ask(world, 100 * TRX)
    run(world)
    assert world.held(OWN) == 200 * TRX
    payouts = [each for each in world.sent(HOT) if each.kind is Kind.PAYOUT]
    assert len({each.tx_hash for each in payouts}) == 2


def test_one_that_expired_is_sent_anew_and_the_recipient_is_paid_once() -> None:
    """Only once its time is over by a final block; before that the same bytes are offered."""
    world = paid_world()
    payout_id = ask(world, 100 * TRX)
    world.chain.deaf = True
    run(world)
    assert len([each for each in world.sent(HOT) if each.kind is Kind.PAYOUT]) == 1
    world.chain.drop()
    world.step(seconds=OVER)
    world.step(LAG + 1)
    back = world.stores.payouts.payout("m1", payout_id)
    assert back is not None
    assert (back.state, back.transaction) == (PayoutState.APPROVED, None)
    world.chain.deaf = False
    run(world)
    states = [each.state for each in world.sent(HOT) if each.kind is Kind.PAYOUT]
    assert states == [TransactionState.EXPIRED, TransactionState.FINAL]
    done = world.stores.payouts.payout("m1", payout_id)
    assert done is not None
    assert (done.state, world.held(OWN)) == (PayoutState.COMPLETED, 100 * TRX)


def test_one_of_which_nobody_can_tell_whether_it_was_mined_is_an_alarm_and_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nodes that keep no transactions prove nothing: it waits, and somebody is told once."""
    world = paid_world()
    payout_id = ask(world, 100 * TRX)
    world.chain.deaf = True
    run(world)
    monkeypatch.setattr(FakeTron, "missed", lambda *_: False)
    for _ in range(120):
        world.step(seconds=20)
        world.stage.payouts.worker.run()
    held = world.stores.payouts.payout("m1", payout_id)
    assert held is not None
    assert (held.state, world.log.alarms()) == (PayoutState.SENDING, ["receipt_missing"])
    assert len([each for each in world.sent(HOT) if each.kind is Kind.PAYOUT]) == 1
    monkeypatch.undo()
    world.chain.deaf = False
    run(world)
    done = world.stores.payouts.payout("m1", payout_id)
    assert done is not None
    assert (done.state, world.held(OWN)) == (PayoutState.COMPLETED, 100 * TRX)


def test_a_settlement_goes_to_no_address_of_another_kind() -> None:
    """An EVM address, one with a wrong checksum, one in hexadecimal digits: each is told why."""
    world = paid_world()
    for wrong in ("0x" + "5e" * 20, OWN[:-1] + ("1" if OWN[-1] != "1" else "2"), "41" + "5e" * 20):
        with pytest.raises(BadRequest, match="address"):
            world.stage.settlement.addresses.set("m1", "tron", wrong, ORIGIN)
    assert PRICES.activation
