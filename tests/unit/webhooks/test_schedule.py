"""Which attempt of the schedule one is that somebody has asked for."""

from itertools import accumulate

import pytest

from ctrip.domain.webhooks.retry import RETRY_SECONDS, SPREAD, in_schedule, next_delay

ALL = len(RETRY_SECONDS)


@pytest.mark.parametrize("spread", [-1, 0, 1])
def test_each_attempt_that_comes_in_its_time_is_the_one_of_its_number(spread):
    """However the retries are spread, and whatever the answers take."""
    for took in (0, 15):
        age = 0
        for attempt in range(1, ALL + 2):
            assert in_schedule(attempt, age + took) == attempt
            age += took + (next_delay(attempt, spread, 0) or 0)


@pytest.mark.parametrize("asked", [1, 5, 9, 50])
def test_attempts_that_are_asked_for_use_up_none_of_the_schedules(asked):
    """The retries go on for as long as they would have: the last one begins three days after the event, or later."""
    attempt, age, ages = 1 + asked, 1, []
    while (delay := next_delay(in_schedule(attempt, age), 0, 0)) is not None:
        age, attempt = age + delay, attempt + 1
        ages.append(age)
    assert sum(RETRY_SECONDS) * (1 - SPREAD) <= age <= sum(RETRY_SECONDS) * (1 + SPREAD)
    assert len(ages) <= ALL
    for planned in accumulate(RETRY_SECONDS):
        assert any(planned * 0.5 <= each <= planned * 2 for each in ages)
