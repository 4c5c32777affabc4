"""Domain dataclasses as JSON documents, and back, exactly.

Amounts are canonical decimal strings, as is any integer beyond 2^53: a Number of DynamoDB holds 38 digits, and one of
another language 16. A field that holds nothing (None, empty, zero, False) and would by default is left out.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from enum import Enum
from functools import cache
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, TypeAlias, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from ctrip.domain.text import whole

AMOUNTS = frozenset(
    {
        "amount",
        "amount_received",
        "amount_confirmed",
        "credited",
        "on_time",
        "baseline",
        "doubt",
        "told_amount",
        "lost",
        "unmatched",
        "total",
        "explained",
        "accept_amount",
        "accepted",
        "value",
        "fee",
        "left",
        "cost",
    }
)
SAFE_INTEGER = 2**53

T = TypeVar("T")
Convert: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Plan:
    name: str
    group: str  # the field that holds it, where that is a group
    get: Convert
    empty: Any
    write: Convert
    read: Convert


_NEVER = object()
_PLANS: dict[Any, tuple[_Plan, ...]] = {}


def encode(value: Any, *, without: frozenset[str] = frozenset()) -> str:
    """Write a dataclass as a document, less the fields that the item's keys and attributes hold already."""
    # What a node or a receiver said stands in some documents, and need not be text.
    return whole(json.dumps(_to_dict(value, without), separators=(",", ":"), ensure_ascii=False))


def decode(kind: type[T], document: str, /, **known: Any) -> T:
    """Read a document; `known` are the fields that were left out of it. Unknown names are ignored."""
    return _from_dict(kind, json.loads(document), known)


def encode_all(values: Iterable[Any]) -> str:
    """Write dataclasses as one document, an array."""
    return f"[{','.join(map(encode, values))}]"


def decode_all(kind: type[T], document: str) -> list[T]:
    """Read a document that `encode_all` wrote."""
    return [_from_dict(kind, held, {}) for held in json.loads(document)]


def _to_dict(value: Any, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    result = {}
    for plan in _plans(type(value)):
        held = plan.get(value)
        if held == plan.empty or plan.name in without:
            continue
        result[plan.name] = None if held is None else plan.write(held)
    return result


def _from_dict(kind: type[T], held: dict[str, Any], known: dict[str, Any]) -> T:
    values: dict[str, Any] = {}
    kinds: dict[str, Any] = _group_kinds(kind)  # type: ignore[arg-type]
    groups: dict[str, dict[str, Any]] = {name: {} for name in kinds}
    for plan in _plans(kind):
        if plan.name in known:
            value = known[plan.name]
        elif plan.name in held:
            value = None if held[plan.name] is None else plan.read(held[plan.name])
        else:
            continue
        (groups[plan.group] if plan.group else values)[plan.name] = value
    for name, group in kinds.items():
        values[name] = group(**groups[name])
    return kind(**values)


def _plans(kind: Any) -> tuple[_Plan, ...]:
    if (found := _PLANS.get(kind)) is None:
        hints, groups = get_type_hints(kind), _group_kinds(kind)
        found = _PLANS[kind] = tuple(
            plan
            for field in fields(kind)
            for plan in (
                (_within(field.name, each) for each in _plans(groups[field.name]))
                if field.name in groups
                else (_plan(field, hints[field.name]),)
            )
        )
    return found


@cache
def _group_kinds(kind: Any) -> dict[str, Any]:
    names = [field.name for field in fields(kind) if field.metadata.get("group")]
    return {name: hint for name, hint in get_type_hints(kind).items() if name in names} if names else {}


def _within(group: str, plan: _Plan) -> _Plan:
    return replace(plan, group=group, get=attrgetter(f"{group}.{plan.name}"))


def _plan(field: Field[Any], hint: Any) -> _Plan:
    # Only an empty default may be left out: another one could change later, and with it what is stored already.
    default = field.default if field.default is not MISSING else _NEVER
    empty = default if default in (None, (), frozenset(), 0, "") else _NEVER
    write, read = _converters(hint)
    return _Plan(field.name, "", attrgetter(field.name), empty, str if field.name in AMOUNTS else write, read)


def _converters(hint: Any) -> tuple[Convert, Convert]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        (hint,) = [each for each in arguments if each is not NoneType]
        return _converters(hint)
    if origin is tuple:
        return _tuple(arguments)
    if origin is frozenset:
        _, read_one = _converters(arguments[0])
        return sorted, lambda held: frozenset(map(read_one, held))
    if is_dataclass(hint):
        kind = cast("type[Any]", hint)
        return _to_dict, lambda held: _from_dict(kind, held, {})
    if hint is int:
        return _integer, int
    if isinstance(hint, type) and issubclass(hint, Enum):
        return lambda held: held.value, hint
    if hint in (str, bool):
        return _same, _same
    raise TypeError(f"no document spelling for {hint}")


def _tuple(arguments: tuple[Any, ...]) -> tuple[Convert, Convert]:
    if arguments[-1] is Ellipsis:
        write_one, read_one = _converters(arguments[0])
        return lambda held: [write_one(each) for each in held], lambda held: tuple(read_one(each) for each in held)
    pairs = [_converters(argument) for argument in arguments]
    return (
        lambda held: [write(each) for (write, _), each in zip(pairs, held, strict=True)],
        lambda held: tuple(read(each) for (_, read), each in zip(pairs, held, strict=True)),
    )


def _integer(held: int) -> int | str:
    return held if -SAFE_INTEGER <= held <= SAFE_INTEGER else str(held)


def _same(held: Any) -> Any:
    return held
