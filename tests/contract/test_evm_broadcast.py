"""Signed bytes are offered to every endpoint until one takes them, and what is refused is told apart."""

import contextlib
import json
from typing import Any

import pytest
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctrip.domain.chains.chain import BalanceQuery
from ctrip.domain.errors import BroadcastRejected, ChainError, Unavailable, Underpriced
from infra.stack import wallet
from tests.contract.test_evm_sending import signed
from tests.evm_support import Anvil, Proxy, Rule, address, chain_at, refuse

SEND = "eth_sendRawTransaction"
PAYER = wallet.funded(1).address
PRICE = "transaction underpriced: gas tip cap 100000000, minimum needed 1000000000"


@pytest.fixture(autouse=True)
def held(anvil: Anvil) -> None:
    """Keep what is taken in the pool: a node that mines at once hands the hash out before it mines."""
    anvil.automine(False)


def says(words: str, code: int = -32000) -> Rule:
    """Refuse broadcasts in these words."""
    return refuse(SEND, words, code)


def raw(anvil: Anvil, value: int = 1) -> str:
    """Sign the next payment of account 1."""
    return signed(anvil, int(anvil.rpc("eth_getTransactionCount", PAYER, "latest"), 16), value=value)


GO_ON = [
    ("method not available", -32601),
    ("the method eth_sendRawTransaction does not exist/is not available", -32601),
    ("txpool is full", -32000),
    ("txpool is at capacity", -32000),
    ("no backend is healthy", -32011),
    ("eth_sendRawTransaction is not on this plan", -32000),
    ("Internal error", -32603),
    ("rate limit exceeded", -32005),
    ("insufficient funds for gas * price + value", -32000),
    ("nonce too low: next nonce 5, tx nonce 4", -32000),
    (PRICE, -32000),
    ("tx fee (1.10 ether) exceeds the configured cap (1.00 ether)", -32000),
    ("the moon is wrong", 17),
]


@pytest.mark.parametrize(("words", "code"), GO_ON, ids=[words for words, _ in GO_ON])
def test_what_one_endpoint_refuses_is_offered_to_the_next(
    anvil: Anvil, proxy: Proxy, second: Proxy, words: str, code: int
) -> None:
    """Whatever it says of itself, of its pool or of its head; the bytes are taken by the second one."""
    chain = chain_at(proxy.url, second.url)
    proxy.rule = says(words, code)
    bytes_ = raw(anvil)
    chain.broadcast(bytes_)
    assert second.methods().count(SEND) == 1
    assert chain.known("0x" + keccak(hexstr=bytes_).hex())


def test_acceptance_ends_the_round(anvil: Anvil, proxy: Proxy, second: Proxy) -> None:
    """The second endpoint is not bothered."""
    chain = chain_at(proxy.url, second.url)
    chain.broadcast(raw(anvil))
    assert SEND not in second.methods()


@pytest.mark.parametrize("words", ["invalid sender", "Invalid signature", "invalid chain id for signer: have 5 want 1"])
def test_a_refusal_of_the_signature_ends_the_round(anvil: Anvil, proxy: Proxy, second: Proxy, words: str) -> None:
    """No node would take such bytes."""
    chain = chain_at(proxy.url, second.url)
    proxy.rule = says(words)
    with pytest.raises(BroadcastRejected) as caught:
        chain.broadcast(raw(anvil))
    assert not isinstance(caught.value, Underpriced)
    assert SEND not in second.methods()


def test_where_all_refuse_every_reason_is_told_and_no_key(anvil: Anvil, proxy: Proxy, second: Proxy) -> None:
    """Each with its host."""
    chain = chain_at(f"{proxy.url}/v3/k3y-k3y-k3y", f"{second.url}/?token=t0ken")
    proxy.rule, second.rule = says("txpool is full k3y-k3y-k3y"), says("nonce too low t0ken")
    with pytest.raises(BroadcastRejected) as caught:
        chain.broadcast(raw(anvil))
    told = str(caught.value)
    assert not isinstance(caught.value, Underpriced)
    for part in ("txpool is full", "nonce too low", proxy.url[7:], second.url[7:]):
        assert part in told
    assert "k3y" not in told
    assert "t0ken" not in told


# --- the price


