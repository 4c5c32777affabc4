"""What arrived is explained where the node tells, and never falsely."""

from typing import Any

import pytest

from ctrip.chains.evm.client import EvmChain
from ctrip.domain.assets import Asset
from ctrip.domain.chain import Arrivals, Holding, Transfer
from infra.local import wallet
from tests.evm_support import NETWORK, Anvil, Proxy, address, asset, call_data, chain_at, refuse


def transfers(chain: EvmChain, what: Asset, to: str, first: int, last: int) -> list[Transfer]:
    """Explain one address's arrivals."""
    return chain.transfers([Arrivals(to, what.address, first)], last)[0]


def test_token_transfers_are_explained_by_their_logs(anvil: Anvil) -> None:
    """USDT, which returns nothing, and a token that keeps a fee: the log tells what arrived."""
    chain = chain_at(anvil.url)
    first = chain.head().number + 1
    for symbol, paid, arrived in (("USDT", 1_000, 1_000), ("FEE", 1_000, 990)):
        token = anvil.tokens[symbol]["address"]
        tx_hash = anvil.pay(address(1), paid, token)
        head = chain.head()
        (transfer,) = transfers(chain, asset(symbol), address(1), first, head.number)
        assert (transfer.tx_hash, transfer.amount) == (tx_hash, arrived)
        assert (transfer.block_hash, transfer.sender) == (head.hash, wallet.funded(1).address.lower())
        assert transfer.log_index is not None
        assert chain.balances(head, [Holding(address(1), token)]) == [arrived]


def test_nothing_to_explain_in_forged_zero_and_own_transfers(anvil: Anvil) -> None:
    """Zero values and transfers to oneself are dropped, and another contract's logs are not even asked for."""
    chain, usdc = chain_at(anvil.url), anvil.tokens["USDC"]["address"]
    payer, evil = wallet.funded(1).address, anvil.deploy("Hostile", 0)
    first = chain.head().number
    anvil.pay(payer, 5, usdc)
    anvil.pay(address(1), 0, usdc)
    anvil.send(evil, call_data("Hostile", "forge", address(1), 5))
    last = chain.head().number
    assert transfers(chain, asset("USDC"), payer, first, last) == []
    assert transfers(chain, asset("USDC"), address(1), first, last) == []


def test_log_ranges_are_halved_and_the_bearable_one_remembered(anvil: Anvil, proxy: Proxy) -> None:
    """A node that gives ten blocks at a time still explains a payment a hundred blocks back."""
    usdc = anvil.tokens["USDC"]["address"]
    chain = chain_at(proxy.url)
    first = chain.head().number
    tx_hash = anvil.pay(address(1), 5, usdc)
    anvil.mine(100)
    proxy.rule = refuse(
        "eth_getLogs",
        "You can make eth_getLogs requests with up to a 10 block range",
        -32600,
        lambda params: int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) >= 10,
    )
    found = transfers(chain, asset("USDC"), address(1), first, chain.head().number)
    assert [each.tx_hash for each in found] == [tx_hash]
    refused = chain.calls["eth_getLogs"]
    transfers(chain, asset("USDC"), address(1), first, chain.head().number)
    assert chain.calls["eth_getLogs"] - refused < refused


def test_a_node_without_logs_explains_nothing_and_raises_nothing(anvil: Anvil, proxy: Proxy) -> None:
    """A refused method costs the explanation, never the pass."""
    chain = chain_at(proxy.url)
    anvil.pay(address(1), 5, anvil.tokens["USDC"]["address"])
    proxy.rule = refuse("eth_getLogs", "the method eth_getLogs does not exist/is not available", -32601)
    assert transfers(chain, asset("USDC"), address(1), 0, chain.head().number) == []


def test_a_plain_payment_is_explained(anvil: Anvil) -> None:
    """A transaction to the address, found without tracing."""
    chain = chain_at(anvil.url)
    first = chain.head().number
    anvil.mine(20)
    tx_hash = anvil.pay(address(1), 5)
    anvil.mine(20)
    chain.calls.clear()
    (transfer,) = transfers(chain, NETWORK.coin, address(1), first, chain.head().number)
    assert (transfer.tx_hash, transfer.log_index, transfer.amount) == (tx_hash, None, 5)
    assert chain.calls["debug_traceBlockByHash"] == 0


TRACERS = {"debug_traceBlockByHash": "trace_block", "trace_block": "debug_traceBlockByHash"}


@pytest.mark.parametrize("tracer", TRACERS)
@pytest.mark.parametrize("method", ["forward", "forwardTwice", "destroyInto"])
def test_an_internal_payment_is_explained_where_the_node_traces(
    anvil: Anvil, proxy: Proxy, method: str, tracer: str
) -> None:
    """Calls inside contracts and self-destructions count; two payments in one transaction are one transfer."""
    forwarder = anvil.deploy("Forwarder")
    chain = chain_at(proxy.url)
    first = chain.head().number
    proxy.rule = refuse(TRACERS[tracer], "the method is not available", -32601)
    tx_hash = anvil.send(forwarder, call_data("Forwarder", method, address(1)), value=1_001)
    head = chain.head()
    assert chain.balances(head, [Holding(address(1), None)]) == [1_001]
    (transfer,) = transfers(chain, NETWORK.coin, address(1), first, head.number)
    assert (transfer.tx_hash, transfer.log_index, transfer.amount) == (tx_hash, None, 1_001)
    assert transfer.sender is not None
    assert chain.calls[tracer] == 1


@pytest.mark.parametrize("tracer", TRACERS)
def test_a_reverted_inner_payment_explains_nothing(anvil: Anvil, proxy: Proxy, tracer: str) -> None:
    """A frame that reverted takes its subtree with it, beside a payment that is real."""
    forwarder = anvil.deploy("Forwarder")
    chain = chain_at(proxy.url)
    first = chain.head().number
    anvil.automine(False)
    anvil.send(forwarder, call_data("Forwarder", "pretend", address(1)), value=500, gas=200_000)
    real = anvil.send(forwarder, call_data("Forwarder", "forward", address(1)), value=7, index=2, gas=200_000)
    anvil.mine()
    proxy.rule = refuse(TRACERS[tracer], "the method is not available", -32601)
    found = transfers(chain, NETWORK.coin, address(1), first, chain.head().number)
    assert [(each.tx_hash, each.amount) for each in found] == [(real, 7)]


def test_without_traces_an_internal_payment_stays_unexplained(anvil: Anvil, proxy: Proxy) -> None:
    """Nothing is made up and nothing raised; a node's refusal is remembered."""
    forwarder = anvil.deploy("Forwarder")
    chain = chain_at(proxy.url)
    first = chain.head().number
    anvil.send(forwarder, call_data("Forwarder", "forward", address(1)), value=5)

    def no_traces(request: Any) -> dict[str, Any] | None:
        rules = [refuse(tracer, "Method not found", -32601) for tracer in TRACERS]
        return next((answer for rule in rules if (answer := rule(request))), None)  # type: ignore[return-value]

    proxy.rule = no_traces
    for _ in range(2):
        assert transfers(chain, NETWORK.coin, address(1), first, chain.head().number) == []
    assert chain.calls["trace_block"] == chain.calls["debug_traceBlockByHash"] == 1
