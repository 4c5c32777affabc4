"""Fields of requests within bounds of the domain, in whose words they refuse: a `Bounded` stands beside the type."""

from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from ctrip.domain.bounds import Bounds, Choice, Count, Text, WholeNumber


@dataclass(frozen=True, slots=True)
class Bounded:
    """Holds a field to bounds: they are described, and refused in the same words as on the command line."""

    bounds: Bounds

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Make pydantic's schema of the field."""
        schema = dict(handler(source))
        schema |= _limits(self.bounds)
        return core_schema.no_info_wrap_validator_function(self._read, schema)

    def _read(self, value: Any, read: core_schema.ValidatorFunctionWrapHandler) -> Any:
        try:
            return read(value)
        except ValidationError as exc:
            if any(error["loc"] for error in exc.errors(include_url=False, include_input=False)):
                raise  # something within it is wrong, and named
            # No word of a refusal is a template: bounds are numbers and names of our own.
            raise PydanticCustomError("bounds", self.bounds.words) from None


def _limits(bounds: Bounds) -> dict[str, int]:
    match bounds:
        case WholeNumber(lowest, highest):
            return {"ge": lowest, "le": highest}
        case Text(0, longest):
            return {"max_length": longest}
        case Text(shortest, longest):
            return {"min_length": shortest, "max_length": longest}
        case Count(highest):
            return {"max_length": highest}
        case Choice():
            return {}
