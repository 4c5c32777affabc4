"""The views' typed dictionaries as pydantic reads them: the description of the API is made of them.

The API itself does not load this file: what it answers is built by the views.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from types import ModuleType, UnionType
from typing import Annotated, Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from pydantic import AwareDatetime, ConfigDict, Field, WithJsonSchema, with_config
from pydantic.config import JsonDict
from typing_extensions import TypedDict

from ctrip.views.fields import Shape


def named(modules: Iterable[ModuleType]) -> dict[str, type]:
    """Collect the typed dictionaries of modules by the names that the description gives them."""
    held = (each for module in modules for name, each in vars(module).items() if not name.startswith("_"))
    return {name_of(each): each for each in held if is_typeddict(each)}


def name_of(view: type) -> str:
    """Return the name that the description gives a view: `PaymentView` is a `Payment` there."""
    return view.__name__.removesuffix("View")


@cache
def shape_of(view: type) -> Any:
    """Make the form of a view that pydantic reads; clients ignore fields that they do not know, it does not."""
    hints = get_type_hints(view, include_extras=True)
    fields = {name: _field(hint, required=name in view.__required_keys__) for name, hint in hints.items()}  # type: ignore[attr-defined]
    made = TypedDict(name_of(view), fields)  # type: ignore[misc]
    made.__doc__ = view.__doc__
    return with_config(ConfigDict(extra="forbid"))(made)


def _field(hint: Any, *, required: bool) -> Any:
    return _read(hint) if required else NotRequired[_read(hint)]


def _read(hint: Any) -> Any:
    """Rewrite a type: views within it become their forms, and what stands beside a type becomes pydantic's."""
    if is_typeddict(hint):
        return shape_of(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is NotRequired:
        return _read(arguments[0])
    if origin is Annotated:
        return _annotated(arguments[0], arguments[1:])
    if origin in (Union, UnionType):
        return Union[tuple(map(_read, arguments))]  # noqa: UP007  the options are known when this runs
    if origin in (list, dict):
        return origin[tuple(map(_read, arguments))]
    return hint


def _annotated(base: Any, beside: tuple[Any, ...]) -> Any:
    texts = [each for each in beside if isinstance(each, str)]
    shapes = [each for each in beside if isinstance(each, Shape)]
    if not shapes:
        return Annotated[_read(base), Field(description=texts[-1])]
    [shape] = shapes
    return _shaped(base, replace(shape, description=texts[-1]) if texts else shape)


def _shaped(base: Any, shape: Shape) -> Any:
    words: JsonDict = {"title": shape.title, "description": shape.description, "examples": [*shape.examples]}
    shown: JsonDict = {name: value for name, value in words.items() if value}
    if shape.untyped:
        return Annotated[base, Field(ge=0), WithJsonSchema(shown)]
    if shape.checked:
        return Annotated[base, Field(pattern=shape.checked), WithJsonSchema({"type": "string", **shown})]
    if shape.values:
        base = Literal[shape.values] if isinstance(shape.values, tuple) else shape.values
    elif shape.format == "date-time":
        base = AwareDatetime
    elif shape.format:
        shown["format"] = shape.format
    return Annotated[base, Field(pattern=shape.pattern or None, json_schema_extra=shown or None)]
