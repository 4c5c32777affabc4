"""Amounts: integers of an asset's base units from 0 to 2^256-1, and their decimal spelling; no float near them."""

import re

from ctrip.domain.errors import InvalidField

MAX_AMOUNT = 2**256 - 1
_DIGITS = re.compile(r"[0-9]{1,78}", re.ASCII)
_DECIMAL = re.compile(r"([0-9]{1,78})(?:\.([0-9]{1,78}))?", re.ASCII)


def parse_amount(value: object, *, field: str = "amount") -> int:
    """Read a positive amount of base units from a JSON integer or a string of ASCII digits.

    Raises `InvalidField` naming `field`; a boolean, a float and a padded or signed string are refused.
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise InvalidField(field, "invalid_amount", "must be an integer or a string of digits")
    if isinstance(value, str):
        if not _DIGITS.fullmatch(value):
            raise InvalidField(field, "invalid_amount", "must be an integer or a string of digits")
        value = int(value)
    return _in_range(value, field)


def parse_decimal(text: object, decimals: int, *, field: str = "amount_decimal") -> int:
    """Read a positive amount of whole units ("12.50") into base units; more places than `decimals` are refused."""
    match = _DECIMAL.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise InvalidField(field, "invalid_amount", 'must be a decimal string such as "12.50"')
    whole, fraction = match.group(1), match.group(2) or ""
    if len(fraction.rstrip("0")) > decimals:
        raise InvalidField(field, "invalid_amount", f"must have at most {decimals} decimal places")
    return _in_range(int(whole + fraction[:decimals].ljust(decimals, "0")), field)


def format_decimal(amount: int, decimals: int) -> str:
    """Spell base units as whole units, without trailing zeros: 12500000 at 6 decimals is "12.5"."""
    whole, fraction = divmod(amount, 10**decimals)
    digits = str(fraction).rjust(decimals, "0").rstrip("0") if fraction else ""
    return f"{whole}.{digits}" if digits else str(whole)


def less_tolerance(amount: int, per_mille: int) -> int:
    """Return the least amount that still counts as `amount`, at least one base unit."""
    return max(1, amount - amount * per_mille // 1000)


def _in_range(value: int, field: str) -> int:
    if value <= 0:
        raise InvalidField(field, "invalid_amount", "must be greater than zero")
    if value > MAX_AMOUNT:
        raise InvalidField(field, "invalid_amount", "must be at most 2^256-1")
    return value
