"""The watch list finds what is raised, however far the index lags, and reads little again at each pass."""

from dataclasses import replace

import pytest

from ctrip.domain.detection.watch import Watch
from ctrip.domain.payments.payment import Tier
from ctrip.services.detection.watch_list import LOOK_BACK_MS, OVERLAP_MS, REACH_BACK_MS, WatchList
from tests.fakes.log import FakeLog
from tests.support.objects import payment

START = 1_800_000_000_000
SECOND = 1_000


class Index:
    """Shows each row some time after it was raised; counts what it is asked for."""

    def __init__(self, lag: int) -> None:
        self.lag, self.now, self.raised, self.read = lag, START, list[Watch](), 0

    def rows(self, chain: str, tier: Tier, *, raised_after: int = 0) -> list[Watch]:
        shown = [row for row in self.raised if raised_after < row.raised_at <= self.now - self.lag and row.tier is tier]
        self.read += len(shown)
        return shown


def row(number: int, at: int) -> Watch:
    return replace(Watch.of(payment()), id=f"p{number}", tier=Tier.OPEN, raised_at=at, asked_at=at)


def watch_list(index: Index) -> WatchList:
    return WatchList(chain="anvil", payments=index, log=FakeLog(), monitor_ms=5_000)


@pytest.mark.parametrize("lag", [0, 1, 4, 6, 30, 59, 60])
@pytest.mark.parametrize("period", [1, 2, 12])
def test_what_is_raised_is_found_though_the_index_lags_for_a_minute(lag: int, period: int) -> None:
    """A little later than the index shows it at the latest, and it is fresh for whoever scans next."""
    index = Index(lag * SECOND)
    watch, found = watch_list(index), dict[str, int]()
    for second in range(180):
        index.now = START + second * SECOND
        if second < 90:
            index.raised.append(row(second, index.now))
        if second % period == 0:
            watch.refresh(index.now)
            found |= {name: index.now for name in watch.rows if name not in found}
    late = {name: at - index.raised[int(name[1:])].raised_at for name, at in found.items()}
    assert len(found) == 90
    assert max(late.values()) <= OVERLAP_MS + period * SECOND
    assert max(late.values()) <= lag * SECOND + REACH_BACK_MS + period * SECOND


def test_a_pass_reads_little_again() -> None:
    """A thousand rows that were raised a while ago are read once in fifteen passes of a second, and not in each."""
    index = Index(0)
    index.raised = [row(number, START - LOOK_BACK_MS - SECOND) for number in range(1_000)]
    watch = watch_list(index)
    for second in range(31):
        index.now = START + second * SECOND
        watch.refresh(index.now)
    assert index.read == 3_000


def test_a_choice_is_to_be_looked_at_first_as_a_payment_is() -> None:
    """However long ago the payment was made, and though the same address was looked at for another token."""
    index = Index(0)
    watch = watch_list(index)
    watch.looked_at = START
    first = replace(row(1, START), token="0xaa")
    index.raised = [first, replace(row(2, START), asked_at=START - OVERLAP_MS - 1)]
    index.now = START + SECOND
    watch.refresh(index.now)
    assert watch.fresh == {"p1"}
    watch.looked(list(watch.rows.values()), {"p1": 0, "p2": 0})
    assert watch.fresh == set()
    index.now += SECOND
    index.raised = [replace(first, raised_at=index.now, asked_at=index.now, token="0xbb")]
    watch.refresh(index.now)
    assert watch.fresh == {"p1"}


def test_what_is_due_on_another_chain_by_now_keeps_no_scanner_from_saying_that_it_has_looked() -> None:
    made = payment(created_at=START, raised_at=START)
    index = Index(0)
    index.raised, index.now = [Watch.of(made)], START
    watch = watch_list(index)
    watch.refresh(START)
    assert watch.fresh == {made.id}
    watch.keep(made.changed(chain="sepolia", version=made.version + 1))
    assert (watch.fresh, watch.rows) == (set(), {})
