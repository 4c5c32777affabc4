"""Invoices: exact totals, one attempt at a time, and amounts that add up whatever becomes of each attempt."""

from dataclasses import replace

import pytest

from ctrip.domain.errors import Busy, Conflict, InvalidField, NotFound, TooMany
from ctrip.domain.payments.payment import Flag, Late, Policy, Status
from ctrip.ports.idempotency import Idempotency
from ctrip.services.invoices.manage_invoices import NewInvoice
from tests.world import ORIGIN, USDC, World

BASE = "http://x"
LINES = (("Work", 3, "33.33"), ("Travel", 1, "0.01"))


@pytest.fixture
def world():
    world = World()
    for source in world.rate_sources:
        source.values |= {"USDC": "1", "EUR": "1.1"}
    return world


def make(world, **asked):
    wanted = NewInvoice(**{"currency": "USD", "items": LINES} | asked)
    view = world.stage.invoices.manager.create("m1", wanted, BASE).view
    return world.stores.invoices.get(view["id"])


def shown(world, invoice):
    return world.stage.invoices.manager.one("m1", invoice.id, BASE)


def sums(world, invoice):
    view = shown(world, invoice)
    return view["status"], view["paid"], view["left"], view["over"]


def attempt(world, invoice, symbol="USDC"):
    """Open the invoice, and choose what to pay with."""
    payment_id = world.stage.invoices.payer.pay(invoice.id, BASE, ORIGIN)
    if symbol:
        world.stage.payments.chooser.choose(payment_id, "anvil", symbol, ORIGIN)
    return world.payment(payment_id)


def pay(world, payment, amount=None):
    world.chain.deposit(payment.due.address, payment.due.amount if amount is None else amount, token=USDC.address)
    for _ in range(5):
        world.step()
    return world.payment(payment.id)


def expire(world, payment):
    world.chain.mine(1)
    seconds = (payment.due.expires_at - world.clock.now()) // 1000 + 1
    world.step(1, seconds=seconds)
    for _ in range(5):
        world.step()
    world.stage.payments.lapser.run()


def void(world, invoice):
    return world.stage.invoices.manager.void("m1", invoice.id, BASE, ORIGIN).view


@pytest.mark.parametrize(
    ("currency", "lines", "total"),
    [
        ("USD", LINES, "100.00"),
        ("USD", (("D", 3, "0.1"),), "0.30"),
        ("JPY", (("D", 7, "143"),), "1001"),
        ("KWD", (("D", 3, "0.333"),), "0.999"),
        ("USD", (("Gift", 9, "0"), ("D", 1_000_000, "999999.99")), "999999990000.00"),
    ],
)
def test_a_total_is_computed_in_minor_units_exactly(world, currency, lines, total):
    assert shown(world, make(world, currency=currency, items=lines))["total"] == total


@pytest.mark.parametrize(
    ("asked", "field", "code"),
    [
        ({"currency": "DEM"}, "currency", "currency_retired"),
        ({"items": ()}, "items", "missing"),
        ({"items": (("D", 1, "0.00"),)}, "items", "invalid_total"),
        ({"items": (("D", 1_000_000, "9999999999.99"),)}, "items", "invalid_total"),
        ({"items": (("D", 1, "1.00"), ("D", 1, "1.001"))}, "items.1.unit_price", "too_many_decimals"),
        ({"items": (("D", 1, "-1.00"),)}, "items.0.unit_price", "invalid_price"),
        ({"assets": ("WIRE",)}, "assets", "asset_not_found"),
        ({"customer_email": "nobody"}, "customer_email", "invalid_email"),
    ],
)
def test_a_wrong_field_is_refused_and_named(world, asked, field, code):
    with pytest.raises(InvalidField) as refused:
        make(world, **asked)
    assert (refused.value.errors[0].field, refused.value.errors[0].code) == (field, code)


def test_a_number_is_one_invoices_of_its_merchant_and_stays_so_when_that_is_void(world):
    first = make(world, number="7")
    for _ in range(2):
        with pytest.raises(Conflict) as refused:
            make(world, number="7")
        assert refused.value.code == "invoice_number_in_use"
        if shown(world, first)["status"] == "open":
            void(world, first)
    assert make(world).number != make(world).number