def test_where_every_endpoint_refuses_the_price_the_lowest_minimum_is_told(
    anvil: Anvil, proxy: Proxy, second: Proxy
) -> None:
    """One node's absurd word does not set it."""
    chain = chain_at(proxy.url, second.url)
    proxy.rule = says("transaction underpriced: gas tip cap 1, minimum needed 900000000000000000")
    second.rule = says(PRICE)
    with pytest.raises(Underpriced) as caught:
        chain.broadcast(raw(anvil))
    assert caught.value.minimum == 10**9


def test_a_minimum_that_one_of_them_names_is_told(anvil: Anvil, proxy: Proxy, second: Proxy) -> None:
    """The other refused the price too, without a number; where neither names one it is None."""
    chain = chain_at(proxy.url, second.url)
    proxy.rule, second.rule = says("replacement transaction underpriced"), says(PRICE)
    with pytest.raises(Underpriced) as caught:
        chain.broadcast(raw(anvil))
    assert caught.value.minimum == 10**9
    second.rule = says("FeeTooLow")
    with pytest.raises(Underpriced) as caught:
        chain.broadcast(raw(anvil))
    assert caught.value.minimum is None


SILENT = {
    "unreachable": lambda _: 500,
    "throttled": lambda _: 429,
    "no such method": says("method not available", -32601),
    "not on this plan": says("not on this plan"),
    "internal error": says("Internal error", -32603),
}


@pytest.mark.parametrize("silent", SILENT)
def test_an_endpoint_that_did_not_look_at_the_price_has_no_say(
    anvil: Anvil, proxy: Proxy, second: Proxy, silent: str
) -> None:
    """Everybody who looked at the transaction refused its price."""
    chain = chain_at(proxy.url, second.url)
    proxy.rule, second.rule = SILENT[silent], says(PRICE)
    with pytest.raises(Underpriced) as caught:
        chain.broadcast(raw(anvil))
    assert caught.value.minimum == 10**9


@pytest.mark.parametrize(
    "other", ["insufficient funds for gas * price + value", "nonce too low", "txpool is full", "hm"]
)
def test_a_price_that_one_endpoint_refuses_while_another_refuses_something_else_is_no_price(
    anvil: Anvil, proxy: Proxy, second: Proxy, other: str
) -> None:
    """It is not all of them who refuse the price."""
    chain = chain_at(proxy.url, second.url)
    proxy.rule, second.rule = says(PRICE), says(other)
    with pytest.raises(BroadcastRejected) as caught:
        chain.broadcast(raw(anvil))
    assert not isinstance(caught.value, Underpriced)


def test_a_nodes_own_fee_cap_is_never_a_price_that_is_too_low(anvil: Anvil, proxy: Proxy) -> None:
    """Raising the price would make it worse."""
    chain = chain_at(proxy.url)
    proxy.rule = says("tx fee (1.10 ether) exceeds the configured cap (1.00 ether)")
    with pytest.raises(BroadcastRejected) as caught:
        chain.broadcast(raw(anvil))
    assert not isinstance(caught.value, Underpriced)


# --- bytes that are held already


@pytest.mark.parametrize(
    "words", ["already known", "0xabab: this transaction is already in the TxPool", "AlreadyKnown"]
)
def test_already_known_is_acceptance(anvil: Anvil, proxy: Proxy, second: Proxy, words: str) -> None:
    """It ends the round without an error."""
    chain = chain_at(proxy.url, second.url)
    proxy.rule = says(words, -32603)
    chain.broadcast(raw(anvil))
    assert SEND not in second.methods()


TAKEN_WITH_AN_ERROR = [
    ("no peer connection available", -32603),  # ethereumjs
    ("transaction underpriced", -32000),  # ganache, of its own bytes
    ("nonce too low", -32000),  # mined meanwhile
    ("something else", 4),
]


@pytest.mark.parametrize(("words", "code"), TAKEN_WITH_AN_ERROR, ids=[words for words, _ in TAKEN_WITH_AN_ERROR])
def test_a_node_that_takes_the_bytes_with_an_error_has_taken_them(
    anvil: Anvil, proxy: Proxy, second: Proxy, words: str, code: int
) -> None:
    """After each refusal the node is asked for the hash: what it holds, it holds."""
    chain = chain_at(proxy.url, second.url)

    def rule(request: Any) -> Any:
        if request["method"] != SEND:
            return None
        proxy.ask(json.dumps(request).encode())
        return {"error": {"code": code, "message": words}}

    proxy.rule = rule
    chain.broadcast(raw(anvil))
    assert SEND not in second.methods()


# --- nothing but chain errors


