"""Blocks are found by their time, and amounts observed at a pace: compared with the plain way, on any chain."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctrip.domain.chains.chain import Block
from ctrip.domain.detection.observe import promote, record
from ctrip.domain.errors import NotHeld
from ctrip.domain.payments.payment import Observation
from ctrip.services.detection.find_blocks import BlockFinder
from tests.world import NETWORK

T = 1_760_000_000_000


class Headers:
    """A chain of headers alone; counts the requests, and lacks what it is told to."""

    def __init__(self, gaps):
        self.blocks_, at = [], T
        for number, gap in enumerate(gaps):
            at += gap * 1000
            self.blocks_.append(Block(number, f"0x{number:064x}", "0x", at))
        self.requests, self.lacks = 0, set()

    def blocks(self, numbers):
        self.requests += 1
        return {n: self.blocks_[n] for n in numbers if n < len(self.blocks_) and n not in self.lacks}


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    gaps=st.lists(st.sampled_from([0, 1, 1, 1, 2, 12, 600]), min_size=1, max_size=400),
    times=st.lists(st.integers(-10, 3_000), min_size=1, max_size=6),
    settled=st.integers(-1, 400),
)
def test_the_newest_block_that_is_not_after_a_time_is_found(gaps, times, settled):
    """Whatever the pace of the chain, in any order of questions, with or without memory."""
    chain = Headers(gaps)
    finder = BlockFinder(NETWORK, chain)
    head = chain.blocks_[-1]
    for seconds in times:
        at = T + seconds * 1000
        plain = max((each for each in chain.blocks_ if each.time <= at), key=lambda each: each.number, default=None)
        assert finder.last_by(at, head, settled=settled) == plain


def test_a_block_far_back_takes_few_requests_and_none_the_second_time():
    """A hundred thousand blocks: a sixteenth is left of the range by each request."""
    chain = Headers([1] * 100_000)
    finder = BlockFinder(NETWORK, chain)
    head = chain.blocks_[-1]
    assert finder.last_by(T + 40_000_500, head, settled=head.number - 128) == chain.blocks_[39_999]
    assert chain.requests <= 8
    before = chain.requests
    finder.last_by(T + 40_000_500, head, settled=head.number - 128)
    assert chain.requests == before


def test_a_header_that_no_node_holds_is_no_answer():
    """It raises, and guesses nothing."""
    chain = Headers([1] * 300)
    chain.lacks = set(range(100, 250))
    with pytest.raises(NotHeld):
        BlockFinder(NETWORK, chain).last_by(T + 150_000, chain.blocks_[-1], settled=-1)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    steps=st.lists(st.integers(0, 3), min_size=1, max_size=120),
    gap=st.integers(0, 20),
    depth=st.integers(1, 60),
    target=st.integers(1, 150),
)
def test_amounts_that_are_observed_at_a_pace_confirm_nothing_too_soon_and_everything_in_the_end(
    steps, gap, depth, target
):
    """Never more than was there at that depth; all of it once nothing more comes; few of them are kept."""
    amount, amounts, kept = 0, [0], ()
    for number, step in enumerate([*steps, *[0] * (gap + depth + 1)], 1):
        amount += step
        amounts.append(amount)
        seen = Observation(amount, number, f"0x{number}", T + number)
        kept = record(kept, [seen], number - depth + 1, target=target, gap=gap)
        confirmed = promote(kept, number - depth + 1)
        assert confirmed <= amounts[max(number - depth + 1, 0)]
        assert len(kept) <= depth // max(gap, 1) + 4
    assert confirmed == amount


def test_the_observation_that_completes_is_kept_at_its_own_block():
    """However soon it comes after another."""
    first = Observation(5, 10, "0xa", T)
    second = replace(first, amount=9, block_number=11, block_hash="0xb")
    third = replace(first, amount=10, block_number=12, block_hash="0xc")
    kept = record((first,), [second], 0, target=10, gap=8)
    assert kept == (first,)
    assert record(kept, [third], 0, target=10, gap=8) == (first, third)
