"""When schedules are due, over months, leap years and runs that come late."""

from calendar import isleap
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctrip.domain.settlement.schedule import (
    LOOKED_AT_ONCE,
    Every,
    Schedule,
    Weekday,
    answered,
    due,
    following,
    in_turn,
    latest,
    next_at,
)

DAY, WEEK = tuple(range(1, 29)), tuple(Weekday)
SCHEDULES = st.builds(
    Schedule,
    merchant_id=st.just("m"),
    chain=st.just("c"),
    asset=st.just("native"),
    every=st.sampled_from([Every.DAILY, Every.WEEKLY, Every.MONTHLY]),
    hour=st.integers(0, 23),
    weekday=st.sampled_from(WEEK),
    day=st.sampled_from(DAY),
)
TIMES = st.datetimes(datetime(2024, 1, 1), datetime(2105, 1, 1)).map(  # noqa: DTZ001  the zone is given below
    lambda each: int(each.replace(tzinfo=UTC).timestamp() * 1000)
)


def at(text):
    """Return a time in unix milliseconds."""
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp() * 1000)


def schedule(every, **given_):
    """Make a schedule."""
    return Schedule(merchant_id="m", chain="c", asset="native", every=every, **given_)


@given(SCHEDULES, TIMES)
def test_the_moments_of_a_calendar_follow_each_other_without_a_gap(made, now):
    newest, coming = latest(made, now), following(made, now)
    assert newest <= now < coming
    assert (latest(made, coming), latest(made, coming - 1), following(made, newest)) == (coming, newest, coming)
    moment = datetime.fromtimestamp(newest / 1000, UTC)
    assert (moment.hour, moment.minute, moment.second, moment.microsecond) == (made.hour, 0, 0, 0)
    assert made.every is not Every.WEEKLY or WEEK[moment.weekday()] is made.weekday
    assert made.every is not Every.MONTHLY or moment.day == made.day


@given(SCHEDULES, st.integers(2024, 2104))
def test_a_year_has_its_days_weeks_and_months(made, year):
    end, moments = at(f"{year + 1}-01-01T00:00:00") - 1, [following(made, at(f"{year}-01-01T00:00:00") - 1)]
    while (coming := following(made, moments[-1])) <= end:
        moments.append(coming)
    days = 366 if isleap(year) else 365
    assert len(moments) in {Every.DAILY: (days,), Every.WEEKLY: (52, 53), Every.MONTHLY: (12,)}[made.every]
    gaps = {(b - a) // 86_400_000 for a, b in pairwise(moments)}
    assert gaps <= {Every.DAILY: {1}, Every.WEEKLY: {7}, Every.MONTHLY: {28, 29, 30, 31}}[made.every]


@given(SCHEDULES, TIMES, st.lists(st.integers(0, 40 * 86_400_000), max_size=12))
def test_each_period_is_answered_at_most_once_and_those_that_were_missed_once_together(made, start, pauses):
    made, now, answers = (
        Schedule(**{name: getattr(made, name) for name in made.__slots__} | {"since": start}),
        start,
        [],
    )
    for pause in pauses:
        now += pause
        if (moment := due(made, now)) is not None:
            assert start < moment <= now
            answers.append(moment)
            made = answered(made, now)
        assert due(made, now) is None
        assert next_at(made) > now
    assert answers == sorted(set(answers))


@pytest.mark.parametrize(
    ("made", "now", "newest", "coming"),
    [
        (schedule(Every.DAILY, hour=9), "2026-02-28T09:00:00", "2026-02-28T09:00:00", "2026-03-01T09:00:00"),
        (schedule(Every.DAILY, hour=9), "2028-02-29T08:59:59", "2028-02-28T09:00:00", "2028-02-29T09:00:00"),
        (
            schedule(Every.WEEKLY, weekday=Weekday.SUNDAY),
            "2026-11-28T12:00:00",
            "2026-11-22T00:00:00",
            "2026-11-29T00:00:00",
        ),
        (
            schedule(Every.WEEKLY, weekday=Weekday.MONDAY, hour=23),
            "2026-12-31T00:00:00",
            "2026-12-28T23:00:00",
            "2027-01-04T23:00:00",
        ),
        (schedule(Every.MONTHLY, day=28, hour=5), "2027-03-01T00:00:00", "2027-02-28T05:00:00", "2027-03-28T05:00:00"),
        (schedule(Every.MONTHLY, day=1), "2026-01-01T00:00:00", "2026-01-01T00:00:00", "2026-02-01T00:00:00"),
        (
            schedule(Every.MONTHLY, day=31 - 3, hour=23),
            "2026-01-28T22:59:59",
            "2025-12-28T23:00:00",
            "2026-01-28T23:00:00",
        ),
    ],
)
def test_moments_at_the_edges_of_days_weeks_months_and_years(made, now, newest, coming):
    assert (latest(made, at(now)), following(made, at(now))) == (at(newest), at(coming))


def test_without_a_calendar_no_moment_is_due():
    made = schedule(Every.NONE, threshold=5)
    assert (latest(made, 10**12), following(made, 10**12), due(made, 10**12), next_at(made)) == (None,) * 4
    assert (made.active, schedule(Every.NONE).active) == (True, False)


def test_a_schedule_that_is_set_after_its_hour_begins_the_next_day():
    made = schedule(Every.DAILY, hour=9, since=at("2026-11-28T09:00:01"))
    assert due(made, at("2026-11-29T08:59:59")) is None
    assert due(made, at("2026-11-29T09:00:00")) == at("2026-11-29T09:00:00")


@given(st.integers(0, 3000), st.integers(0, 10**6))
def test_every_schedule_by_amount_comes_in_its_turn_and_none_too_often(count, minute):
    turns = max(-(-count // LOOKED_AT_ONCE), 1)
    runs = [[n for n in range(count) if in_turn(n, count, (minute + later) * 60_000)] for later in range(turns)]
    assert sorted(n for run in runs for n in run) == list(range(count))
    assert all(len(run) <= LOOKED_AT_ONCE for run in runs)
