"""Options within bounds of the domain: they are refused in the words that the API has for the same field."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from ctrip.domain.bounds import Bounds, Choice, Count, Text, WholeNumber
from ctrip.domain.merchants.terms import TERMS, Term


def parser_of(bounds: Bounds) -> Callable[[str], Any]:
    """Return what reads a value and refuses one that is out of bounds."""

    def value(text: Any) -> Any:
        return _value(bounds, text)

    value.__name__ = metavar_of(bounds)
    return value


def metavar_of(bounds: Bounds) -> str:
    """Show in a help text what an option takes."""
    match bounds:
        case WholeNumber(lowest, highest):
            return f"{lowest}..{highest}"
        case Choice(values):
            return "|".join(values)
        case Text() | Count():
            return "TEXT"


def counted(bounds: Count) -> Callable[[list[str] | None], list[str] | None]:
    """Return what refuses an option that is given too often."""

    def check(values: list[str] | None) -> list[str] | None:
        if not bounds.admits(values or []):
            raise typer.BadParameter(bounds.words)
        return values

    return check


def with_terms(*, defaults: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each of a merchant's terms; it gets their values as `terms`, by name.

    With `defaults` the help texts name what a merchant has without the option.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def wrapped(**given: Any) -> None:
            terms = {name: given.pop(name) for name in TERMS}
            command(terms=terms, **given)

        asked = inspect.signature(command, eval_str=True)
        own = [each for each in asked.parameters.values() if each.name != "terms"]
        made = [_option(term, default=defaults) for term in TERMS.values()]
        wrapped.__signature__ = asked.replace(parameters=[*own, *made])  # type: ignore[attr-defined]
        wrapped.__annotations__ = {each.name: each.annotation for each in (*own, *made)}
        del wrapped.__wrapped__  # its annotations are the command's own
        return wrapped

    return decorate


def _option(term: Term, *, default: bool) -> inspect.Parameter:
    without = f" Without it: {term.default}." if default else ""
    option = typer.Option(parser=parser_of(term.bounds), metavar=metavar_of(term.bounds), help=term.means + without)
    return inspect.Parameter(term.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[Any, option])


def _value(bounds: Bounds, text: Any) -> Any:
    value: Any = str(text).strip()
    try:
        if isinstance(bounds, WholeNumber):
            value = int(value)
        elif isinstance(bounds, Choice):
            value = bounds.values(value)
    except ValueError:
        raise typer.BadParameter(bounds.words) from None
    if not bounds.admits(value):
        raise typer.BadParameter(bounds.words)
    return value
