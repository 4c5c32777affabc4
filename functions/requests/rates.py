"""Requests about rates."""

from typing import Annotated

from pydantic import Field, StringConstraints

from functions.http.models import Query


class RateQuery(Query):
    """In which currency, and of what."""

    currency: Annotated[str, StringConstraints(min_length=1, max_length=16)] = Field(
        description="A currency in use, by its code of ISO 4217.", examples=["EUR"]
    )
    asset: Annotated[str, StringConstraints(min_length=1, max_length=16)] | None = Field(
        None, description="Of this asset alone, by its symbol; where it has no rate, the answer is the refusal."
    )
