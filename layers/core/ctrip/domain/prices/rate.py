"""Rates: what one unit of an asset is worth in a currency, and what a payer is asked for a price.

A rate is a quotient of two decimal numbers, and every calculation is one of whole numbers: nothing is rounded but the
amount that is due, and that up to the next base unit. So the payer never pays too little, and never a whole base unit
too much. The quotient as one number, rounded, is for people.
"""

import re
from dataclasses import dataclass
from decimal import Context, Decimal

from ctrip.domain.errors import InvalidField
from ctrip.domain.money import MAX_AMOUNT
from ctrip.domain.prices.price import Price, minor_units

USD = "USD"
DIGITS = 18  # of a quotient, for people
_SHOWN = Context(prec=DIGITS)
_INVERTING = Context(prec=28)  # more digits than any source has
_EXACT = Context(prec=200)
_DECIMAL = re.compile(r"[0-9]{1,30}(\.[0-9]{1,60})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class LockedRate:
    """The rate that a payment was priced by, kept with it.

    At `at` (unix milliseconds) one unit of `asset` was worth `asset_usd` US dollars and one of `currency`
    `currency_usd`, as `sources` agreed: decimal numbers as text, whose quotient is the rate exactly.
    """

    asset: str
    currency: str
    asset_usd: str
    currency_usd: str
    sources: tuple[str, ...]
    at: int

    @property
    def rate(self) -> str:
        """What one unit of the asset is worth in the currency, for people: a decimal number, rounded."""
        return written(_SHOWN.divide(Decimal(self.asset_usd), Decimal(self.currency_usd)))


def read_rate(text: object) -> Decimal:
    """Read a positive decimal number; raises `ValueError` for anything else, as exponents and infinity are."""
    if not isinstance(text, str) or not _DECIMAL.fullmatch(text):
        raise ValueError("not a decimal number")
    value = Decimal(text)
    if not value:
        raise ValueError("not above zero")
    return value


def written(value: Decimal) -> str:
    """Write a decimal number without an exponent and trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def shown(value: str) -> str:
    """Round a decimal number for people."""
    return written(_SHOWN.plus(Decimal(value)))


def inverted(value: Decimal) -> Decimal:
    """Return what one unit is worth where `value` units are worth one."""
    return _INVERTING.divide(Decimal(1), value)


def midpoint(low: Decimal, high: Decimal) -> Decimal:
    """Return the number half-way between two, exactly."""
    return _EXACT.divide(_EXACT.add(low, high), Decimal(2))


def amount_due(price: Price, rate: LockedRate, decimals: int, *, field: str = "price.amount") -> int:
    """Return what is due for a price at a rate, in base units of an asset with so many decimals, rounded up.

    Raises `InvalidField` where no asset can hold so much.
    """
    asset, currency = _scaled(rate)
    above, below = price.amount * currency * _ten(decimals), asset * _ten(minor_units(price.currency))
    due = -(-above // below)
    if due > MAX_AMOUNT:
        raise InvalidField(field, "invalid_price", f"is more than can be paid in {rate.asset}")
    return due


def worth(amount: int, rate: LockedRate, decimals: int) -> int:
    """Return what so many base units are worth at a rate, in the currency's minor units, rounded down."""
    asset, currency = _scaled(rate)
    return amount * asset * _ten(minor_units(rate.currency)) // (currency * _ten(decimals))


def _scaled(rate: LockedRate) -> tuple[int, int]:
    """Return whole numbers of the same quotient as the two values in US dollars."""
    parts = [value.partition(".") for value in (rate.asset_usd, rate.currency_usd)]
    places = max(len(fraction) for _, _, fraction in parts)
    asset, currency = (int(whole + fraction.ljust(places, "0")) for whole, _, fraction in parts)
    return asset, currency


def _ten(places: int) -> int:
    return int("1" + "0" * places)
