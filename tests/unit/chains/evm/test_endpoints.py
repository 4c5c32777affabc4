"""Windows and breakers: how much is asked, and of whom."""

import pytest

from ctrip.chains.shared.endpoints import Meter, Window
from ctrip.domain.breaker import Breaker


def test_a_window_halves_when_refused_and_doubles_after_successes() -> None:
    """It grows to its maximum and no further."""
    window = Window(1_000)
    assert window.shrink(1_000)
    assert window.size == 500
    for _ in range(window.patience):
        window.fits()
    assert window.size == 1_000
    for _ in range(1_000):
        window.fits()
    assert window.size == 1_000


def test_a_window_halves_what_was_asked_not_what_it_would_bear() -> None:
    """A refused question of ten tells nothing of five hundred: the next one is of five."""
    window = Window(1_000)
    assert window.shrink(10)
    assert window.size == 5


def test_a_refused_question_of_one_teaches_nothing() -> None:
    """It was not about size; the window stays."""
    window = Window(1_000)
    assert not window.shrink(1)
    assert window.size == 1_000


def test_a_window_grows_more_slowly_after_each_refusal() -> None:
    """Otherwise a node with a fixed limit would refuse every fifth question for ever."""
    window = Window(1_000)
    before = window.patience
    window.shrink(1_000)
    window.shrink(500)
    assert window.patience == before * 4


def test_a_breaker_opens_after_three_failures_in_a_row() -> None:
    """Two failures and a success are no reason."""
    breaker = Breaker(lambda: 1.0)
    for _ in range(2):
        breaker.failed(0)
    breaker.worked()
    for _ in range(2):
        breaker.failed(0)
    assert breaker.closed(0)
    breaker.failed(0)
    assert not breaker.closed(0)


def test_a_breaker_rests_longer_each_time_up_to_a_minute() -> None:
    """One try after each rest; a success ends it all."""
    breaker, now, rests = Breaker(lambda: 1.0), 0, []
    for _ in range(12):
        while breaker.closed(now):
            breaker.failed(now)
        rests.append(breaker.until - now)
        now = breaker.until
    assert rests == [1_000, 2_000, 4_000, 8_000, 16_000, 32_000] + [60_000] * 6
    breaker.worked()
    assert breaker.closed(0)


@pytest.mark.parametrize(("jitter", "rest"), [(0.0, 500), (0.5, 750), (1.0, 1_000)])
def test_rests_are_spread(jitter: float, rest: int) -> None:
    """Half of the pause is left to chance, so that many scanners do not come back at once."""
    breaker = Breaker(lambda: jitter)
    for _ in range(3):
        breaker.failed(0)
    assert breaker.until == rest


def test_a_meter_counts_calls_and_requests() -> None:
    """A batch is one request of many calls."""
    meter = Meter()
    meter.count(["eth_call", "eth_call", "eth_chainId"])
    meter.count(("eth_call",))
    assert meter.calls == {"eth_call": 3, "eth_chainId": 1}
    assert meter.requests == 2
