"""What a merchant has, from the money that came."""

from dataclasses import replace

import pytest

from ctrip.domain.ledger.balances import FOLD_FROM, SETTLED_MS
from ctrip.domain.ledger.entries import Entry, EntryType, payable
from ctrip.domain.payments.payment import Flag, Policy, Status, Tier
from ctrip.domain.settlement.payout import Source, account_of
from ctrip.domain.settlement.reservation import Reservation
from ctrip.ports.ledger import EntryFilter
from tests.fakes.clock import T0
from tests.world import ORIGIN, USDC, World

COIN = 10**18


def balance(world, symbol="ETH"):
    """Return what the merchant is shown of an asset: available, held, unmatched, owed."""
    (shown,) = [each for each in world.stage.ledger.reader.balances("m1")["data"] if each["symbol"] == symbol]
    return shown["available"], shown["held"], shown["unmatched"], shown["owed"]


def test_a_paid_payment_is_available_and_its_sweep_changes_nothing_of_that():
    """The credit is what arrived."""
    world = World()
    payment = world.create(COIN)
    assert world.stage.ledger.reader.balances("m1")["data"] == []
    world.chain.deposit(payment.due.address, COIN + 5)
    world.settle()
    assert world.payment(payment.id).status is Status.SETTLED
    assert balance(world) == (COIN + 5, 0, 0, 0)


def test_what_is_held_is_not_available_until_it_is_released():
    """Of a payment that was credited and lost money without us."""
    world = World()
    world.clock.at = world.chain.chain[-1].block.time
    payment = world.create(COIN)
    world.chain.deposit(payment.due.address, COIN)
    world.step(3)
    world.chain.burn(payment.due.address, 1)
    world.step()
    assert Flag.HELD in world.payment(payment.id).flags
    assert balance(world) == (0, COIN, 0, 0)
    world.chain.deposit(payment.due.address, 1)
    world.step(4)
    world.closer.accept(None, payment.id, ORIGIN)
    world.step(4)
    assert balance(world) == (COIN, 0, 0, 0)


