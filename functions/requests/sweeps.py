"""Requests about sweeps."""

from typing import Annotated

from pydantic import Field, StringConstraints

from ctrip.domain.sweeping.standing import SweepState
from functions.http.models import Paged


class SweepQuery(Paged):
    """Filters of a list of sweeps that are not over; together, all hold."""

    state: Annotated[SweepState, Field(strict=False)] | None = None
    chain: Annotated[str, StringConstraints(max_length=64)] | None = None
