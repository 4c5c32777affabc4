"""What every request model shares: strict types, and errors that name their field."""

import re
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from ctrip.domain.bounds import NAME
from ctrip.domain.errors import BadRequest, FieldError
from ctrip.domain.merchants.access import ALLOWED_IPS, Scope
from functions.http.bounded import Bounded

M = TypeVar("M", bound=BaseModel)


UUID = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"


DIGITS = r"^[0-9]{1,78}$"


_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+ -][0-9]{2}:[0-9]{2})", re.ASCII
)


_CODES = {"extra_forbidden": "unknown_field", "missing": "missing"}


_AMOUNTS = {
    "amount": "must be an integer or a string of digits, from 1 to 2^256-1",
    "amount_decimal": 'must be a decimal string such as "12.50"',
}


_OUT_OF_RANGE = ("greater_than_equal", "less_than_equal", "string_pattern_mismatch")


_WORDS = {"extra_forbidden": "is not a field of this request", "missing": "is required"}


def _milliseconds(value: object) -> int:
    problem = PydanticCustomError("time", "must be an RFC 3339 time such as 2026-01-31T12:00:00Z")
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise problem
    try:
        at = datetime.fromisoformat(value.upper().replace("T", " ", 1).replace(" ", "T", 1).replace(" ", "+"))
        return int(at.timestamp()) * 1000 + at.microsecond // 1000
    except (ValueError, OverflowError):
        raise problem from None


def digits(value: object) -> object:
    """Read a number that came as text, as those of a query do."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,6}", value, re.ASCII):
        raise PydanticCustomError("digits", "must be a number")
    return int(value) if isinstance(value, str) else value


def _listed(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) != len(values):
        raise PydanticCustomError("unique", "names something twice")
    return values


class Strict(BaseModel):
    """What every request has in common: unknown fields are refused, and nothing is converted on the way."""

    # Built when first used: a cold start pays for the models of its own call alone.
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


def example(**fields: Any) -> ConfigDict:
    """Show one request that is taken as it stands."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


class NoBody(Strict):
    """A call without a body; an empty object is one too."""


class Query(Strict):
    """What every query has in common: its members are parameters of a route."""


class NoQuery(Query):
    """A call without query parameters."""


Time = Annotated[int, BeforeValidator(_milliseconds), WithJsonSchema({"type": "string", "format": "date-time"})]


Name = Annotated[str, StringConstraints(strip_whitespace=True), Bounded(NAME)]


Limit = Annotated[Annotated[int, Field(ge=1, le=100)], BeforeValidator(digits)]


Cursor = Annotated[str, StringConstraints(min_length=1, max_length=512)]


Email = Annotated[str, StringConstraints(min_length=3, max_length=320)]


Password = Annotated[str, StringConstraints(min_length=1, max_length=256)]


# JSON has no tuples, sets or enums: lists and texts are read as them, and nothing else is.
Scopes = Annotated[
    tuple[Annotated[Scope, Field(strict=False)], ...], Field(strict=False, min_length=1), AfterValidator(_listed)
]


Ips = Annotated[tuple[Annotated[str, StringConstraints(max_length=43)], ...], Field(strict=False), Bounded(ALLOWED_IPS)]


class Paged(Query):
    """What every list takes."""

    limit: Limit = Field(20, description="At most this many; a page may be shorter while `next_cursor` is set.")
    cursor: Cursor | None = Field(None, description="The `next_cursor` of the page before.")


_OBJECTS = frozenset({"metadata", "price"})  # fields whose own fields are named


def parse(model: type[M], body: dict[str, Any]) -> M:
    """Validate a body or a query; raises `BadRequest` naming every field that is wrong."""
    try:
        return model.model_validate(body)
    except ValidationError as exc:
        errors = _field_errors(exc, parameters=issubclass(model, Query))
        raise BadRequest(f"{errors[0].field}: {errors[0].detail}", code="invalid_field", errors=errors) from None


def _field_errors(exc: ValidationError, *, parameters: bool) -> tuple[FieldError, ...]:
    found: dict[str, FieldError] = {}
    for error in exc.errors(include_url=False, include_input=False, include_context=False):
        location = [str(part) for part in error["loc"]] or ["body"]
        name = ".".join(location[:2] if location[0] in _OBJECTS else location[:1])[:128]
        kind = error["type"]
        words = _WORDS.get(kind, error["msg"][0].lower() + error["msg"][1:])
        code = _CODES.get(kind, "invalid_value")
        if name in _AMOUNTS and kind in _OUT_OF_RANGE:
            # One error for both spellings that the field takes, whichever of them was tried first.
            found[name] = FieldError(name, "invalid_amount", _AMOUNTS[name])
        if parameters and kind == "extra_forbidden":
            code, words = "unknown_parameter", "is not a parameter of this route"
        found.setdefault(name, FieldError(name, code, words))
    return tuple(found.values())
