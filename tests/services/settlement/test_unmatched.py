"""What came and belongs to no payment by itself: listed, and given back."""

from dataclasses import replace

import pytest

from ctrip.domain.errors import Conflict, InvalidField, NotFound
from ctrip.domain.settlement.payout import PayoutState
from ctrip.services.settlement.ask_payout import AskAssignment, AskRefund
from tests.services.settlement.test_paying_out import COIN, PAYER, ask, balance, paid_world, payout, run
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


def expired_world():
    """Make a world with a payment that expired after a quarter of it had come; return it, and a paid payment."""
    world, paid = paid_world()
    world.clock.at = world.chain.chain[-1].block.time
    payment = world.create(COIN, expires_in=60)
    world.chain.deposit(payment.due.address, COIN // 4)
    world.step(70)
    world.step(3)
    return world, payment, paid


def assign(world, deposit_id, **wanted):
    """Ask that a deposit counts for a payment, as the route does; return the view."""
    deposit = world.stage.settlement.reader.deposit("m1", deposit_id)
    asked = AskAssignment(chain=deposit.chain, asset=deposit.symbol, **wanted)
    return world.stage.settlement.asker.assign(world.merchant, deposit.payment.id, asked, ORIGIN).view


def reported(world, prefix):
    """Return the types of events that begin so, in their order."""
    events = [commit.event for commit in world.stores.payouts.commits if commit.event]
    return [each.type for each in events if each.type.startswith(prefix)]


def test_an_unmatched_deposit_that_counts_for_a_payment_is_the_merchants_balance():
    """In part, then the rest; what is assigned cannot be refunded, and what is refunded cannot be assigned."""
    world, expired, paid = expired_world()
    deposit, before = f"{expired.id}.0", balance(world)
    made = assign(world, deposit, payment_id=paid.id, amount=COIN // 8)
    assert (made["status"], made["payment_id"], made["assigned_to"]) == ("approved", expired.id, paid.id)
    with pytest.raises(Conflict) as refused:
        refund(world, deposit, amount=COIN // 8 + 1)
    assert refused.value.extra == {"available": str(COIN // 8)}
    with pytest.raises(Conflict):
        world.stage.settlement.decider.reject("m1", made["id"], "no", ORIGIN)
    run(world, 1)
    assert payout(world, made["id"]).state is PayoutState.COMPLETED
    assert (balance(world), balance(world, "unmatched")) == (before + COIN // 8, COIN // 8)
    [left] = world.stage.settlement.reader.unmatched("m1", None, 20)["data"]
    assert (left["assigned"], left["refunded"]) == (COIN // 8, 0)
    refund(world, deposit, amount=COIN // 16)
    assert assign(world, deposit, payment_id=expired.id)["amount"] == COIN // 16
    run(world)
    assert (balance(world, "unmatched"), balance(world, "payable"), listed(world)) == (0, 0, [])
    assert reported(world, "assignment.") == ["assignment.created", "assignment.completed"] * 2


def test_a_deposit_counts_for_a_payment_of_the_merchants_own_only():
    """The field is named, and nothing is reserved."""
    world, expired, _ = expired_world()
    for other in ("nobody", "m2"):
        with pytest.raises(InvalidField) as refused:
            assign(world, f"{expired.id}.0", payment_id=other)
        assert refused.value.errors[0].field == "payment_id"
    assert world.stores.payouts.reservations("m1") == []


def test_an_assignment_whose_money_a_reorganisation_took_fails():
    """Nothing is credited, and the deposit can be assigned again once it is there."""
    world, expired, paid = expired_world()
    made = assign(world, f"{expired.id}.0", payment_id=paid.id)
    every = world.stores.ledger._state.causes
    for key in [key for key, entries in every.items() if entries[0].type == "unmatched"]:
        del every[key]
    world.stage.payouts.worker.run()
    assert payout(world, made["id"]).state is PayoutState.FAILED
    assert world.stores.payouts.refunded(expired.id, "anvil", "native").total == 0
    assert reported(world, "assignment.") == ["assignment.created", "assignment.failed"]


def test_what_was_refunded_of_a_payment_that_came_to_life_again_is_not_paid_out_twice():
    """It was unmatched when it was refunded, and is credited whole: the merchant owes what was refunded."""
    world, expired, _ = expired_world()
    before = balance(world)
    refund(world, f"{expired.id}.0")
    run(world)
    world.chain.deposit(expired.due.address, COIN)
    world.step(4)
    world.step(4)
    assert world.payment(expired.id).own.credited == COIN + COIN // 4
    assert (balance(world) - before, balance(world, "unmatched")) == (COIN + COIN // 4, -(COIN // 4))
    with pytest.raises(Conflict) as refused:
        ask(world, amount=before + COIN + 1)
    assert refused.value.extra == {"available": str(before + COIN)}


def test_a_deposit_that_is_none_is_not_found():
    """Another merchant's, a number that is not there, and nonsense."""
    world, payment = paid_world()
    reader = world.stage.settlement.reader
    for merchant, deposit in (("m1", f"{payment.id}.1"), ("m2", f"{payment.id}.0"), ("m1", "x"), ("m1", "")):
        with pytest.raises(NotFound) as refused:
            reader.deposit(merchant, deposit)
        assert refused.value.code == "deposit_not_found"
    assert replace(payment).own.unmatched == 0
