"""Requests about what can be paid with."""

from typing import Annotated

from pydantic import (
    StringConstraints,
)

from functions.http.models import Paged


class TokenQuery(Paged):
    """Which tokens."""

    chain: Annotated[str, StringConstraints(max_length=64)] | None = None
