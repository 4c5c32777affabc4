"""Amounts, for all of them."""

from hypothesis import given
from hypothesis import strategies as st

from ctrip.domain.money import MAX_AMOUNT, format_decimal, less_tolerance, parse_amount, parse_decimal

amounts = st.integers(1, MAX_AMOUNT)


@given(amounts, st.integers(0, 36))
def test_decimal_spelling_reads_back_as_the_same_amount(amount, decimals):
    """Spelling and reading are inverses for each number of places."""
    assert parse_decimal(format_decimal(amount, decimals), decimals) == amount


@given(amounts)
def test_digits_read_back_as_the_same_amount(amount):
    """Text and number are the same amount."""
    assert parse_amount(str(amount)) == parse_amount(amount) == amount


@given(amounts, st.integers(0, 1000))
def test_a_tolerance_never_asks_for_more_than_is_due(amount, per_mille):
    """And never for less than one base unit."""
    assert 1 <= less_tolerance(amount, per_mille) <= amount
