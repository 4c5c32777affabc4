"""State at a block's hash, from nodes that lag, cannot read there, lie, or refuse in words of their own."""

import json
from typing import Any

import pytest

from ctrip.domain.chains.chain import BalanceQuery, Block
from ctrip.domain.errors import ChainError, Refused, Unavailable
from infra.stack import wallet
from tests.detection import faults
from tests.evm_support import Anvil, Proxy, Rule, TestClock, address, by_turns, chain_at, obedient, refuse

PAYER = wallet.funded(1).address


def pinned(words: str, code: int = -32000) -> Rule:
    """Refuse each call that names a block's hash."""

    def rule(request: Any) -> dict[str, Any] | None:
        calls = request if isinstance(request, list) else [request]
        named = any("blockHash" in json.dumps(call["params"]) for call in calls)
        return {"error": {"code": code, "message": words}} if named else None

    return rule


# --- a balancer before a fresh node and one that lags


@pytest.mark.parametrize("first", ["fresh", "lagging"])
@pytest.mark.parametrize("many", [1, 9_000])
def test_state_is_readable_behind_a_balancer_that_alternates(anvil: Anvil, proxy: Proxy, first: str, many: int) -> None:
    """Whichever node begins, and in however many parts: the same hash is asked for again, and each amount is right."""
    anvil.pay(address(1), 7)
    chain = chain_at(proxy.url)
    head = chain.head()
    nodes = [obedient, faults.behind(proxy, anvil)]
    proxy.rule = by_turns(*(nodes if first == "fresh" else reversed(nodes)))
    wanted = [BalanceQuery(address(number), None) for number in range(many + 1)]
    for _ in range(3):
        balances = chain.balances(head, wanted)
        assert (balances[1], sum(filter(None, balances)), None in balances) == (7, 7, False)
        assert chain.nonce_at(PAYER, head) == int(anvil.rpc("eth_getTransactionCount", PAYER, "latest"), 16)
        assert chain.blocks([head.number, head.number - 1])[head.number] == head
        assert [balance for _, balance in chain.opinions(head, wanted[1])] == [7]
        assert set(chain.hashes([head.number])) == {head.number}


def test_single_balances_are_readable_behind_a_balancer_too(anvil: Anvil, proxy: Proxy) -> None:
    """The last way to read takes several requests for one question; each of them may meet the node that lags."""
    usdc = anvil.tokens["USDC"]["address"]
    anvil.pay(address(1), 7, usdc)
    chain = chain_at(proxy.url)
    head = chain.head()
    no_probe = refuse("eth_call", "missing to address", -32602, lambda params: "to" not in params[0] or len(params) > 2)
    lagging = faults.behind(proxy, anvil)
    alternating = by_turns(obedient, lagging)
    proxy.rule = lambda request: no_probe(request) or alternating(request)
    wanted = [BalanceQuery(address(number), usdc) for number in range(250)]
    assert chain.balances(head, wanted)[:3] == [0, 7, 0]
    assert chain.balances(head, wanted)[:3] == [0, 7, 0]


def test_a_hash_that_nobody_holds_is_asked_for_a_few_times_only(anvil: Anvil, proxy: Proxy, second: Proxy) -> None:
    """Then it is unavailable, or unknown where unknown has a value."""
    chain = chain_at(proxy.url, second.url)
    head = chain.head()
    ghost = Block(head.number, "0x" + "ab" * 32, head.parent, head.time)
    chain.calls.clear()
    with pytest.raises(Unavailable):
        chain.balances(ghost, [BalanceQuery(address(1), None)])
    assert chain.nonce_at(address(1), ghost) is None
    assert chain.opinions(ghost, BalanceQuery(address(1), None)) == []
    assert 6 <= chain.calls["eth_call"] <= 12
    assert chain.calls["eth_getTransactionCount"] <= 6


def test_one_connection_is_kept_alive(anvil: Anvil, proxy: Proxy) -> None:
    """A balancer that sticks to a connection's node then answers head and state from one."""
    chain = chain_at(proxy.url)
    for _ in range(5):
        chain.balances(chain.head(), [BalanceQuery(address(1), None)])
        chain.blocks([0, 1])
    assert proxy.connections == 1


# --- an endpoint that cannot read at a hash


@pytest.mark.parametrize("words", ['Cannot wrap a "object" as a json-rpc type', "invalid argument 1", "no such luck"])
def test_an_endpoint_that_cannot_read_at_a_hash_is_found_out_and_not_used_for_state(
    anvil: Anvil, proxy: Proxy, words: str
) -> None:
    """ganache, or a proxy that refuses calls naming a hash: shown with its words, and the next endpoint is asked."""
    anvil.pay(address(1), 7)
    clock = TestClock()
    chain = chain_at(f"{proxy.url}/v3/k3y-k3y-k3y", anvil.url, clock=clock)
    proxy.rule = pinned(f"{words} k3y-k3y-k3y")
    head = chain.head()
    assert chain.balances(head, [BalanceQuery(address(1), None)]) == [7]
    host, state, reason = chain.endpoints()[0]
    assert (host, state) == (proxy.url.removeprefix("http://"), "cannot read at a block hash")
    assert words in reason
    assert "k3y" not in reason
    proxy.seen.clear()
    assert chain.balances(head, [BalanceQuery(address(1), None)]) == [7]
    assert [balance for _, balance in chain.opinions(head, BalanceQuery(address(1), None))] == [7]
    assert proxy.seen == []
    assert chain.head() == head, "it serves whatever needs no hash"
    proxy.rule = None
    clock.wait(120)
    assert chain.balances(head, [BalanceQuery(address(1), None)]) == [7]
    assert chain.endpoints()[0][1:] == ("usable", "")


