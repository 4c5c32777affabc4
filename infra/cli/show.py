"""What the command line prints: a table or a list for people, JSON for programs."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import typer


class Output:
    """How to print; set once, by the options before the command."""

    as_json: ClassVar[bool] = False


def shown(held: Any, columns: tuple[str, ...] = ()) -> None:
    """Print one thing, or many as a table of these columns."""
    if Output.as_json:
        typer.echo(json.dumps(held, indent=2))
    elif isinstance(held, list):
        typer.echo(table(held, columns))
    else:
        width = max(map(len, held))
        for name, value in held.items():
            typer.echo(f"{name:<{width}}  {_spelt(value)}")


def table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> str:
    """Lay rows out below the names of their columns."""
    cells = [columns, *(tuple(_spelt(row[name]) for name in columns) for row in rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(columns))]
    lines = ("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells)
    return "\n".join(lines)


def _spelt(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_spelt, value)) or "-"
    return json.dumps(value) if isinstance(value, dict) else str(value)
