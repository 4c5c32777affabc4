"""What the classifier was taught of geth is what geth says; of a block that is dead, nothing is read."""

import json
from pathlib import Path

import pytest

from ctrip.chains.evm.errors import Missing
from ctrip.domain.chains.chain import BalanceQuery
from infra.nodes import build, geth
from infra.tools.process import Supervisor
from tests.evm_support import address, chain_at
from tests.nodes.geth_node import DrivenGeth
from tests.nodes.questions import ANSWERS, interview, steady


def test_geth_answers_as_recorded(driven: DrivenGeth) -> None:
    """Each question is asked again: a new version's words are noticed here, before they are met in use."""
    recorded = json.loads((ANSWERS / f"geth-{build.VERSION}.json").read_text())
    driven.mine()
    assert steady(interview(driven.url)) == steady(recorded["answers"])


def test_a_balance_in_a_dead_block_is_no_answer(driven: DrivenGeth) -> None:
    """A block that was replaced is kept, and geth would tell its state: we ask for canonical ones alone."""
    to, chain = address(1), chain_at(driven.url)
    driven.pay(to, 7)
    dead = chain.head()
    assert chain.balances(dead, [BalanceQuery(to, None)]) == [7]
    driven.reorganise(1, [], [])
    assert chain.head().number == dead.number + 1
    assert int(driven.rpc("eth_getBalance", to, {"blockHash": dead.hash}), 16) == 7
    with pytest.raises(Missing):
        chain.balances(dead, [BalanceQuery(to, None)])
    assert chain.nonce_at(to, dead) is None


def test_a_tag_that_nothing_has_reached_yet_is_none(binary: Path, tmp_path: Path) -> None:
    """A node that no consensus client has told what is final: no block is, rather than the newest."""
    with Supervisor(tmp_path) as supervisor:
        chain = chain_at(geth.start(supervisor, binary).url)
        assert (chain.tagged("safe"), chain.tagged("finalized")) == (None, None)
