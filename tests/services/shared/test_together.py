"""A group commit: one call for those who come together, or while another one is under way."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from ctrip.services.shared.together import Together
from tests.evm_support import eventually


class Slow:
    """A store whose calls wait until they are let go; the ones named in `fails` raise."""

    def __init__(self, *, fails: Sequence[int] = ()) -> None:
        self.calls: list[list[int]] = []
        self.under_way, self.may_end = threading.Event(), threading.Event()
        self._fails = fails

    def __call__(self, values: Sequence[int]) -> None:
        self.calls.append(list(values))
        self.under_way.set()
        self.may_end.wait(20)
        if len(self.calls) in self._fails:
            raise RuntimeError(f"call {len(self.calls)}")


def add_ten(store: Slow) -> list["Future[None]"]:
    """Add one value, and nine more while it is being stored; return how each ended."""
    together = Together(store)
    with ThreadPoolExecutor(10) as threads:
        ended = [threads.submit(together.add, 0)]
        store.under_way.wait(20)
        ended += [threads.submit(together.add, number) for number in range(1, 10)]
        eventually(lambda: len(together._waiting) == 9)
        assert not any(each.done() for each in ended)
        store.may_end.set()
    return ended


def test_those_who_come_meanwhile_are_stored_by_one_call() -> None:
    """Nobody returns before its own value is stored."""
    store = Slow()
    assert [each.exception() for each in add_ten(store)] == [None] * 10
    first, second = store.calls
    assert first == [0]
    assert sorted(second) == list(range(1, 10))


@pytest.mark.parametrize(("failing", "failed"), [(1, 1), (2, 9)])
def test_a_call_that_fails_fails_for_those_whose_values_it_held(failing: int, failed: int) -> None:
    """The others' values are stored, and nobody else is told of a failure."""
    ended = add_ten(Slow(fails=[failing]))
    problems = [str(each.exception()) for each in ended if each.exception()]
    assert problems == [f"call {failing}"] * failed


def test_a_value_waits_for_the_others_of_its_batch() -> None:
    """All ten are stored by one call, as soon as the last has come: a long patience is not used up."""
    store = Slow()
    store.may_end.set()
    together = Together(store, 10, 20)
    with ThreadPoolExecutor(10) as threads:
        ended = [threads.submit(together.add, number) for number in range(10)]
        ended[-1].result(10)
    assert [sorted(call) for call in store.calls] == [list(range(10))]


def test_a_value_waits_no_longer_than_its_patience() -> None:
    """Whoever of the batch never comes holds up nobody."""
    store = Slow()
    store.may_end.set()
    Together(store, 2).add(1)
    assert store.calls == [[1]]


def test_one_after_the_other_each_has_a_call() -> None:
    """What is stored or has failed is not stored again."""
    store = Slow(fails=[2])
    store.may_end.set()
    together = Together(store)
    together.add(1)
    with pytest.raises(RuntimeError):
        together.add(2)
    together.add(3)
    assert store.calls == [[1], [2], [3]]
