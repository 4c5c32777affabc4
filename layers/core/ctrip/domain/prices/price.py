"""A price: an amount of a currency, in the currency's minor units; no float near it."""

import re
from dataclasses import dataclass

from ctrip.domain.errors import InvalidField
from ctrip.domain.prices.currencies import CURRENT, OTHER_DECIMALS, RETIRED, USUAL_DECIMALS

_CODE = re.compile(r"[A-Z]{3}", re.ASCII)
# Eighteen digits are more than the world earns in a year, in any currency.
_AMOUNT = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,18}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Price:
    """An amount of a currency (ISO 4217) in its minor units: 12.50 EUR is 1250, 12 JPY is 12."""

    currency: str
    amount: int

    @property
    def decimal(self) -> str:
        """Spell the amount in whole units, with all decimals of the currency: "12.50"."""
        places = minor_units(self.currency)
        digits = str(self.amount).rjust(places + 1, "0")
        return f"{digits[:-places]}.{digits[-places:]}" if places else digits


def minor_units(currency: str) -> int:
    """Return how many decimals a currency has."""
    return OTHER_DECIMALS.get(currency, USUAL_DECIMALS)


def parse_currency(code: object, *, field: str = "currency") -> str:
    """Read the code of a currency that is in use; raises `InvalidField`."""
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise InvalidField(field, "currency_unknown", 'must be a code of ISO 4217 in capitals, such as "EUR"')
    if code in RETIRED:
        raise InvalidField(field, "currency_retired", f"{code} is no longer in use")
    if code not in CURRENT:
        raise InvalidField(field, "currency_unknown", f"{code} is no currency of ISO 4217 that people pay with")
    return code


def parse_price(currency: object, amount: object, *, field: str = "price") -> Price:
    """Read a price from a currency's code and an amount as text ("12.50"); raises `InvalidField`.

    An amount with more decimals than the currency has is refused, also where they are zeros: "12.500" may be meant as
    twelve thousand five hundred.
    """
    code = parse_currency(currency, field=f"{field}.currency")
    where = f"{field}.amount"
    found = parse_minor(code, amount, field=where)
    if not found:
        raise InvalidField(where, "invalid_price", "must be greater than zero")
    return Price(code, found)


def parse_minor(currency: str, amount: object, *, field: str) -> int:
    """Read an amount of a currency as text in its minor units, zero too; raises `InvalidField`."""
    places = minor_units(currency)
    match = _AMOUNT.fullmatch(amount) if isinstance(amount, str) else None
    if match is None:
        raise InvalidField(field, "invalid_price", 'must be a decimal number as text, such as "12.50"')
    whole, fraction = match.group(1), match.group(2) or ""
    if len(fraction) > places:
        most = f"at most {places} decimals" if places else "no decimals"
        raise InvalidField(field, "too_many_decimals", f"must have {most} in {currency}")
    return int(whole + fraction.ljust(places, "0"))
