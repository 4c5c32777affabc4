"""A price is read exactly, in a currency that is in use."""

import pytest

from ctrip.domain.errors import InvalidField
from ctrip.domain.prices import currencies
from ctrip.domain.prices.price import Price, minor_units, parse_currency, parse_price
from infra.commands.currencies import written


@pytest.mark.parametrize(
    ("currency", "amount", "minor"),
    [
        ("EUR", "12.50", 1250),
        ("EUR", "12.5", 1250),
        ("EUR", "12", 1200),
        ("EUR", "0.01", 1),
        ("JPY", "1200", 1200),
        ("KWD", "1.234", 1234),
        ("USD", "999999999999999.99", 99999999999999999),
    ],
)
def test_an_amount_becomes_minor_units_of_its_currency(currency, amount, minor):
    assert parse_price(currency, amount) == Price(currency, minor)


@pytest.mark.parametrize(("currency", "minor", "text"), [("EUR", 5, "0.05"), ("JPY", 12, "12"), ("KWD", 1, "0.001")])
def test_a_price_is_spelt_with_all_its_decimals(currency, minor, text):
    assert Price(currency, minor).decimal == text
    assert parse_price(currency, text) == Price(currency, minor)


@pytest.mark.parametrize(
    ("currency", "code"),
    [
        ("DEM", "currency_retired"),
        ("HRK", "currency_retired"),
        ("BGN", "currency_retired"),
        ("XYZ", "currency_unknown"),
        ("XAU", "currency_unknown"),
        ("XTS", "currency_unknown"),
        ("BTC", "currency_unknown"),
        ("eur", "currency_unknown"),
        ("EURO", "currency_unknown"),
        ("", "currency_unknown"),
        (978, "currency_unknown"),
        (None, "currency_unknown"),
    ],
)
def test_a_currency_that_nobody_pays_with_is_refused_with_its_own_code(currency, code):
    with pytest.raises(InvalidField) as refused:
        parse_price(currency, "1")
    [error] = refused.value.errors
    assert (error.field, error.code) == ("price.currency", code)


@pytest.mark.parametrize(
    ("currency", "amount"), [("EUR", "1.005"), ("EUR", "12.500"), ("JPY", "1.0"), ("KWD", "0.0001")]
)
def test_more_decimals_than_the_currency_has_are_refused_also_where_they_are_zeros(currency, amount):
    with pytest.raises(InvalidField) as refused:
        parse_price(currency, amount)
    [error] = refused.value.errors
    assert (error.field, error.code) == ("price.amount", "too_many_decimals")
    assert currency in error.detail


@pytest.mark.parametrize(
    "amount",
    [
        "",
        "0",
        "0.00",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1e3",
        "1,50",
        ".5",
        "1.",
        "NaN",
        "inf",
        "١٢",
        "1" * 19,
        12.5,
        12,
        True,
        None,
    ],
)
def test_what_is_no_positive_decimal_text_is_refused(amount):
    with pytest.raises(InvalidField) as refused:
        parse_price("EUR", amount)
    [error] = refused.value.errors
    assert (error.field, error.code) == ("price.amount", "invalid_price")


def test_the_table_of_currencies_is_what_the_library_says():
    """Written anew by `python -m infra.commands.currencies`; the day is the one that it was written on."""
    found: dict = {}
    exec(written(currencies.AS_OF), found)
    for name in ("CURRENT", "OTHER_DECIMALS", "RETIRED", "USUAL_DECIMALS", "BABEL"):
        assert getattr(currencies, name) == found[name], name


def test_the_currencies_with_other_minor_units_than_two_have_them():
    assert [minor_units(code) for code in ("EUR", "JPY", "KRW", "BHD", "KWD", "TND")] == [2, 0, 0, 3, 3, 3]
    assert parse_currency("EUR") == "EUR"
    assert not currencies.CURRENT & currencies.RETIRED
