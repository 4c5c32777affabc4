"""The figures of a day as people read them."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TypedDict

from ctrip.domain.figures import DAY_MS, AssetDay, Day
from ctrip.domain.money import format_decimal


class DayView(TypedDict):
    """What a day brought in one asset."""

    day: str
    asset: str
    chain: str
    symbol: str
    created: int
    converted: int
    conversion: str
    paid: int
    volume_decimal: str
    volume_str: str


def day_views(day: Day, *, empty: bool = False) -> list[DayView]:
    """Render a day, by asset; `empty` renders one that brought nothing."""
    date = datetime.fromtimestamp(day.number * DAY_MS // 1000, UTC).date().isoformat()
    nothing = AssetDay(chain="", asset="", symbol="", decimals=0)
    return [_view(date, each) for each in ((nothing,) if empty else day.assets)]


def _view(date: str, each: AssetDay) -> DayView:
    return {
        "day": date,
        "asset": f"{each.chain}/{each.asset}",
        "chain": each.chain,
        "symbol": each.symbol,
        "created": each.created,
        "converted": each.converted,
        # In per cent of those created that day; of none there is no share.
        "conversion": _percent(each.converted, each.created) if each.created else "",
        "paid": each.paid,
        "volume_decimal": format_decimal(max(each.volume, 0), each.decimals),
        "volume_str": str(each.volume),
    }


def _percent(part: int, whole: int) -> str:
    tenths = max(part, 0) * 1000 // whole
    return f"{tenths // 10}.{tenths % 10}"


def traded_assets(days: Iterable[Day]) -> dict[str, str]:
    """Name the assets that payments were made in, that with the most of them first."""
    counts: Counter[str] = Counter()
    names: dict[str, str] = {}
    for each in (asset for day in days for asset in day.assets):
        key = f"{each.chain}/{each.asset}"
        counts[key] += each.created + each.paid
        names[key] = f"{each.symbol} on {each.chain}"
    return {key: names[key] for key, _ in counts.most_common()}
