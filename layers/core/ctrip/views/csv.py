"""Tables as CSV that no spreadsheet runs: a cell that would begin a formula is written as text."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def table(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Write rows with a line of headings (RFC 4180); None is an empty cell."""
    written = io.StringIO()
    writer = csv.writer(written, quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    writer.writerows([_cell(row[name]) for name in columns] for row in rows)
    return written.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULAS) else text
