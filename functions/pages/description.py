"""The description of the API, made once from its operations and the models of their answers."""

import json
from functools import cache
from typing import Any

from functions import schemas
from functions.http import openapi, openapi30


@cache
def current() -> dict[str, Any]:
    """Return it as OpenAPI 3.1."""
    return openapi.describe(schemas)


@cache
def older() -> dict[str, Any]:
    """Return it as OpenAPI 3.0.3."""
    return openapi30.rendered(current())


@cache
def text(*, in_30: bool = False) -> str:
    """Return one of them as JSON text."""
    return json.dumps(older() if in_30 else current(), separators=(",", ":"), ensure_ascii=False)
