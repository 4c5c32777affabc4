"""What several sources agree on: their median, without those that are far from it, and two of them at least.

Every quote is in US dollars; a rate in another currency is the quotient of two of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from ctrip.domain.prices.rate import midpoint, read_rate, written

LEAST_SOURCES = 2
SPREAD_PER_MILLE = 20  # how far from the median a quote may be, and how far apart the last two that are left
SKEW_MS = 60_000  # how far ahead of ours a source's clock may be


@dataclass(frozen=True, slots=True)
class Quote:
    """What one source says that one unit of `symbol` (an asset's, or a currency's code) is worth in US dollars.

    `at` is when that was so (unix milliseconds), and `good_for` for how long it may be used, as a feed that is written
    once a day is good for longer than a market's price.
    """

    source: str
    symbol: str
    value: str
    at: int
    good_for: int


@dataclass(frozen=True, slots=True)
class Missing:
    """A source without a usable quote, why, and since when (unix milliseconds)."""

    source: str
    reason: str
    since: int


class Trouble(StrEnum):
    """Why there is no rate."""

    UNOFFERED = "unoffered"  # fewer than two sources know of it at all
    DISAGREE = "disagree"  # two sources, or more, are too far apart
    OUT = "out"  # sources that know of it do not answer


@dataclass(frozen=True, slots=True)
class Judged:
    """What is agreed of one symbol: its value, or None with the trouble; and which sources take no part, and why."""

    value: str | None
    sources: tuple[str, ...] = ()
    trouble: Trouble | None = None
    missing: Mapping[str, str] | None = None


def judge(quotes: Sequence[Quote], failed: Mapping[str, str], now: int) -> Judged:
    """Agree on one symbol from its quotes; `failed` are the sources that offer it and have none, and why."""
    missing, usable = dict(failed), list[Quote]()
    for quote in quotes:
        if problem := _problem(quote, now):
            missing[quote.source] = problem
        else:
            usable.append(quote)
    kept = _near(usable)
    if len(kept) >= LEAST_SOURCES:
        middle = _median(kept)
        missing |= {each.source: _away(each, middle) for each in usable if each not in kept}
        return Judged(written(middle), tuple(sorted(each.source for each in kept)), None, missing)
    if len(usable) + len(missing) < LEAST_SOURCES:
        return Judged(None, (), Trouble.UNOFFERED, missing)
    # Two that answer, and contradict each other, are a word against the last value too, whoever is out meanwhile.
    return Judged(None, (), Trouble.DISAGREE if len(usable) >= LEAST_SOURCES else Trouble.OUT, missing)


def _problem(quote: Quote, now: int) -> str:
    try:
        read_rate(quote.value)
    except ValueError as exc:
        return f"its answer is {exc}"
    if quote.at > now + SKEW_MS:
        return f"its answer is {(quote.at - now) // 1000} s in the future"
    if now - quote.at > quote.good_for:
        return f"its answer is {(now - quote.at) // 1000} s old"
    return ""


def _near(quotes: Sequence[Quote]) -> list[Quote]:
    """Return the quotes near the median of all; where two are left they must be near each other."""
    if not quotes:
        return []
    middle = _median(quotes)
    kept = [each for each in quotes if not _far(read_rate(each.value), middle)]
    if len(kept) == LEAST_SOURCES:
        low, high = sorted(read_rate(each.value) for each in kept)
        return [] if _far(high, low) else kept
    return kept


def _far(value: Decimal, middle: Decimal) -> bool:
    return abs(value - middle) * 1000 > middle * SPREAD_PER_MILLE


def _median(quotes: Sequence[Quote]) -> Decimal:
    values = sorted(read_rate(each.value) for each in quotes)
    half = len(values) // 2
    return values[half] if len(values) % 2 else midpoint(values[half - 1], values[half])


def _away(quote: Quote, middle: Decimal) -> str:
    off = (read_rate(quote.value) - middle) * 1000 / middle
    return f"its answer is {off:+.0f} per mille off the others"
