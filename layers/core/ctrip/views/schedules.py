"""Schedules of settlements as the world sees them."""

from typing import Annotated, TypedDict

from ctrip.domain.chains.assets import Asset
from ctrip.domain.money import format_decimal
from ctrip.domain.settlement.schedule import Every, Schedule, next_at
from ctrip.views.fields import Amount, Decimal, Digits, Id, NextCursor, Shape, Time, rfc3339, rfc3339_if


class ScheduleView(TypedDict):
    """When settlements of an asset are asked for by themselves: by the calendar, or as soon as an amount is free."""

    chain: str
    token_id: Annotated[Id | None, "Null: the chain's coin."]
    symbol: str
    decimals: int
    every: Annotated[str, Shape(values=Every)]
    hour: Annotated[int, "Of the day, in UTC."]
    weekday: Annotated[str | None, "`monday` to `sunday`."]
    day: Annotated[int | None, "Of the month, 1 to 28."]
    threshold: Amount
    threshold_str: Digits
    threshold_decimal: Annotated[Decimal, "Zero: no amount asks."]
    keep: Amount
    keep_str: Digits
    keep_decimal: Annotated[Decimal, "What is left of the balance at least."]
    next_at: Annotated[Time | None, "When the calendar asks next; null: never."]
    skipped: Annotated[str | None, "Why nothing was settled the last time; null where something was."]
    since: Annotated[Time, "When it was set."]


class SchedulePage(TypedDict):
    """A merchant's schedules."""

    data: list[ScheduleView]
    next_cursor: NextCursor


def schedule_view(schedule: Schedule, asset: Asset) -> ScheduleView:
    """Render a schedule."""
    threshold = schedule.threshold or 0
    return {
        "chain": schedule.chain,
        "token_id": asset.id,
        "symbol": asset.symbol,
        "decimals": asset.decimals,
        "every": schedule.every.value,
        "hour": schedule.hour,
        "weekday": schedule.weekday.value if schedule.weekday else None,
        "day": schedule.day,
        "threshold": threshold,
        "threshold_str": str(threshold),
        "threshold_decimal": format_decimal(threshold, asset.decimals),
        "keep": schedule.keep,
        "keep_str": str(schedule.keep),
        "keep_decimal": format_decimal(schedule.keep, asset.decimals),
        "next_at": rfc3339_if(next_at(schedule)),
        "skipped": schedule.skipped or None,
        "since": rfc3339(schedule.since),
    }
