"""What arrived is explained where the node tells, and never falsely."""

import json
from typing import Any

import pytest

from ctrip.chains.evm.client import EvmChain
from ctrip.domain.chains.assets import Asset
from ctrip.domain.chains.chain import Arrivals, BalanceQuery, Transfer
from ctrip.domain.errors import ChainError
from infra.stack import wallet
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
        assert chain.balances(head, [BalanceQuery(address(1), token)]) == [arrived]


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


def test_where_every_endpoint_refuses_logs_nobody_takes_it_for_an_answer(
    anvil: Anvil, proxy: Proxy, second: Proxy
) -> None:
    """A refusal is raised, as "nothing came" would be noted and not asked again; one willing endpoint is enough."""
    chain = chain_at(proxy.url, second.url)
    anvil.pay(address(1), 5, anvil.tokens["USDC"]["address"])
    proxy.rule = refuse("eth_getLogs", "the method eth_getLogs does not exist/is not available", -32601)
    assert len(transfers(chain, asset("USDC"), address(1), 0, chain.head().number)) == 1
    for words in ("the method eth_getLogs does not exist", "no", "rate limit exceeded", "block range is too wide"):
        second.rule = refuse("eth_getLogs", words)
        with pytest.raises(ChainError):
            transfers(chain, asset("USDC"), address(1), 0, chain.head().number)


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
    assert chain.balances(head, [BalanceQuery(address(1), None)]) == [1_001]
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


def test_where_no_endpoint_reads_blocks_the_coin_is_not_explained_but_raised(
    anvil: Anvil, proxy: Proxy, second: Proxy
) -> None:
    """Also where state tells that something came."""
    chain = chain_at(proxy.url, second.url)
    anvil.pay(address(1), 5)
    last = chain.head().number
    proxy.rule = second.rule = refuse("eth_getBlockByNumber", "no", when=lambda params: params[1] is True)
    with pytest.raises(ChainError):
        transfers(chain, NETWORK.coin, address(1), 0, last)
    second.rule = None
    assert len(transfers(chain, NETWORK.coin, address(1), 0, last)) == 1


def test_another_turn_begins_with_another_endpoint(anvil: Anvil, proxy: Proxy, second: Proxy) -> None:
    """An empty answer is not tried elsewhere inside; the next attempt asks somebody else first, for coin and token."""
    usdc, chain = anvil.tokens["USDC"]["address"], chain_at(proxy.url, second.url)
    anvil.pay(address(1), 5, usdc)
    anvil.pay(address(1), 6)
    last = chain.head().number

    def empty(request: Any) -> Any:
        calls = request if isinstance(request, list) else [request]
        if calls[0]["method"] == "eth_getLogs":
            return {"result": []}
        return {"result": None} if calls[0]["params"][-1] is True else None

    proxy.rule = empty
    wanted = [Arrivals(address(1), usdc, 0), Arrivals(address(1), None, 0)]
    for turn in (0, 2, 4):
        assert chain.transfers(wanted, last, turn=turn) == [[], []]
    for turn in (1, 3):
        assert [[each.amount for each in some] for some in chain.transfers(wanted, last, turn=turn)] == [[5], [6]]


# --- many addresses at once


def spent(chain: EvmChain, wanted: list[Arrivals], last: int, amounts: dict[str, list[int]]) -> int:
    """Explain; return how many requests that took."""
    before = chain.meter.requests
    found = chain.transfers(wanted, last)
    assert {each.address: [t.amount for t in some] for each, some in zip(wanted, found, strict=True)} == amounts
    return chain.meter.requests - before


MANY = 24


def pay_all(anvil: Anvil, how: str, amount: int = 1, many: int = MANY) -> None:
    """Pay each address in one block: plainly, from inside a contract, or a token."""
    forwarder = anvil.deploy("Forwarder") if how == "internal" else ""
    usdc = anvil.tokens["USDC"]["address"]
    anvil.automine(False)
    for number in range(many):
        if how == "internal":
            data = call_data("Forwarder", "forward", address(number))
            anvil.send(forwarder, data, value=amount, index=1 + number % 5, gas=200_000)
        else:
            anvil.pay(address(number), amount, usdc if how == "token" else None)
    anvil.mine()
    anvil.automine(True)


