"""Requests about events."""

from typing import Annotated, Literal

from pydantic import (
    Field,
    StringConstraints,
)

from functions.http.models import Paged, Time

EVENT_TYPES = r"^[a-z_]{3,20}\.[a-z_]{3,30}$"


class EventQuery(Paged):
    """Filters of the feed of events."""

    order: Literal["asc", "desc"] = Field("desc", description="Oldest first, or newest first.")
    after: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        None, description="Only what came after the event of this id."
    )
    type: Annotated[str, StringConstraints(pattern=EVENT_TYPES)] | None = None
    payment_id: Annotated[str, StringConstraints(max_length=64)] | None = None
    created_after: Time | None = None
    created_before: Time | None = None
