"""The description of the API, made once from its operations and the views that they answer with."""

import json
from functools import cache
from typing import Any, TypedDict, get_type_hints

from ctrip.views import (
    admins,
    audit,
    brand,
    chains,
    checkout,
    deliveries,
    endpoints,
    events,
    health,
    invoices,
    ledger,
    links,
    merchants,
    payments,
    payouts,
    rates,
    schedules,
    sweeps,
)
from ctrip.views.health import Readiness
from functions.http import openapi, openapi30, problems
from functions.http.problems import Problem
from functions.http.shapes import named

_FIELDS = {
    name: held for view in (Readiness, Problem) for name, held in get_type_hints(view, include_extras=True).items()
}
for _name in ("payment_id", "available"):
    del _FIELDS[_name]
# Of a choice between two schemas generators keep one, or none: so this is one of both, made of their fields.
Unready = TypedDict("Unready", _FIELDS, total=False)  # type: ignore[misc]  # its fields are known when this runs
Unready.__doc__ = (
    "Which part is down, as in `Readiness`; or a problem, where no function answered. Each field may be absent."
)
VIEWS = named(
    (
        admins,
        audit,
        brand,
        chains,
        checkout,
        deliveries,
        endpoints,
        events,
        health,
        invoices,
        ledger,
        links,
        merchants,
        payments,
        payouts,
        rates,
        sweeps,
        problems,
        schedules,
    )
)
VIEWS |= {"Unready": Unready}


@cache
def current() -> dict[str, Any]:
    """Return it as OpenAPI 3.1."""
    return openapi.describe(VIEWS)


@cache
def older() -> dict[str, Any]:
    """Return it as OpenAPI 3.0.3."""
    return openapi30.rendered(current())


@cache
def text(*, in_30: bool = False) -> str:
    """Return one of them as JSON text."""
    return json.dumps(older() if in_30 else current(), separators=(",", ":"), ensure_ascii=False)