@pytest.mark.parametrize("how", ["drop", "garbage", "wrong shape", "deep", "another hash", "nothing"])
def test_whatever_comes_back_nothing_but_a_chain_error_leaves_it(anvil: Anvil, proxy: Proxy, how: str) -> None:
    """And nobody believes that the bytes were taken."""
    chain = chain_at(proxy.url)
    chain.head()
    proxy.drop = how == "drop"
    proxy.rule = {
        "garbage": lambda _: b"<html>",
        "wrong shape": lambda _: {"result": {"a": [1]}},
        "deep": lambda _: b'{"jsonrpc":"2.0","id":1,"result":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "another hash": lambda _: {"result": "0x" + "ab" * 32},
        "nothing": lambda _: {"result": None},
    }.get(how)
    with pytest.raises(Unavailable):
        chain.broadcast(raw(anvil))


@pytest.mark.parametrize("bytes_", ["", "0x0", "0xzz", "nothing"])
def test_what_is_no_bytes_is_rejected_and_blames_no_endpoint(proxy: Proxy, bytes_: str) -> None:
    """Nobody is asked."""
    chain = chain_at(proxy.url)
    with pytest.raises(BroadcastRejected):
        chain.broadcast(bytes_)
    assert (proxy.seen, chain.endpoints()[0][1]) == ([], "usable")


ANSWERS = st.one_of(
    st.builds(lambda code, text: {"error": {"code": code, "message": text}}, st.integers(), st.text(max_size=80)),
    st.builds(
        lambda value: {"error": value}, st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=3)
    ),
    st.sampled_from([{"error": {"code": -32000, "message": words}} for words, _ in GO_ON]),
    st.builds(lambda value: {"result": value}, st.none() | st.text() | st.integers()),
    st.binary(max_size=40),
    st.sampled_from([429, 500, 413, 302]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=ANSWERS, other=ANSWERS)
def test_any_pair_of_answers_is_taken_or_a_chain_error(
    anvil: Anvil, proxy: Proxy, second: Proxy, first: Any, other: Any
) -> None:
    """Two endpoints that answer anything at all to a broadcast."""
    chain = chain_at(proxy.url, second.url)
    proxy.rule = second.rule = None
    chain.opinions(chain.head(), BalanceQuery(address(1), None))
    proxy.rule = lambda request: first if request["method"] == SEND else {"result": None}
    second.rule = lambda request: other if request["method"] == SEND else {"result": None}
    with contextlib.suppress(ChainError):
        chain.broadcast("0x02c0")


# --- a hash is no proof


def dropped(request: Any) -> dict[str, Any] | None:
    """Answer a broadcast with the transaction's hash and drop it, as geth does with some of a delegated account's."""
    if isinstance(request, dict) and request["method"] == SEND:
        return {"result": "0x" + keccak(hexstr=request["params"][0]).hex()}
    return None


def test_a_node_that_answers_with_the_hash_and_drops_the_bytes_has_not_taken_them(
    anvil: Anvil, proxy: Proxy, second: Proxy
) -> None:
    """They are looked up, once more after a moment, and offered to the next one."""
    chain = chain_at(proxy.url, second.url)
    proxy.rule = dropped
    bytes_ = raw(anvil)
    chain.broadcast(bytes_)
    assert proxy.methods().count("eth_getTransactionByHash") == 2
    assert second.methods().count(SEND) == 1
    assert chain.known("0x" + keccak(hexstr=bytes_).hex())


def test_where_every_node_drops_the_bytes_it_is_told_and_the_same_bytes_are_taken_later(
    anvil: Anvil, proxy: Proxy
) -> None:
    """It is no word about the price."""
    chain, bytes_ = chain_at(proxy.url), raw(anvil)
    proxy.rule = dropped
    with pytest.raises(BroadcastRejected, match="does not hold") as caught:
        chain.broadcast(bytes_)
    assert not isinstance(caught.value, Underpriced)
    proxy.rule = None
    chain.broadcast(bytes_)
    assert chain.known("0x" + keccak(hexstr=bytes_).hex())


def test_a_node_that_does_not_look_up_is_believed(anvil: Anvil, proxy: Proxy) -> None:
    """What it does not tell is no proof of anything; the follower asks again."""
    chain, look_up = chain_at(proxy.url), refuse("eth_getTransactionByHash", "method not available", -32601)
    proxy.rule = look_up
    bytes_ = raw(anvil)
    chain.broadcast(bytes_)
    proxy.rule = None
    assert chain.known("0x" + keccak(hexstr=bytes_).hex())
