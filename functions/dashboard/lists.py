"""What lists have in common: which merchant they are of, their next page, and CSV of the same rows."""

from collections.abc import Callable, Mapping
from typing import Any

from ctrip.bootstrap import stage
from ctrip.domain.errors import NotFound
from functions.dashboard.visit import MOST_EXPORTED, Visit

LIMIT = 25
EXPORT_PAGE = 100
MOST_MERCHANTS = 100

Rows = tuple[list[Any], str | None]
Read = Callable[[int, str | None], Rows]


def merchants() -> list[dict[str, Any]]:
    """Return the merchants that a list can be chosen of."""
    return [dict(each) for each in stage().merchants.manager.page("", MOST_MERCHANTS)["data"]]


def chosen(wanted: str | None, known: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the merchant that is asked for, else the first; None where there is none. Raises `NotFound`."""
    if wanted is None:
        return known[0] if known else None
    found = next((each for each in known if each["id"] == wanted), None)
    return found or dict(stage().merchants.manager.one(wanted))


def page(visit: Visit, read: Read) -> Rows:
    """Read one page of a list; of CSV all of its pages, up to a limit."""
    if visit.query.format != "csv":
        return read(LIMIT, visit.query.cursor)
    rows: list[Any] = []
    cursor: str | None = None
    while len(rows) < MOST_EXPORTED:
        more, cursor = read(EXPORT_PAGE, cursor)
        rows += more
        if cursor is None:
            break
    return rows[:MOST_EXPORTED], cursor


def paged(read: Callable[[int, str | None], Mapping[str, Any]]) -> Read:
    """Adapt a service's page, which has its rows as `data`."""

    def adapted(limit: int, cursor: str | None) -> Rows:
        found = read(limit, cursor)
        return [dict(each) for each in found["data"]], found["next_cursor"]

    return adapted


def names(known: list[dict[str, Any]]) -> dict[str, str]:
    """Name merchants by their ids."""
    return {each["id"]: each["name"] for each in known}


def name_of(merchant_id: str) -> str:
    """Name one merchant; one that is gone by its id."""
    try:
        return stage().merchants.manager.one(merchant_id)["name"]
    except NotFound:
        return merchant_id