def test_the_same_key_makes_one_invoice_and_another_merchant_sees_none(world):
    key = Idempotency("m1", "POST /api/v1/invoices", "k", "hash")
    manager, wanted = world.stage.invoices.manager, NewInvoice(currency="USD", items=LINES, number="7")
    first, again = (manager.create("m1", wanted, BASE, key) for _ in range(2))
    assert (first.view, again.replayed) == (again.view, True)
    for call in (manager.one, lambda *ids: manager.void(*ids, ORIGIN)):
        with pytest.raises(NotFound):
            call("m2", first.view["id"], BASE)
    assert manager.page("m2", None, 20, BASE)["data"] == []
    assert manager.create("m2", wanted, BASE).view["number"] == "7"


def test_an_invoice_is_paid_by_one_attempt(world):
    invoice = make(world, assets=("USDC",))
    assert sums(world, invoice) == ("open", "0.00", "100.00", "0.00")
    payment = attempt(world, invoice)
    assert (payment.order.invoice_id, payment.choice.price.amount, payment.choice.accepts) == (
        invoice.id,
        10_000,
        ("USDC",),
    )
    assert sums(world, invoice)[0] == "open"
    pay(world, payment)
    assert sums(world, invoice) == ("paid", "100.00", "0.00", "0.00")
    with pytest.raises(Conflict) as refused:
        attempt(world, invoice)
    assert refused.value.code == "invoice_paid"


def test_an_attempt_that_is_open_goes_on_and_another_begins_once_it_is_over(world):
    invoice = make(world)
    first = attempt(world, invoice, symbol=None)
    assert attempt(world, invoice).id == attempt(world, invoice).id == first.id
    expire(world, world.payment(first.id))
    assert world.payment(first.id).status is Status.EXPIRED
    second = attempt(world, invoice)
    assert (second.id != first.id, second.choice.price.amount) == (True, 10_000)
    assert [each["id"] for each in shown(world, invoice)["payments"]] == [first.id, second.id]


def test_an_attempt_that_nobody_chose_for_is_over_at_its_deadline_and_not_kept(world):
    """Also where nothing has ended it yet: nothing can come for it."""
    invoice = make(world)
    first = attempt(world, invoice, symbol=None)
    world.clock.at = first.due.expires_at
    assert attempt(world, invoice, symbol=None).id != first.id
    world.stage.payments.lapser.run()
    world.clock.at = world.clock.now() + 10**8
    third = attempt(world, invoice, symbol=None)
    world.clock.at += 10**8
    world.stage.payments.lapser.run()
    assert attempt(world, invoice, symbol=None).id not in (first.id, third.id)
    assert first.id not in world.stores.invoices.get(invoice.id).attempts


def test_while_money_is_on_its_way_nobody_is_asked_for_it_again(world):
    invoice = make(world)
    payment = attempt(world, invoice)
    world.chain.deposit(payment.due.address, payment.due.amount, token=USDC.address)
    world.step()
    assert world.payment(payment.id).status is Status.DETECTED
    assert attempt(world, invoice, symbol=None).id == payment.id
    assert sums(world, invoice)[:2] == ("open", "0.00")


def test_what_one_attempt_was_credited_is_less_for_the_next(world):
    """Part of it came, the deadline passed, and the shop accepted it: the next attempt asks for what is left."""
    invoice = make(world)
    first = attempt(world, invoice)
    pay(world, first, 40_123_456)
    expire(world, first)
    assert sums(world, invoice)[:3] == ("open", "0.00", "100.00")
    # Its page says that the shop has some of the customer's money.
    assert world.stage.invoices.payer.show(invoice.id).aside
    world.closer.accept("m1", first.id, ORIGIN)
    for _ in range(5):
        world.step()
    # 40.123456 dollars, rounded down to the cent.
    assert sums(world, invoice) == ("part_paid", "40.12", "59.88", "0.00")
    assert not world.stage.invoices.payer.show(invoice.id).aside
    second = attempt(world, invoice)
    assert second.choice.price.amount == 5988
    pay(world, second)
    assert sums(world, invoice) == ("paid", "100.00", "0.00", "0.00")


