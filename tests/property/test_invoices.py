"""Invoices whose attempts come to whatever they come to: what is paid and left is never lost, and never below zero."""

from hypothesis import given
from hypothesis import strategies as st

from ctrip.domain.invoices.invoice import Invoice, InvoiceState, LineItem, counted, standing
from ctrip.domain.payments.payment import Payment, Status
from ctrip.domain.prices.price import Price
from ctrip.domain.prices.rate import LockedRate, amount_due, worth
from tests.build import T0
from tests.support.objects import payment

CURRENCIES = st.sampled_from(["USD", "JPY", "KWD", "EUR"])
RATES = st.decimals("0.000001", "99999", places=6).map(str)
PARTS = st.sampled_from([0, 0.1, 0.5, 0.999999, 1, 1.5])  # of the amount due, credited
LINES = st.lists(
    st.builds(
        LineItem,
        description=st.just("D"),
        quantity=st.integers(1, 1_000_000),
        unit_price=st.integers(0, 10**9),
    ),
    min_size=1,
    max_size=8,
).filter(lambda lines: any(each.unit_price for each in lines))


def invoice(currency: str, lines: list[LineItem]) -> Invoice:
    return Invoice(id="i", merchant_id="m", number="1", currency=currency, items=tuple(lines))


def made(price: Price, asset_usd: str, currency_usd: str, decimals: int, credited: float) -> Payment:
    """Make a payment of a price, credited a part of its amount, or more than that."""
    rate = LockedRate("X", price.currency, asset_usd, currency_usd, (), T0)
    due = amount_due(price, rate, decimals)
    own = int(due * credited)
    choice = {"price": price, "rate": rate, "choosable": True}
    return payment(amount=due, decimals=decimals, credited=own, status=Status.PAID, **choice)


@given(
    CURRENCIES,
    LINES,
    st.lists(
        st.tuples(
            RATES, RATES, st.sampled_from([0, 6, 18]), st.sampled_from([0, 0.1, 0.5, 0.999999, 1, 1.5]), st.booleans()
        ),
        max_size=6,
    ),
)
def test_attempts_one_after_the_other_add_up_to_the_total(currency, lines, attempts):
    """Each asks for what the ones before have left, or for all of it again, as one whose money comes late."""
    asked, payments = invoice(currency, lines), []
    assert asked.total == sum(each.quantity * each.unit_price for each in lines)
    for asset_usd, currency_usd, decimals, part, again in attempts:
        known = standing(asked, payments, T0)
        price = Price(currency, asked.total if again or not known.left else known.left)
        payments.append(made(price, asset_usd, currency_usd, decimals, part))
        after = standing(asked, payments, T0)
        assert after.paid - known.paid == counted(payments[-1]) <= price.amount
        assert (after.paid + after.left, min(after.left, after.over)) == (asked.total + after.over, 0)
        assert 0 <= after.left <= known.left
        expected = InvoiceState.PAID if not after.left else InvoiceState.PART_PAID if after.paid else InvoiceState.OPEN
        assert after.state is expected


@given(CURRENCIES, st.integers(1, 10**12), RATES, RATES, st.sampled_from([0, 6, 18]), st.floats(0, 1))
def test_a_payment_counts_what_it_is_worth_and_a_complete_one_its_price(currency, amount, asset, other, decimals, part):
    price = Price(currency, amount)
    whole, some = made(price, asset, other, decimals, 1), made(price, asset, other, decimals, part)
    assert counted(whole) == amount
    rate = some.choice.rate
    assert rate is not None
    if some.own.credited < some.due.amount:
        value = worth(some.own.credited, rate, decimals)
        assert counted(some) == min(value, amount)


def test_what_nobody_chose_for_and_what_has_no_rate_counts_nothing():
    bare = payment(credited=5)
    waiting = payment(price=Price("USD", 100), choosable=True)
    assert [counted(each) for each in (bare, waiting)] == [0, 0]
