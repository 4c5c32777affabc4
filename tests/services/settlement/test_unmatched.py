"""What came and belongs to no payment by itself: listed, and given back."""

from dataclasses import replace

import pytest

from ctrip.domain.errors import Conflict, NotFound
from ctrip.domain.settlement.payout import PayoutState
from ctrip.services.settlement.ask_payout import AskRefund
from tests.services.settlement.test_paying_out import COIN, PAYER, paid_world, payout, run
from tests.world import ORIGIN, USDC


def listed(world):
    """List the unmatched deposits: payment, symbol, amount, refunded."""
    page = world.stage.settlement.reader.unmatched("m1", None, 20)
    return [(each["id"], each["symbol"], each["amount"], each["refunded"]) for each in page["data"]]


def refund(world, deposit_id, **wanted):
    """Ask for a refund of a deposit, as the route does; return its id."""
    deposit = world.stage.settlement.reader.deposit("m1", deposit_id)
    asked = AskRefund(address=PAYER, chain=deposit.chain, asset=deposit.symbol, unmatched=True, **wanted)
    return world.stage.settlement.asker.refund(world.merchant, deposit.payment.id, asked, ORIGIN).view["id"]


def test_another_asset_at_a_payments_address_is_listed_and_given_back():
    """From the treasury, in parts; what is given back whole is left out of the list."""
    world, payment = paid_world()
    world.chain.deposit(payment.due.address, 777, USDC.address)
    world.chain.deposit(world.stage.settings.treasury, 10_000, USDC.address)
    world.step(4)
    world.step(4)
    deposit = f"{payment.id}.1"
    assert listed(world) == [(deposit, "USDC", 777, 0)]
    first = refund(world, deposit, amount=700)
    assert listed(world) == [(deposit, "USDC", 777, 700)]
    run(world)
    assert payout(world, first).state is PayoutState.COMPLETED
    assert world.chain.total(USDC.address, [PAYER]) == 700
    with pytest.raises(Conflict) as refused:
        refund(world, deposit, amount=78)
    assert refused.value.extra == {"available": "77"}
    refund(world, deposit)
    assert listed(world) == []


def test_what_an_expired_payment_received_is_listed_and_given_back():
    """Number 0 is the asset that was due."""
    world, _ = paid_world()
    world.clock.at = world.chain.chain[-1].block.time
    payment = world.create(COIN, expires_in=60)
    world.chain.deposit(payment.due.address, COIN // 4)
    world.step(70)
    world.step(3)
    deposit = f"{payment.id}.0"
    assert listed(world) == [(deposit, "ETH", COIN // 4, 0)]
    made = refund(world, deposit)
    run(world)
    assert payout(world, made).state is PayoutState.COMPLETED
    assert world.chain.total(None, [PAYER]) == COIN // 4


def test_a_deposit_that_is_none_is_not_found():
    """Another merchant's, a number that is not there, and nonsense."""
    world, payment = paid_world()
    reader = world.stage.settlement.reader
    for merchant, deposit in (("m1", f"{payment.id}.1"), ("m2", f"{payment.id}.0"), ("m1", "x"), ("m1", "")):
        with pytest.raises(NotFound) as refused:
            reader.deposit(merchant, deposit)
        assert refused.value.code == "deposit_not_found"
    assert replace(payment).own.unmatched == 0