def test_where_no_endpoint_reads_at_a_hash_nothing_is_made_up(anvil: Anvil, proxy: Proxy) -> None:
    """Each question raises; nothing was learnt about sizes."""
    chain = chain_at(proxy.url)
    head = chain.head()
    proxy.rule = pinned("Cannot wrap it")
    for _ in range(3):
        with pytest.raises(Refused):
            chain.balances(head, [BalanceQuery(address(number), None) for number in range(3_000)])
    assert chain.endpoints()[0][1] == "cannot read at a block hash"
    assert chain.nonce_at(address(1), head) is None


@pytest.mark.parametrize("words", ["header not found", "out of gas"])
def test_a_refusal_about_size_or_a_missing_block_does_not_make_an_endpoint_blind(
    anvil: Anvil, proxy: Proxy, words: str
) -> None:
    """It may answer a smaller question, or a moment later."""
    chain = chain_at(proxy.url)
    head = chain.head()
    proxy.rule = pinned(words)
    with pytest.raises(ChainError):
        chain.balances(head, [BalanceQuery(address(1), None)])
    assert chain.endpoints()[0][1] == "usable"


# --- windows


REFUSALS = [
    (-32602, "Received invalid block tag 0x" + "ab" * 32 + ". Latest block number is 7"),
    (-32602, "block range extends beyond current head block"),
    (-32602, "invalid block range params"),
    (-32000, "computer says no"),
    (-32005, "not today"),
    (-32603, "Internal error"),
    (-32000, "out of gas"),  # refused at every size: it was not about size
]


@pytest.mark.parametrize(("code", "words"), REFUSALS, ids=[words for _, words in REFUSALS])
def test_a_refusal_that_is_not_about_size_costs_no_more_requests_afterwards(
    anvil: Anvil, proxy: Proxy, code: int, words: str
) -> None:
    """One unknown hash must not make the next three thousand addresses cost hundreds of requests."""
    clock = TestClock()
    chain = chain_at(proxy.url, clock=clock)
    head = chain.head()
    wanted = [BalanceQuery(address(number), None) for number in range(3_000)]
    chain.balances(head, wanted)
    before = chain.meter.requests
    chain.balances(head, wanted)
    usual = chain.meter.requests - before
    proxy.rule = pinned(words, code)
    with pytest.raises(ChainError):
        chain.balances(head, wanted)
    proxy.rule = None
    clock.wait(120)
    before = chain.meter.requests
    assert chain.balances(head, wanted) == [0] * 3_000
    assert chain.meter.requests - before == usual


@pytest.mark.parametrize("shape", ["one error", "an error each"])
@pytest.mark.parametrize("most", [1, 7])
def test_every_batch_falls_back_to_smaller_ones_down_to_single_calls(
    anvil: Anvil, proxy: Proxy, most: int, shape: str
) -> None:
    """Fees, receipts, headers, bodies and decimals come all the same."""
    usdc = anvil.tokens["USDC"]["address"]
    sent = anvil.pay(address(1), 5, usdc)
    chain, plain = chain_at(proxy.url), chain_at(anvil.url)
    error = {"error": {"code": -32000, "message": "too many requests in batch"}}

    def rule(request: Any) -> Any:
        if not isinstance(request, list) or len(request) <= most:
            return None
        return json.dumps({"jsonrpc": "2.0", "id": None, **error}).encode() if shape == "one error" else error

    proxy.rule = rule
    assert chain.fees() == plain.fees()
    assert chain.receipt(sent) == plain.receipt(sent)
    assert chain.receipt(sent) is not None
    assert chain.blocks(range(6)) == plain.blocks(range(6))
    assert chain.hashes(range(6)) == plain.hashes(range(6))
    assert chain.decimals([usdc] * 9) == [6] * 9


def test_a_node_that_refuses_batches_in_unknown_words_is_asked_one_by_one(anvil: Anvil, proxy: Proxy) -> None:
    """No window shrinks for it."""
    chain, plain = chain_at(proxy.url), chain_at(anvil.url)
    proxy.rule = lambda request: (
        b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request"}}'
        if isinstance(request, list)
        else None
    )
    assert chain.blocks([0, 1]) == plain.blocks([0, 1])
    proxy.rule = None
    before = chain.meter.requests
    chain.blocks([0, 1])
    assert chain.meter.requests == before + 1