def test_what_an_expired_payment_received_is_unmatched_until_it_is_accepted():
    """At the confirmed depth, and what comes later too."""
    world = World()
    world.clock.at = world.chain.chain[-1].block.time
    payment = world.create(COIN, expires_in=60)
    world.chain.deposit(payment.due.address, COIN // 4)
    world.step(70)
    assert world.payment(payment.id).status is Status.EXPIRED
    assert balance(world) == (0, 0, COIN // 4, 0)
    world.chain.deposit(payment.due.address, COIN // 4)
    world.step(1)
    assert balance(world) == (0, 0, COIN // 4, 0)
    world.step(4)
    assert balance(world) == (0, 0, COIN // 2, 0)
    world.closer.accept("m1", payment.id, ORIGIN)
    world.step(4)
    assert balance(world) == (COIN // 2, 0, 0, 0)


def test_what_an_expired_payment_received_goes_with_the_block_that_brought_it():
    """A reorganisation takes it back, as it does a credit."""
    world = World()
    world.clock.at = world.chain.chain[-1].block.time
    payment = world.create(COIN, expires_in=60)
    world.step(55)
    tx = world.chain.deposit(payment.due.address, COIN // 4)
    world.step(12)
    assert balance(world) == (0, 0, COIN // 4, 0)
    world.chain.reorg(13, drop=[tx])
    world.step(6)
    assert balance(world) == (0, 0, 0, 0)


def test_another_asset_at_a_payments_address_is_unmatched():
    """It is credited to nobody by itself."""
    world = World()
    payment = world.create(COIN)
    world.chain.deposit(payment.due.address, 777, USDC.address)
    world.step(4)
    assert balance(world, "USDC") == (0, 0, 777, 0)


def test_a_deposit_that_is_undone_after_it_was_settled_is_owed():
    """A settled payment keeps its status; the available amount is what is left."""
    world = World()
    payment = world.create(1000)
    world.settle(14)
    tx = world.chain.deposit(payment.due.address, 1000)
    world.step(4)
    world.chain.reorg(5, drop=[tx])
    world.step(2)
    assert balance(world) == (0, 0, 0, 0)


def test_reading_takes_the_kept_sum_further_and_shows_the_same():
    """Once enough entries are old enough."""
    world = World()
    payments = [world.create(1000 + number) for number in range(FOLD_FROM)]
    for each in payments:
        world.chain.deposit(each.due.address, each.due.amount)
    world.settle()
    before = world.stage.ledger.reader.balances("m1")
    assert world.stores.ledger.fold("m1").until == 0
    world.clock.at += 2 * SETTLED_MS
    assert world.stage.ledger.reader.balances("m1") == before
    assert world.stores.ledger.fold("m1").until == 0
    assert world.stage.ledger.keeper.balances("m1") == before
    assert world.stores.ledger.fold("m1").until > T0
    assert world.stage.ledger.reader.balances("m1") == before


def test_an_export_has_a_line_for_each_entry():
    """With the amounts as text, and a cursor while there are more."""
    world = World()
    payment = world.create(COIN)
    world.chain.deposit(payment.due.address, COIN)
    world.settle()
    written, cursor = world.stage.ledger.reader.export("m1", EntryFilter(limit=1))
    assert written.count("\r\n") == 2
    assert f'"{payment.id}"' in written
    assert cursor is not None
    rest, end = world.stage.ledger.reader.export("m1", EntryFilter(cursor=cursor))
    assert '"deposit","anvil","ETH","1"' in rest
    assert end is None


@pytest.mark.parametrize("asset", [None, "USDC"])
def test_what_an_expired_payment_received_is_swept_once_its_window_is_over(asset):
    """To the treasury, from which it is refunded; the payment stays expired, and is looked at no more."""
    world = World(policy=Policy(monitoring_seconds=60))
    world.clock.at = world.chain.chain[-1].block.time
    payment = world.create(COIN, expires_in=60, **({"asset": asset} if asset else {}))
    token = USDC.address if asset else None
    world.chain.deposit(payment.due.address, COIN // 4, token)
    world.step(70)
    assert world.chain.total(token, [payment.due.address]) == COIN // 4
    world.step(70)
    world.settle(25)
    after = world.payment(payment.id)
    assert (after.status, after.tier, after.own.unmatched) == (Status.EXPIRED, Tier.CLOSED, COIN // 4)
    assert world.chain.total(token, [payment.due.address]) == 0
    assert balance(world, asset or "ETH")[2] == COIN // 4
    assert [each.status for each in after.own.sweeps] == ["final"]


def test_what_a_cancelled_payment_received_stays_until_somebody_has_looked():
    """It is held: a hold covers the whole address."""
    world = World(policy=Policy(monitoring_seconds=60))
    world.clock.at = world.chain.chain[-1].block.time
    payment = world.create(COIN, expires_in=60)
    world.closer.cancel("m1", payment.id, ORIGIN)
    world.chain.deposit(payment.due.address, COIN)
    world.step(140)
    world.settle(15)
    assert world.chain.total(None, [payment.due.address]) == COIN
    assert balance(world) == (0, 0, COIN, 0)


def test_what_is_booked_while_it_is_read_counts_once():
    """A worker books a settlement between the two reads; what stays asked for counts too."""
    world = World()
    payment = world.create(COIN)
    world.chain.deposit(payment.due.address, COIN)
    world.settle()
    asset = world.network.coin.key
    first = Reservation(merchant_id="m1", chain="anvil", asset=asset, waiting=(("p1", Source.AVAILABLE, COIN // 2),))
    rest = Reservation(merchant_id="m1", chain="anvil", asset=asset, version=1)
    answers = [[first], [rest], [rest]]
    entry = Entry(
        id="booked",
        type=EntryType.RESERVED,
        owner="m1",
        chain="anvil",
        asset=asset,
        debit=account_of(Source.AVAILABLE, "m1"),
        credit=payable("m1"),
        amount=COIN // 2,
        at=world.clock.now(),
    )

    class Booking:
        """Payouts of which one is booked after the first read."""

        def reservations(self, _: str) -> list[Reservation]:
            return answers.pop(0)

    reader = replace(world.stage.ledger.reader, payouts=Booking())
    kept = reader.ledger.entries
    world.stores.ledger.entries = lambda *given: [*kept(*given), entry]
    (shown,) = [each for each in reader.balances("m1")["data"] if each["symbol"] == "ETH"]
    assert shown["available"] == COIN - COIN // 2
