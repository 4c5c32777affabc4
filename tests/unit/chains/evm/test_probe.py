"""The probe's answer is read exactly or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctrip.chains.evm import probe
from ctrip.domain.chains.chain import BalanceQuery

TOKEN = "0x" + "aa" * 20
AMOUNTS = st.one_of(st.none(), st.integers(0, 2**256 - 1))


def answer(values: list[int | None], count: int) -> bytes:
    """Write an answer as the contract does."""
    written = b""
    for value in values:
        if value is None:
            written += b"\xff"
        else:
            size = (value.bit_length() + 7) // 8
            written += bytes([size]) + value.to_bytes(size)
    return (7).to_bytes(32) + b"\xab" * 32 + count.to_bytes(2) + written


@given(coins=st.lists(AMOUNTS, min_size=1, max_size=9), supply=AMOUNTS, held=st.lists(AMOUNTS, min_size=1, max_size=9))
def test_every_amount_comes_back_at_its_place(
    coins: list[int | None], supply: int | None, held: list[int | None]
) -> None:
    """Zero takes one byte, 2^256-1 thirty-three, unknown one; none is mistaken for another."""
    wanted = [BalanceQuery(f"0x{number:040x}", None) for number in range(len(coins))]
    wanted += [BalanceQuery(f"0x{number:040x}", TOKEN) for number in range(len(held))]
    read = probe._unpack(answer([*coins, supply, *held], len(wanted)), probe._groups(wanted))
    assert read.balances == coins + held
    assert read.supplies == {TOKEN: supply}
    assert read.stands_on == (7, b"\xab" * 32)


@given(cut=st.integers(0, 100))
def test_an_answer_cut_short_is_refused(cut: int) -> None:
    """No prefix of an answer reads as one."""
    wanted = [BalanceQuery(f"0x{number:040x}", None) for number in range(3)]
    whole = answer([2**80, 0, 2**160], 3)
    if cut < len(whole) and cut >= 66:
        with pytest.raises((ValueError, IndexError)):
            probe._unpack(whole[:cut], probe._groups(wanted))


def test_an_answer_that_counts_fewer_is_read_so_far() -> None:
    """When it is full the probe stops; what it counts is what it answered."""
    wanted = [BalanceQuery(f"0x{number:040x}", None) for number in range(5)]
    assert probe._unpack(answer([1, 2], 2), probe._groups(wanted)).balances == [1, 2]


def test_what_exceeds_the_supply_is_unknown() -> None:
    """So is everything of a token that does not tell its supply."""
    within = probe._within
    assert within(5, TOKEN, {TOKEN: 5}) == 5
    assert within(6, TOKEN, {TOKEN: 5}) is None
    assert within(0, TOKEN, {TOKEN: None}) is None
    assert within(0, TOKEN, {}) is None
    assert within(2**256 - 1, None, {}) is None
    assert within(0, None, {}) == 0


def test_a_whole_question_fits_into_init_code() -> None:
    """EIP-3860 allows 49,152 bytes; over two thousand addresses go in."""
    assert probe.deployless_most() > 2_000
    size = len(probe._probe_code()) // 2 - 1 + 96 + 22 + 20 * probe.deployless_most()
    assert size <= 49_152
