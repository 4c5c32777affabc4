"""What the benchmarks do with what they measured."""

from __future__ import annotations

import json

import pytest

from infra.bench.figure import Figure, percentile
from infra.bench.proxy import CountingProxy


def test_a_figure_says_whether_its_goal_is_met() -> None:
    """As a row and as a line of JSON, with a goal or without."""
    good, bad, told = Figure("a", 1.23456, "ms", 3.0), Figure("b", 3.1, "ms", 3.0, "why"), Figure("c", 7, "s")
    assert [figure.met for figure in (good, bad, told)] == [True, False, None]
    assert json.loads(bad.line()) == {
        "name": "b", "value": 3.1, "unit": "ms", "goal": 3.0, "detail": "why", "at_least": False, "met": False
    }  # fmt: skip
    assert json.loads(good.line())["value"] == 1.235
    assert "MISSED" in bad.row()
    assert " met" in good.row()
    assert "goal" not in told.row()


@pytest.mark.parametrize(("share", "value"), [(0.5, 5), (0.95, 10), (0.9, 9), (0.0, 1), (1.0, 10)])
def test_percentiles_are_measured_values(share: float, value: int) -> None:
    """The nearest rank, never something in between."""
    assert percentile([3, 1, 2, 10, 9, 8, 7, 6, 5, 4], share) == value


def test_a_pass_begins_with_the_newest_block() -> None:
    """Batches count by their calls, passes by the question for the head."""
    proxy = CountingProxy("http://127.0.0.1:9")
    with proxy:
        proxy.count({"method": "eth_getBlockByNumber", "params": ["latest", False]})
        proxy.count(
            [{"method": "eth_call", "params": []}, {"method": "eth_getBlockByNumber", "params": ["0x1", False]}]
        )
    assert (proxy.requests, proxy.passes, sum(proxy.calls.values())) == (2, 1, 3)
    proxy.reset()
    assert (proxy.requests, proxy.passes, sum(proxy.calls.values())) == (0, 0, 0)
