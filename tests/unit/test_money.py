"""Amounts in and out."""

import pytest

from ctrip.domain.errors import InvalidField
from ctrip.domain.money import MAX_AMOUNT, format_decimal, less_tolerance, parse_amount, parse_decimal


@pytest.mark.parametrize("value", [1, "1", "0001", MAX_AMOUNT, str(MAX_AMOUNT)])
def test_integers_and_digit_strings_are_read_exactly(value):
    """Up to 2^256-1, as a number or as text."""
    assert parse_amount(value) == int(value)


@pytest.mark.parametrize(
    "value",
    [
        0,
        -1,
        "0",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "",
        "\uff11\uff12",
        "\u0661",
        1.0,
        1e400,
        True,
        None,
        [],
        {},
        MAX_AMOUNT + 1,
        str(MAX_AMOUNT + 1),
        "9" * 79,
        "0x10",
        "1_000",
        "NaN",
    ],
)
def test_anything_else_is_refused_naming_the_field(value):
    """Zero, signs, spaces, floats, booleans, foreign digits and one too many are refused, and the field is named."""
    with pytest.raises(InvalidField) as refused:
        parse_amount(value)
    assert refused.value.errors[0].field == "amount"


@pytest.mark.parametrize(
    ("text", "decimals", "amount"),
    [("12.50", 6, 12_500_000), ("1", 18, 10**18), ("0.000001", 6, 1), ("5.0000000", 6, 5_000_000), ("7", 0, 7)],
)
def test_decimal_text_becomes_base_units(text, decimals, amount):
    """Trailing zeros past the asset's places are harmless."""
    assert parse_decimal(text, decimals) == amount


@pytest.mark.parametrize(
    "text", ["0.0000001", "0", ".5", "1.", "-1", "1,5", "1e2", "", " 1", 12, None, "\uff11", "1" * 79]
)
def test_decimal_text_that_is_not_exact_is_refused(text):
    """More places than the asset has cannot be rounded away."""
    with pytest.raises(InvalidField) as refused:
        parse_decimal(text, 6)
    assert refused.value.errors[0].field == "amount_decimal"


def test_tolerance_rounds_in_the_merchants_favour_and_never_to_nothing():
    """One per mille of 999 is nothing; the whole of 1 is still 1."""
    assert less_tolerance(1000, 1) == 999
    assert less_tolerance(999, 1) == 999
    assert less_tolerance(1, 1000) == 1


def test_whole_units_are_spelt_without_trailing_zeros():
    """12.5, not 12.500000."""
    assert format_decimal(12_500_000, 6) == "12.5"
    assert format_decimal(10**18, 18) == "1"
    assert format_decimal(1, 18) == "0.000000000000000001"
    assert format_decimal(5, 0) == "5"
