"""Each life that the guide tells is played, and every type of event stands in the guide."""

from collections.abc import Callable

import pytest

from ctrip.domain.payments.machine import EVENTS
from ctrip.domain.payments.payment import Payment
from ctrip.domain.settlement.payout import EVENTS as PAYOUT_EVENTS
from ctrip.domain.webhooks.events import WEBHOOK_EVENTS
from ctrip.views.event_types import LIVES, NAMES
from tests.world import ORIGIN, World

COIN = 10**18
PAST_THE_DEADLINE = 2_000


def pay(world: World, payment: Payment, amount: int) -> None:
    world.chain.deposit(payment.due.address, amount)
    world.settle(6)


def lapse(world: World) -> None:
    world.step(seconds=PAST_THE_DEADLINE)
    world.settle(4)


def too_late(world: World, payment: Payment) -> None:
    lapse(world)
    pay(world, payment, COIN)


def in_part_then_expired(world: World, payment: Payment) -> None:
    pay(world, payment, COIN // 4)
    lapse(world)


def in_part_and_late(world: World, payment: Payment) -> None:
    in_part_then_expired(world, payment)
    pay(world, payment, COIN - COIN // 4)


def cancelled_and_paid(world: World, payment: Payment) -> None:
    world.closer.cancel("m1", payment.id, ORIGIN)
    pay(world, payment, COIN)
    world.closer.accept("m1", payment.id, ORIGIN)


def in_two_parts(world: World, payment: Payment) -> None:
    pay(world, payment, COIN // 4)
    pay(world, payment, COIN - COIN // 4)


PLAYED: dict[str, Callable[[World, Payment], None]] = {
    "paid as it should be": lambda world, payment: pay(world, payment, COIN),
    "paid in two parts": in_two_parts,
    "paid too much": lambda world, payment: pay(world, payment, 2 * COIN),
    "paid in part, then expired": in_part_then_expired,
    "paid in part, and the rest too late, which you accept": in_part_and_late,
    "paid too late, which you accept": too_late,
    "cancelled, paid all the same, and accepted by hand": cancelled_and_paid,
}


@pytest.mark.parametrize("life", sorted(LIVES))
def test_a_payment_goes_as_the_guide_tells(life: str) -> None:
    """Event by event, and each with the status and the sequence of its moment."""
    world = World()
    payment = world.create(COIN)
    PLAYED[life](world, payment)
    world.settle(20)
    ulids = world.stores.payments.events_of(payment.id)
    events = world.stores.events.named("m1", ulids)
    assert tuple(event.type for event in events) == LIVES[life]


def test_every_type_of_event_is_in_the_guide() -> None:
    """And nothing that never comes."""
    assert NAMES == EVENTS | WEBHOOK_EVENTS | PAYOUT_EVENTS