@pytest.mark.parametrize("how", ["plain", "internal", "token"])
def test_a_wei_for_each_of_many_payments_costs_about_as_much_as_one(anvil: Anvil, how: str) -> None:
    """Balances, blocks, receipts and traces are shared; each address has its own first block."""
    first = chain_at(anvil.url).head().number
    anvil.mine(60)
    pay_all(anvil, how)
    anvil.mine(3)
    last = chain_at(anvil.url).head().number
    token = anvil.tokens["USDC"]["address"] if how == "token" else None
    wanted = [Arrivals(address(number), token, first - number % 3) for number in range(MANY)]
    one, all_of_them = chain_at(anvil.url), chain_at(anvil.url)
    for chain in (one, all_of_them):
        chain.head()
    alone = spent(one, wanted[:1], last, {address(0): [1]})
    together = spent(all_of_them, wanted, last, {address(number): [1] for number in range(MANY)})
    assert together <= alone + 2
    assert all_of_them.calls["debug_traceBlockByHash"] <= 1
    assert all_of_them.calls["eth_getLogs"] == (1 if token else 0)


def test_the_next_wei_does_not_fetch_old_blocks_again(anvil: Anvil, proxy: Proxy) -> None:
    """Full blocks, receipts and traces are remembered by hash: a pass pays for what is new."""
    chain = chain_at(proxy.url)
    first = chain.head().number
    wanted = [Arrivals(address(number), None, first) for number in range(3)]
    for number in range(1, 5):
        pay_all(anvil, "internal", number, many=3)
        proxy.seen.clear()
        found = chain.transfers(wanted, chain.head().number)
        assert [[each.amount for each in some] for some in found] == [list(range(1, number + 1))] * 3
        full = [call for call in calls_of(proxy) if call["method"] == "eth_getBlockByNumber" and call["params"][1]]
        assert len(full) == 1
        assert proxy.methods().count("debug_traceBlockByHash") == 1


def calls_of(proxy: Proxy) -> list[Any]:
    """Return each call that was asked, batches flattened."""
    return [call for request in proxy.seen for call in (request if isinstance(request, list) else [request])]


def test_a_block_that_was_replaced_is_read_anew(anvil: Anvil) -> None:
    """What is remembered is remembered by hash, never by height."""
    chain = chain_at(anvil.url)
    first = chain.head().number
    wanted = [Arrivals(address(1), None, first)]
    before = anvil.rpc("evm_snapshot")
    anvil.pay(address(1), 5)
    height = chain.head().number
    assert [each.amount for each in chain.transfers(wanted, height)[0]] == [5]
    anvil.rpc("evm_revert", before)
    sent = anvil.pay(address(1), 6)
    assert chain.head().number == height
    assert [(each.tx_hash, each.amount) for each in chain.transfers(wanted, height)[0]] == [(sent, 6)]
    anvil.rpc("anvil_reorg", 1, [])
    assert chain.transfers(wanted, chain.head().number) == [[]]


def test_each_address_is_explained_from_its_own_first_block(anvil: Anvil) -> None:
    """Coin and token, also where one address is asked for twice; an order that mixes assets is kept."""
    usdc, chain = anvil.tokens["USDC"]["address"], chain_at(anvil.url)
    anvil.pay(address(1), 1)
    anvil.pay(address(1), 2, usdc)
    middle = chain.head().number + 1
    anvil.pay(address(1), 3)
    anvil.pay(address(1), 4, usdc)
    last = chain.head().number
    wanted = [Arrivals(address(1), token, first) for first in (middle, 0, last + 1) for token in (None, usdc)]
    found = chain.transfers([*wanted, Arrivals(address(1), usdc.lower(), -5)], last)
    assert [[each.amount for each in some] for some in found] == [[3], [4], [1, 3], [2, 4], [], [], [2, 4]]
    assert chain.transfers([], last) == []


# --- far back


