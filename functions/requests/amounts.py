"""Amounts of requests, in base units or in whole units."""

from typing import Annotated

from pydantic import Field, StringConstraints, WithJsonSchema

from ctrip.domain.money import MAX_AMOUNT
from functions.http.models import DIGITS, UUID

# Integers are taken as well, and not described: what a generated client makes of a choice sends nothing, or rounds.
BaseUnits = Annotated[
    Annotated[int, Field(ge=1, le=MAX_AMOUNT)] | Annotated[str, StringConstraints(pattern=DIGITS)] | None,
    WithJsonSchema({"type": "string", "pattern": DIGITS}),
]
WholeUnits = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,78}(\.[0-9]{1,78})?$")]
TokenId = Annotated[str, StringConstraints(pattern=UUID)]
