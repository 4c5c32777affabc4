"""When a merchant's settlements of an asset are asked for by themselves: at times of the calendar, or by an amount."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

LOOKED_AT_ONCE = 500  # schedules by amount of which one run looks at about so many: each is a reading of a ledger
_MINUTE_MS = 60_000


class Every(StrEnum):
    """How often the calendar asks."""

    NONE = "none"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class Weekday(StrEnum):
    """The days of a week, in their order."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


_WEEK = tuple(Weekday)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When all that is free of an asset, but for `keep`, is settled; amounts are base units, times unix milliseconds.

    It is due at `hour` (UTC) of its days, and as soon as `threshold` is free, whichever comes first. `weekday` is of a
    weekly one, `day` (1 to 28) of a monthly one. `since` is when the merchant has set it, `done` the newest moment of
    the calendar that was answered, and `skipped` why the last one made no settlement.
    """

    merchant_id: str
    chain: str
    asset: str
    every: Every = Every.NONE
    hour: int = 0
    weekday: Weekday | None = None
    day: int | None = None
    threshold: int | None = None
    keep: int = 0
    since: int = 0
    done: int = 0
    skipped: str = ""
    version: int = 1

    @property
    def token_id(self) -> str | None:
        """Return the token's id, None for the coin."""
        return None if self.asset == "native" else self.asset

    @property
    def active(self) -> bool:
        """Whether it ever asks for anything."""
        return self.every is not Every.NONE or self.threshold is not None


def latest(schedule: Schedule, now: int) -> int | None:
    """Return the newest moment of its calendar up to now; None where it has no calendar."""
    if schedule.every is Every.NONE:
        return None
    moment = datetime.fromtimestamp(now // 1000, UTC)
    today = _on(schedule, moment)
    if today > moment:
        today = _on(schedule, _before(schedule, today))
    return int(today.timestamp()) * 1000


def following(schedule: Schedule, now: int) -> int | None:
    """Return the first moment of its calendar after now; None where it has no calendar."""
    newest = latest(schedule, now)
    if newest is None:
        return None
    moment = datetime.fromtimestamp(newest // 1000, UTC)
    step = {Every.DAILY: timedelta(1), Every.WEEKLY: timedelta(7)}.get(schedule.every, timedelta(31))
    return int(_on(schedule, moment + step).timestamp()) * 1000


def due(schedule: Schedule, now: int) -> int | None:
    """Return the moment of its calendar that nobody has answered; None where there is none.

    Of several that were missed it is the newest alone. What lay before it was set asks for nothing.
    """
    newest = latest(schedule, now)
    return newest if newest is not None and newest > max(schedule.done, schedule.since) else None


def answered(schedule: Schedule, now: int, skipped: str = "") -> Schedule:
    """Note that what was due has been answered, by a settlement or by a reason why there is none."""
    moment = due(schedule, now)
    return replace(schedule, done=moment or schedule.done, skipped=skipped[:200], version=schedule.version + 1)


def next_at(schedule: Schedule) -> int | None:
    """Return the next moment of its calendar that nobody has answered, wherever now is; None where it has none."""
    return following(schedule, max(schedule.done, schedule.since))


def in_turn(place: int, count: int, now: int) -> bool:
    """Whether this minute looks at a schedule by amount, of so many: each of them comes in its turn."""
    turns = -(-count // LOOKED_AT_ONCE)
    return turns <= 1 or place % turns == now // _MINUTE_MS % turns


def _on(schedule: Schedule, moment: datetime) -> datetime:
    """Return the schedule's moment in the day, the week or the month of another one."""
    at = moment.replace(hour=schedule.hour, minute=0, second=0, microsecond=0)
    if schedule.every is Every.WEEKLY:
        return at + timedelta(_WEEK.index(schedule.weekday or _WEEK[0]) - at.weekday())
    return at.replace(day=schedule.day or 1) if schedule.every is Every.MONTHLY else at


def _before(schedule: Schedule, moment: datetime) -> datetime:
    """Return a moment in the day, the week or the month before."""
    if schedule.every is Every.MONTHLY:
        return moment.replace(day=1) - timedelta(1)
    return moment - timedelta(7 if schedule.every is Every.WEEKLY else 1)
