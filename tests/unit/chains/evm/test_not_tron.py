"""Nodes of Tron have a JSON-RPC that looks like an EVM node's: the EVM client never reads from it."""

from dataclasses import replace
from typing import Any

import pytest

from ctrip.chains.evm.client import EvmChain
from ctrip.chains.evm.endpoints import NOT_EVM, Endpoint, Meter
from ctrip.domain.chains.chain import BalanceQuery, Block
from ctrip.domain.errors import ConfigurationError, WrongChain
from ctrip.networks import load_networks
from tests.evm_support import NETWORK, TestClock

AT = Block(7, "0x" + "07" * 32, "0x" + "06" * 32, 1)


def test_the_ids_are_those_of_all_networks_of_tron():
    """The list is the one of chains.yaml."""
    names = ["tron", "nile", "shasta"]
    ids = {each.chain_id for local in (False, True) for each in load_networks(names, local=local).values()}
    assert ids == NOT_EVM


@pytest.mark.parametrize("chain_id", sorted(NOT_EVM))
def test_a_network_of_tron_is_no_evm_network(chain_id: int):
    """Whoever configures one so is told, before anything is asked."""
    with pytest.raises(ConfigurationError, match="Tron"):
        EvmChain(replace(NETWORK, chain_id=chain_id), ["http://127.0.0.1:9"], TestClock())


@pytest.mark.parametrize("chain_id", sorted(NOT_EVM))
def test_an_endpoint_of_tron_is_refused_before_any_question(chain_id: int, monkeypatch: pytest.MonkeyPatch):
    """It is asked which network it is of, and nothing after that, whatever is wanted."""
    asked: list[str] = []

    def call(self: Endpoint, method: str, params: list[Any]) -> Any:
        asked.append(method)
        return hex(chain_id)

    monkeypatch.setattr(Endpoint, "call", call)
    chain = EvmChain(NETWORK, ["http://127.0.0.1:9"], TestClock())
    for question in (
        chain.head,
        lambda: chain.balances(AT, [BalanceQuery("0x" + "11" * 20, None)]),
        lambda: chain.receipt("0x" + "22" * 32),
        lambda: chain.broadcast("0x00"),
    ):
        with pytest.raises(WrongChain):
            question()
    assert chain.opinions(AT, BalanceQuery("0x" + "11" * 20, None)) == []
    assert asked == ["eth_chainId"]
    endpoint = Endpoint("http://127.0.0.1:9", NETWORK.chain_id, Meter(), lambda: 0.5, 1)
    with pytest.raises(WrongChain, match="Tron"):
        endpoint.check()
