"""An invoice: line items, what is paid of their total, and what is left."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ctrip.domain.errors import Conflict, InvalidField
from ctrip.domain.payments.payment import Payment, Status
from ctrip.domain.prices.price import parse_minor
from ctrip.domain.prices.rate import worth

MOST = 10**17  # minor units of a total: what every payment can be asked for


class InvoiceState(StrEnum):
    """What has become of an invoice; it follows from its payments and the time."""

    OPEN = "open"
    PART_PAID = "part_paid"
    PAID = "paid"
    OVERDUE = "overdue"
    VOID = "void"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineItem:
    """One line: so many of something, each at a price in minor units."""

    description: str
    quantity: int
    unit_price: int

    @property
    def total(self) -> int:
        """What the line comes to, in minor units."""
        return self.quantity * self.unit_price


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """An invoice. `number` is unique among its merchant's; `attempts` are the payments by which it was to be paid.

    An attempt that ended without any money, and for which none can come any more, is left out in time.
    """

    id: str
    merchant_id: str
    number: str
    currency: str
    items: tuple[LineItem, ...]
    due_at: int | None = None
    customer_name: str | None = None
    customer_email: str | None = None
    note: str | None = None
    assets: tuple[str, ...] = ()
    attempts: tuple[str, ...] = ()
    voided_at: int | None = None
    created_at: int = 0
    updated_at: int = 0
    version: int = 1

    @property
    def total(self) -> int:
        """What all lines come to, in minor units."""
        return sum(item.total for item in self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an invoice stands, in minor units: `paid` and `left` make up the total, and what is `over` it."""

    state: InvoiceState
    paid: int
    left: int
    over: int


def line_item(currency: str, description: str, quantity: int, unit_price: str, place: int) -> LineItem:
    """Read a line, the `place`-th from 0; raises `InvalidField`."""
    minor = parse_minor(currency, unit_price, field=f"items.{place}.unit_price")
    return LineItem(description=description, quantity=quantity, unit_price=minor)


def check_total(items: Sequence[LineItem]) -> None:
    """Demand a total that somebody can be asked for; raises `InvalidField`."""
    if not items:
        raise InvalidField("items", "missing", "must have at least one line")
    if not 0 < sum(item.total for item in items) <= MOST:
        raise InvalidField("items", "invalid_total", f"must come to more than zero, and to {MOST} minor units at most")


def counted(payment: Payment) -> int:
    """Return what a payment counts for its invoice, in minor units: what was credited, at its locked rate.

    Rounded down, and never more than its price; one that is complete counts its whole price.
    """
    price, rate, credited = payment.choice.price, payment.choice.rate, payment.own.credited
    if price is None or rate is None or not credited:
        return 0
    if credited >= payment.target:
        return price.amount
    return min(worth(credited, rate, payment.due.decimals), price.amount)


def standing(invoice: Invoice, payments: Iterable[Payment], now: int) -> Standing:
    """Derive how an invoice stands at a time, from all payments that were made for it."""
    paid = sum(map(counted, payments))
    left = max(invoice.total - paid, 0)
    return Standing(state=_state(invoice, paid, left, now), paid=paid, left=left, over=max(paid - invoice.total, 0))


def _state(invoice: Invoice, paid: int, left: int, now: int) -> InvoiceState:
    if invoice.voided_at is not None:
        return InvoiceState.VOID
    if not left:
        return InvoiceState.PAID
    if invoice.due_at is not None and now >= invoice.due_at:
        return InvoiceState.OVERDUE
    return InvoiceState.PART_PAID if paid else InvoiceState.OPEN


def refuse_payment(known: Standing) -> None:
    """Demand that something may be paid; raises `Conflict` that says why not."""
    if known.state is InvoiceState.VOID:
        raise Conflict("The invoice is void.", code="invoice_void")
    if not known.left:
        raise Conflict("The invoice is paid.", code="invoice_paid")


def current(payments: Sequence[Payment], left: int, now: int) -> Payment | None:
    """Return the newest attempt that goes on: one that asks for what is left, or for which money is on its way."""
    return next((each for each in reversed(payments) if _goes_on(each, left, now)), None)


def _goes_on(payment: Payment, left: int, now: int) -> bool:
    if payment.status in (Status.DETECTED, Status.CONFIRMED):
        return True
    if payment.status is not Status.PENDING:
        return False
    in_time = now < payment.due.expires_at
    # Until the chain has been read past the deadline, money may be on its way: nobody is asked for it twice.
    return (in_time or payment.is_chosen) and payment.choice.price is not None and payment.choice.price.amount == left


def on_its_way(payments: Iterable[Payment]) -> bool:
    """Whether money has been seen that is not credited yet."""
    return any(
        payment.status is Status.CONFIRMED or (payment.is_open and payment.seen.amount_received > 0)
        for payment in payments
    )


def may_count(payment: Payment, now: int) -> bool:
    """Whether a payment counts for its invoice one day: money has come for it, or may come yet."""
    if not payment.is_dead or payment.seen.amount_received or payment.own.credited:
        return True
    return payment.is_chosen and now < payment.window_ends