def test_a_token_payment_far_more_ranges_back_than_one_is_explained(anvil: Anvil, proxy: Proxy) -> None:
    """Newest first, in as many ranges as the node wants, within the budget of sixty-four."""
    usdc, chain = anvil.tokens["USDC"]["address"], chain_at(proxy.url)
    first = chain.head().number
    sent = anvil.pay(address(1), 5, usdc)
    anvil.mine(1_500)
    newer = anvil.pay(address(1), 6, usdc)
    wide = lambda params: int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) >= 100  # noqa: E731
    proxy.rule = refuse("eth_getLogs", "exceed maximum block range: 100", -32000, wide)
    found = transfers(chain, asset("USDC"), address(1), first, chain.head().number)
    assert [each.tx_hash for each in found] == [sent, newer]
    ranges = [
        call["params"][0] for call in calls_of(proxy) if call["method"] == "eth_getLogs" and not wide(call["params"])
    ]
    starts = [int(each["fromBlock"], 16) for each in ranges]
    assert starts == sorted(starts, reverse=True)


def test_what_lies_beyond_the_budget_or_is_pruned_leaves_what_was_found(anvil: Anvil, proxy: Proxy) -> None:
    """Incomplete, never false: old ranges that nobody has do not cost the newer transfers."""
    usdc, chain = anvil.tokens["USDC"]["address"], chain_at(proxy.url)
    anvil.pay(address(1), 5, usdc)
    anvil.mine(200)
    newer = anvil.pay(address(1), 6, usdc)
    last = chain.head().number
    old = lambda params: int(params[0]["fromBlock"], 16) < last - 100  # noqa: E731
    wide = lambda params: int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) >= 10  # noqa: E731
    pruned = refuse("eth_getLogs", "history has been pruned", -32000, old)
    narrow = refuse("eth_getLogs", "up to a 10 block range", -32000, wide)
    proxy.rule = lambda request: narrow(request) or pruned(request)  # type: ignore[func-returns-value]
    assert [each.tx_hash for each in transfers(chain, asset("USDC"), address(1), 0, last)] == [newer]
    proxy.rule = refuse(
        "eth_getLogs", "up to a 1 block range", -32000, lambda params: params[0]["toBlock"] != params[0]["fromBlock"]
    )
    chain.calls.clear()
    assert [each.tx_hash for each in transfers(chain, asset("USDC"), address(1), 0, last)] == [newer]
    assert chain.calls["eth_getLogs"] <= 64 + 14


def test_a_coin_payment_hundreds_of_blocks_back_is_found_by_old_state(anvil: Anvil) -> None:
    """An endpoint with old state finds it in a few requests, whatever the number of blocks."""
    chain = chain_at(anvil.url)
    first = chain.head().number
    anvil.mine(150)
    sent = anvil.pay(address(1), 5)
    anvil.mine(600)
    before, calls = chain.meter.requests, chain.calls.total()
    found = transfers(chain, NETWORK.coin, address(1), first, chain.head().number)
    assert [(each.tx_hash, each.amount) for each in found] == [(sent, 5)]
    assert chain.meter.requests - before <= 8
    assert chain.calls.total() - calls <= 120


def test_without_old_state_the_newest_blocks_alone_are_read(anvil: Anvil, proxy: Proxy) -> None:
    """A full node's state is gone after 128 blocks: blocks tell up to the budget, and no more are asked for."""
    chain = chain_at(proxy.url)
    anvil.pay(address(1), 5)
    anvil.mine(500)
    inside = anvil.pay(address(1), 6)
    anvil.mine(200)
    last = chain.head().number

    def gone(request: Any) -> Any:
        if not isinstance(request, list) or request[0]["method"] not in ("eth_getBalance", "eth_call"):
            return None
        answers = json.loads(proxy.ask(json.dumps(request).encode()))
        for call, answer in zip(request, answers, strict=True):
            if int(call["params"][1], 16) <= last - 128:
                answer.pop("result", None)
                answer["error"] = {"code": -32000, "message": "missing trie node 5c1e"}
        return json.dumps(answers).encode()

    proxy.rule = gone
    found = transfers(chain, NETWORK.coin, address(1), 0, last)
    assert [(each.tx_hash, each.amount) for each in found] == [(inside, 6)]
    full = [call for call in calls_of(proxy) if call["method"] == "eth_getBlockByNumber" and call["params"][1]]
    assert 100 < len(full) <= 256