def test_money_that_comes_late_for_an_older_attempt_counts_too_and_is_said_to_be_too_much():
    world = World(policy=Policy(late=Late.ACCEPT))
    for source in world.rate_sources:
        source.values |= {"USDC": "1"}
    invoice = make(world)
    first = attempt(world, invoice)
    expire(world, first)
    second = attempt(world, invoice)
    pay(world, second)
    paid = pay(world, first)
    assert (paid.status, Flag.LATE in paid.flags) == (Status.PAID, True)
    assert sums(world, invoice) == ("paid", "200.00", "0.00", "100.00")


def test_a_complete_payment_counts_its_whole_price_though_a_rate_rounds(world):
    invoice = make(world, currency="EUR")
    payment = pay(world, attempt(world, invoice, symbol="USDC"))
    assert payment.status in (Status.PAID, Status.SETTLED)
    assert sums(world, invoice) == ("paid", "100.00", "0.00", "0.00")


def test_a_payment_within_its_merchants_tolerance_is_complete_and_counts_its_whole_price():
    world = World(policy=Policy(tolerance_per_mille=10))
    for source in world.rate_sources:
        source.values |= {"USDC": "1"}
    invoice = make(world)
    pay(world, attempt(world, invoice), 99_000_000)
    assert sums(world, invoice) == ("paid", "100.00", "0.00", "0.00")


def test_an_invoice_is_overdue_from_its_due_time_until_it_is_paid(world):
    invoice = make(world, due_at=world.clock.now() + 1_000)
    assert sums(world, invoice)[0] == "open"
    world.clock.at += 1_000
    assert sums(world, invoice)[0] == "overdue"
    pay(world, attempt(world, invoice))
    assert sums(world, invoice)[0] == "paid"


def test_a_void_invoice_takes_nothing_and_its_open_attempt_is_cancelled(world):
    invoice = make(world, due_at=1)
    payment = attempt(world, invoice)
    view = void(world, invoice)
    assert (view["status"], view["voided_at"] is not None) == ("void", True)
    assert world.payment(payment.id).status is Status.EXPIRED
    for call in (attempt, void):
        with pytest.raises(Conflict) as refused:
            call(world, invoice)
        assert refused.value.code == "invoice_void"


@pytest.mark.parametrize("blocks", [1, 5])
def test_an_invoice_for_which_money_has_come_is_not_voided(world, blocks):
    """Credited, or only seen so far."""
    invoice = make(world)
    payment = attempt(world, invoice)
    world.chain.deposit(payment.due.address, payment.due.amount, token=USDC.address)
    for _ in range(blocks):
        world.step()
    with pytest.raises(Conflict) as refused:
        void(world, invoice)
    assert refused.value.code == "invoice_not_voidable"
    assert shown(world, invoice)["voided_at"] is None


def test_two_who_pay_side_by_side_are_led_to_one_payment(world):
    """What the second has read is outdated once the first has committed: it reads again, and goes on with that one."""
    invoice = make(world)
    read = world.stores.invoices.get
    first = attempt(world, invoice, symbol=None)
    stale = [invoice, invoice]
    world.stores.invoices.get = lambda invoice_id: stale.pop() if stale else read(invoice_id)
    assert attempt(world, invoice, symbol=None).id == first.id
    assert stale == []
    assert len(world.stores.payments._state.payments) == 1


def test_nobody_is_asked_for_money_while_a_payment_cannot_be_read(world):
    invoice = make(world)
    payment = attempt(world, invoice)
    del world.stores.payments._state.payments[payment.id]
    with pytest.raises(Busy):
        attempt(world, invoice)


def test_paying_has_a_limit_of_its_own(world):
    invoice = make(world)
    for _ in range(20):
        attempt(world, invoice, symbol=None)
    with pytest.raises(TooMany) as refused:
        attempt(world, invoice, symbol=None)
    assert refused.value.code == "too_many_openings"


def test_an_invoice_of_a_merchant_that_is_switched_off_cannot_be_paid(world):
    invoice = make(world)
    world.stores.access._merchants["m1"] = replace(world.merchant, enabled=False)
    with pytest.raises(NotFound):
        attempt(world, invoice)