def test_one_call_that_burns_its_gas_makes_no_batch_smaller(anvil: Anvil, proxy: Proxy) -> None:
    """A paused or hostile token answers no decimals; its neighbours do, and the next batch is as large as ever."""
    usdc, evil = anvil.tokens["USDC"]["address"], anvil.deploy("Hostile", 2)
    chain = chain_at(proxy.url)
    tokens = [usdc] * 20 + [evil] + [usdc] * 20
    chain.head()
    for _ in range(3):
        before = chain.meter.requests
        proxy.rule = refuse_item(proxy, evil)
        assert chain.decimals(tokens) == [6] * 20 + [None] + [6] * 20
        assert chain.meter.requests - before <= 3


def refuse_item(proxy: Proxy, to: str) -> Rule:
    """Answer `out of gas` to each call of one contract, in a batch or alone."""

    def one(call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        hit = call["method"] == "eth_call" and call["params"][0].get("to") == to
        return (
            {"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32000, "message": "out of gas"}} if hit else answer
        )

    def rule(request: Any) -> bytes:
        answers = json.loads(proxy.ask(json.dumps(request).encode()))
        if isinstance(request, list):
            return json.dumps([one(*each) for each in zip(request, answers, strict=True)]).encode()
        return json.dumps(one(request, answers)).encode()

    return rule


# --- the second opinion


def voices(chain: Any, at: Block, holding: BalanceQuery) -> dict[str, int]:
    """Ask for opinions, each with its port."""
    return {host.rsplit(":", 1)[1]: balance for host, balance in chain.opinions(at, holding)}


def port(proxy: Proxy) -> str:
    """Return a proxy's port."""
    return proxy.url.rsplit(":", 1)[1]


def test_two_opinions_come_from_two_hosts_each_with_its_name(anvil: Anvil, proxy: Proxy, second: Proxy) -> None:
    """On loopback a port is a host; a third one is not asked."""
    anvil.pay(address(1), 7)
    chain = chain_at(proxy.url, second.url, anvil.url)
    head = chain.head()
    assert voices(chain, head, BalanceQuery(address(1), None)) == {port(proxy): 7, port(second): 7}


@pytest.mark.parametrize("how", ["refuses", "fails", "lags", "lies"])
def test_the_first_ones_silence_is_not_the_second_ones_voice_twice(
    anvil: Anvil, proxy: Proxy, second: Proxy, how: str
) -> None:
    """Where one refuses, fails or lags there is one opinion, whose host is named; a liar is heard beside the truth."""
    chain = chain_at(proxy.url, second.url)
    anvil.pay(address(1), 7)
    head = chain.head()
    rules: dict[str, Rule] = {
        "refuses": pinned("no"),
        "fails": lambda _: 500,
        "lags": faults.behind(proxy, anvil),
        "lies": lambda request: (
            {"result": "0x" + f"{head.number:064x}" + head.parent[2:] + "0001" + "0109"}
            if request["method"] == "eth_call"
            else None
        ),
    }
    proxy.rule = rules[how]
    heard = voices(chain, head, BalanceQuery(address(1), None))
    assert heard == ({port(proxy): 9} if how == "lies" else {}) | {port(second): 7}


@pytest.mark.parametrize("again", ["{url}", "{url}/", "{url}/v3/other-key", "http://localhost:{port}"])
def test_a_host_listed_twice_is_asked_once_and_counts_once(anvil: Anvil, proxy: Proxy, again: str) -> None:
    """By the same URL, another path or key, or another name of loopback."""
    chain = chain_at(proxy.url, again.format(url=proxy.url, port=port(proxy)))
    head = chain.head()
    chain.calls.clear()
    assert len(chain.opinions(head, BalanceQuery(address(1), None))) == 1
    assert chain.calls["eth_call"] == 1


# --- endpoints, for people


@pytest.mark.parametrize(("how", "reason"), [("429", "HTTP 429"), ("drop", "ConnectionError"), ("garbage", "garbage")])
def test_an_unreachable_endpoint_shows_why(anvil: Anvil, proxy: Proxy, how: str, reason: str) -> None:
    """First unreachable, then resting, with the reason and without path or key; usable again once it answers."""
    clock = TestClock()
    chain = chain_at(f"{proxy.url}/v3/k3y-k3y-k3y", anvil.url, clock=clock)
    chain.head()
    proxy.drop = how == "drop"
    proxy.rule = {"429": lambda _: 429, "garbage": lambda _: b"k3y-k3y-k3y"}.get(how)
    states = []
    for _ in range(3):
        chain.head()
        host, state, why = chain.endpoints()[0]
        states.append(state)
        assert reason in why
        assert "k3y" not in f"{host} {why}"
    assert states == ["unreachable", "unreachable", "resting"]
    proxy.drop, proxy.rule = False, None
    clock.wait(60)
    chain.head()
    assert chain.endpoints()[0][1:] == ("usable", "")
