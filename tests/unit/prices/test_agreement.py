"""Two sources that agree make a rate; one that stalls, spikes, disagrees or lies makes none."""

from decimal import Decimal

import pytest

from ctrip.domain.prices.agreement import SKEW_MS, Quote, Trouble, judge
from ctrip.domain.prices.rate import LockedRate, written

NOW, GOOD = 1_760_000_000_000, 60_000


def quotes(*values: str, ages: tuple[int, ...] = ()) -> list[Quote]:
    """Quote these values by sources a, b, c and so on; `ages` are milliseconds."""
    when = (*ages, *[0] * len(values))
    return [Quote("abcdefgh"[n], "ETH", value, NOW - when[n], GOOD) for n, value in enumerate(values)]


@pytest.mark.parametrize(
    ("values", "agreed"),
    [
        (("100", "100"), "100"),
        (("100", "101"), "100.5"),
        (("100", "101", "100.4"), "100.4"),
        (("0.00000012", "0.00000012"), "0.00000012"),
        (("100", "100.2", "100.4", "100.6"), "100.3"),
    ],
)
def test_the_median_of_sources_that_agree_is_the_rate(values, agreed):
    judged = judge(quotes(*values), {}, NOW)
    assert (judged.value, judged.trouble) == (agreed, None)
    assert judged.sources == tuple("abcdefgh"[: len(values)])


def test_a_spike_of_one_of_three_is_dropped_and_named():
    judged = judge(quotes("100", "100.5", "130"), {}, NOW)
    assert (judged.value, judged.sources) == ("100.25", ("a", "b"))
    assert "per mille off" in judged.missing["c"]


def test_a_lie_by_a_factor_of_a_thousand_moves_nothing():
    judged = judge(quotes("100", "0.1", "100.2"), {}, NOW)
    assert (judged.value, judged.sources) == ("100.1", ("a", "c"))


@pytest.mark.parametrize("values", [("100", "103"), ("100", "50"), ("100", "104", "108"), ("100", "100", "110", "110")])
def test_sources_that_are_apart_make_no_rate(values):
    judged = judge(quotes(*values), {}, NOW)
    assert (judged.value, judged.trouble) == (None, Trouble.DISAGREE)


def test_two_that_are_left_must_be_near_each_other_and_not_only_near_their_middle():
    assert judge(quotes("98.5", "101.5"), {}, NOW).trouble is Trouble.DISAGREE
    assert judge(quotes("99.2", "100.8"), {}, NOW).value == "100"


def test_a_feed_that_stalls_takes_no_part():
    judged = judge(quotes("100", "100", "90", ages=(0, GOOD, GOOD + 1)), {}, NOW)
    assert (judged.value, judged.sources) == ("100", ("a", "b"))
    assert judged.missing == {"c": "its answer is 60 s old"}


def test_an_answer_from_the_future_takes_no_part():
    judged = judge(quotes("100", "100", ages=(-SKEW_MS, -SKEW_MS - 1)), {}, NOW)
    assert (judged.value, judged.trouble) == (None, Trouble.OUT)


@pytest.mark.parametrize("nonsense", ["", "0", "-1", "NaN", "Infinity", "1e3", "1,5", "0x10", "12.5 ", "9" * 31])
def test_nonsense_takes_no_part(nonsense):
    judged = judge(quotes("100", nonsense), {}, NOW)
    assert (judged.value, judged.trouble) == (None, Trouble.OUT)
    assert judged.missing["b"].startswith("its answer is not")


def test_one_source_is_none():
    assert judge(quotes("100"), {}, NOW).trouble is Trouble.UNOFFERED
    assert judge([], {}, NOW).trouble is Trouble.UNOFFERED


def test_sources_that_do_not_answer_may_come_back_so_that_is_no_lack_of_an_offer():
    assert judge(quotes("100"), {"b": "timed out"}, NOW).trouble is Trouble.OUT
    assert judge([], {"b": "timed out"}, NOW).trouble is Trouble.UNOFFERED


def test_two_that_contradict_each_other_disagree_whoever_else_is_out():
    """Otherwise the last value went on, against the word of a source that answers."""
    assert judge(quotes("100", "50"), {"c": "timed out"}, NOW).trouble is Trouble.DISAGREE
    assert judge(quotes("100", "50", "100", ages=(0, 0, GOOD + 1)), {}, NOW).trouble is Trouble.DISAGREE


def test_a_rate_is_shown_as_one_number_rounded():
    assert LockedRate("ETH", "USD", "2500", "1", (), 0).rate == "2500"
    assert LockedRate("ETH", "EUR", "2500", "1.1", (), 0).rate == "2272.72727272727273"


def test_a_number_is_written_plainly():
    assert [written(Decimal(each)) for each in ("1E+3", "1.50", "0.0001", "7")] == ["1000", "1.5", "0.0001", "7"]
