"""Reading JSON into the records of `models`, by their own annotations.

Unknown fields are ignored, null is the same as absent, and both take the record's default. A field without one that
is missing, and a value of the wrong kind, raise `AnswerUnreadable`: an amount is never guessed.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from ctrip_client.errors import AnswerUnreadable

R = TypeVar("R")


def read(kind: type[R], value: object) -> R:
    """Read a JSON object as a record."""
    record: R = _record(kind, value, kind.__name__.lower())
    return record


def _record(kind: Any, value: object, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise AnswerUnreadable(f"{where} is no object")
    values = {}
    for each, hint in _described(kind):
        name = each.metadata.get("name", each.name)
        if value.get(name) is not None:
            values[each.name] = _value(hint, value[name], f"{where}.{name}")
        elif _is_required(each, value):
            raise AnswerUnreadable(f"{where}.{name} is missing")
    return kind(**values | {"raw": value})


def _is_required(each: Field[Any], value: Mapping[str, Any]) -> bool:
    if "unless" in each.metadata:
        return not value.get(each.metadata["unless"])
    return each.default is MISSING and each.default_factory is MISSING


def _value(hint: Any, value: Any, where: str) -> Any:
    origin = get_origin(hint)
    if hint is Any:
        return value
    if origin is types.UnionType:
        return _value(next(arg for arg in get_args(hint) if arg is not types.NoneType), value, where)
    if is_dataclass(hint) and isinstance(hint, type):
        return _record(hint, value, where)
    if origin is tuple:
        return tuple(_value(get_args(hint)[0], item, where) for item in _checked(list, value, where))
    if hint is datetime:
        return _time(value, where)
    return _checked(origin or hint, value, where)


def _checked(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise AnswerUnreadable(f"{where} is no {kind.__name__}")
    return value


def _time(value: Any, where: str) -> datetime:
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise AnswerUnreadable(f"{where} is no time") from None


@cache
def _described(kind: type[Any]) -> tuple[tuple[Field[Any], Any], ...]:
    hints = get_type_hints(kind)
    return tuple((each, hints[each.name]) for each in fields(kind) if each.name != "raw")
