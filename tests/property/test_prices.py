"""What is due for a price, for all of them: never short by rounding, never a whole base unit too much."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from ctrip.domain.prices.agreement import Quote, judge
from ctrip.domain.prices.price import Price, minor_units, parse_price
from ctrip.domain.prices.rate import LockedRate, amount_due, worth

currencies = st.sampled_from(("EUR", "JPY", "KWD", "USD", "KRW"))
minors = st.integers(1, 10**17)
values = st.decimals("0.000001", "1000000", places=8).map(lambda each: f"{each:f}")
decimals = st.integers(0, 18)


@given(currencies, minors, values, values, decimals)
def test_the_amount_is_never_short_and_never_a_whole_base_unit_over(currency, minor, asset, unit, places):
    """Against the quotient with nothing rounded, through the dollar."""
    due = amount_due(Price(currency, minor), LockedRate("ETH", currency, asset, unit, (), 0), places)
    exactly = Fraction(minor, 10 ** minor_units(currency)) * Fraction(unit) / Fraction(asset) * 10**places
    assert 0 <= due - exactly < 1


@given(currencies, minors, values, values, decimals)
def test_what_is_due_is_worth_the_price_and_one_base_unit_less_is_not(currency, minor, asset, unit, places):
    price, rate = Price(currency, minor), LockedRate("ETH", currency, asset, unit, (), 0)
    due = amount_due(price, rate, places)
    assert worth(due, rate, places) >= minor
    assert worth(due - 1, rate, places) < minor


@given(currencies, minors)
def test_a_price_reads_back_as_itself(currency, minor):
    assert parse_price(currency, Price(currency, minor).decimal) == Price(currency, minor)


@given(st.lists(values, min_size=0, max_size=6))
def test_an_agreed_rate_lies_among_the_quotes_that_made_it(found):
    judged = judge([Quote(str(n), "ETH", value, 0, 1) for n, value in enumerate(found)], {}, 0)
    if judged.value is not None:
        near = [Fraction(found[int(source)]) for source in judged.sources]
        assert len(near) >= 2
        assert min(near) <= Fraction(judged.value) <= max(near)
        assert max(near) - min(near) <= Fraction(judged.value) * 42 / 1000
