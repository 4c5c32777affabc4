"""Write the table of currencies anew from Babel's data: `python -m infra.commands.currencies`.

The gateway reads the table and not Babel, whose data of all languages is 36 MB, and whose import every cold start
would pay for; a test compares the two.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path

TABLE = Path(__file__).resolve().parents[2] / "layers/core/ctrip/domain/prices/currencies.py"
USUAL = 2  # decimals of most currencies, which the table does not name one by one

_HEAD = '''"""ISO 4217: the currencies in use with their minor units, and the codes that are retired.

Written by `python -m infra.commands.currencies` from Babel's data, which is Unicode CLDR's; do not edit it.
"""

'''


def tables(day: tuple[int, int, int]) -> tuple[dict[str, int], frozenset[str]]:
    """Return the decimals of the currencies that are legal tender somewhere on a day, and the codes that were once."""
    from babel.core import get_global
    from babel.numbers import get_currency_precision

    uses = [use for each in get_global("territory_currencies").values() for use in each]
    current = {code for code, _, end, tender in uses if tender and (end is None or tuple(end) >= day)}
    retired = {code for code, _, end, tender in uses if tender and end is not None} - current
    return {code: get_currency_precision(code) for code in sorted(current)}, frozenset(retired)


def written(day: tuple[int, int, int]) -> str:
    """Write the module."""
    from babel import __version__

    decimals, retired = tables(day)
    other = [f'"{code}": {places}' for code, places in decimals.items() if places != USUAL]
    return (
        f'{_HEAD}AS_OF = ({", ".join(map(str, day))})\nBABEL = "{__version__}"\n\nUSUAL_DECIMALS = {USUAL}\n'
        f"# fmt: off\nCURRENT = frozenset({{\n{_lines(_quoted(decimals))}\n}})\n"
        f"OTHER_DECIMALS = {{\n{_lines(other)}\n}}\n"
        f"RETIRED = frozenset({{\n{_lines(_quoted(retired))}\n}})\n# fmt: on\n"
    )


def _quoted(codes: Iterable[str]) -> list[str]:
    return [f'"{code}"' for code in sorted(codes)]


def _lines(words: list[str]) -> str:
    """Write so many words in a line."""
    return "\n".join(f"    {', '.join(words[start : start + 10])}," for start in range(0, len(words), 10))


def main() -> int:
    """Write it as of today."""
    year, month, day, *_ = time.gmtime()
    TABLE.write_text(written((year, month, day)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
