"""Rates, as the world sees them."""

from collections.abc import Mapping
from typing import Annotated, TypedDict

from ctrip.domain.errors import Refusal
from ctrip.domain.prices.rate import LockedRate, shown
from ctrip.domain.prices.record import RateRecord
from ctrip.views.fields import Decimal, Shape, Time, rfc3339


class RateView(TypedDict):
    """What one unit of an asset is worth in a currency; null where there is no rate, and `reason` says why."""

    asset: str
    currency: str
    rate: Annotated[Decimal | None, "Rounded: an amount is calculated with all decimals."]
    sources: Annotated[list[str], "Who agrees on it."]
    at: Annotated[Time | None, "Of the older of the values that it is made of."]
    age: Annotated[int | None, "Seconds."]
    reason: Annotated[str | None, "Why there is no rate, for a person."]
    code: Annotated[str | None, "The code with which a price in this asset is refused; null where it is taken."]


class RateList(TypedDict):
    """The present rates of what can be paid with."""

    currency: str
    data: list[RateView]


class MissingSource(TypedDict):
    """A source that takes no part."""

    source: str
    reason: str
    since: Time


class RateHealth(TypedDict):
    """The rate of an asset or a currency in US dollars, as it was asked for last."""

    usd: Annotated[Decimal | None, "The last value that two sources agreed on."]
    age: Annotated[int | None, "Of that value, in seconds."]
    sources: list[str]
    missing: list[MissingSource]
    trouble: Annotated[
        str | None,
        "Why the last try came to no value; null: it did.",
        Shape(examples=("out", "disagree", "unoffered")),
    ]


def rate_list(found: Mapping[str, LockedRate | Refusal], currency: str, now: int) -> RateList:
    """Render rates by asset, in one currency."""
    return {"currency": currency, "data": [_rate(asset, currency, each, now) for asset, each in found.items()]}


def _rate(asset: str, currency: str, found: LockedRate | Refusal, now: int) -> RateView:
    if isinstance(found, Refusal):
        none: RateView = {
            "asset": asset,
            "currency": currency,
            "rate": None,
            "sources": [],
            "at": None,
            "age": None,
            "reason": found.detail,
            "code": found.code,
        }
        return none
    return {
        "asset": asset,
        "currency": currency,
        "rate": found.rate,
        "sources": list(found.sources),
        "at": rfc3339(found.at),
        "age": max(now - found.at, 0) // 1000,
        "reason": None,
        "code": None,
    }


def rate_health(record: RateRecord, now: int) -> RateHealth:
    """Render what is kept of a symbol's rate."""
    return {
        "usd": shown(record.value) if record.value else None,
        "age": max(now - record.agreed_at, 0) // 1000 if record.value else None,
        "sources": list(record.sources),
        "missing": [
            {"source": each.source, "reason": each.reason, "since": rfc3339(each.since)} for each in record.missing
        ],
        "trouble": record.trouble and record.trouble.value,
    }
