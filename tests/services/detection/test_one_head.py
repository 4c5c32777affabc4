"""A pass on a chain that keeps older states stands on the one head that it has judged."""

from typing import Any

import pytest

from ctrip.domain.chains.chain import BalanceQuery, Block
from tests.fakes.chain import FakeChain
from tests.world import World


def test_what_is_unknown_on_an_evm_chain_is_not_asked_for_at_a_newer_head(monkeypatch: pytest.MonkeyPatch) -> None:
    """A contract that is silent is asked once in a pass; a head that came meanwhile is the next pass's to judge."""
    world, asked = World(), list[int]()
    world.create(10**18)
    world.step(2)

    def unknown(chain: Any, at: Block, wanted: list[BalanceQuery]) -> list[None]:
        asked.append(at.number)
        chain.mine(1)
        return [None] * len(wanted)

    monkeypatch.setattr(FakeChain, "balances", unknown)
    first = world.chain.head().number
    world.run.one()
    assert {number for number in asked if number >= first} == {first}
