"""Endpoints that fail in every way that endpoints fail: the next one answers, or nothing is made up."""

import json
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from ctrip.chains.evm.client import EvmChain
from ctrip.domain.chains.chain import BalanceQuery
from ctrip.domain.errors import ChainError, ConfigurationError, Unavailable, WrongChain
from tests.evm_support import NETWORK, Anvil, Proxy, Rule, TestClock, address, chain_at, running_anvil


def broken(proxy: Proxy, how: str) -> None:
    """Break the proxy in one of the ways that endpoints break."""
    proxy.drop = how == "drop"
    rules: dict[str, Rule] = {
        "429": lambda _: 429,
        "500": lambda _: 500,
        "garbage": lambda _: b"<html>busy</html>",
        "truncated": lambda _: b'{"jsonrpc":"2.0","id":1,"resu',
        "wrong shape": lambda _: b'{"jsonrpc":"2.0","id":1,"result":{"number":"0x","hash":7}}',
        "no answer": lambda _: b"[]",
        "rate limit": lambda _: {
            "error": {"code": -32005, "message": "daily request count exceeded, request rate limited"}
        },
    }
    proxy.rule = rules.get(how)


@pytest.mark.parametrize(
    "how", ["429", "500", "garbage", "truncated", "wrong shape", "no answer", "rate limit", "drop"]
)
def test_the_next_endpoint_answers_and_the_breaker_opens_and_closes(anvil: Anvil, proxy: Proxy, how: str) -> None:
    """Whatever breaks, the next endpoint answers; after three failures the first is left alone for a while."""
    clock = TestClock()
    chain = chain_at(proxy.url, anvil.url, clock=clock)
    chain.head()
    broken(proxy, how)
    for _ in range(3):
        assert chain.head().hash == anvil.rpc("eth_getBlockByNumber", "latest", False)["hash"]
    proxy.seen.clear()
    chain.head()
    assert proxy.seen == []
    assert chain.endpoints()[0][1] == "resting"
    clock.wait(2)
    chain.head()
    assert len(proxy.seen) >= 1, "after its rest it gets one try"
    tried = len(proxy.seen)
    chain.head()
    assert len(proxy.seen) == tried, "which failed, so it rests again"
    clock.wait(120)
    broken(proxy, "not")
    chain.head()
    assert chain.endpoints()[0][1] == "usable"


def test_a_passing_failure_of_the_only_endpoint_is_tried_again_after_a_moment(anvil: Anvil, proxy: Proxy) -> None:
    """One lost answer is not an outage: the second try answers, a fraction of a second later."""
    clock = TestClock()
    chain = chain_at(proxy.url, clock=clock)
    chain.head()
    before, lost = clock.now(), iter([429])
    proxy.rule = lambda _: next(lost, None)
    assert chain.head().hash == anvil.rpc("eth_getBlockByNumber", "latest", False)["hash"]
    assert 0 < clock.now() - before < 1_000


def test_an_endpoint_that_took_all_its_time_is_not_given_it_twice(anvil: Anvil, proxy: Proxy) -> None:
    """One late answer is one failure, and one wait."""
    chain = EvmChain(NETWORK, [proxy.url], TestClock(), seconds=0.2)
    chain.head()
    asked, over = [], threading.Event()

    def late(request: Any) -> int:
        asked.append(request)
        over.wait(20)
        return 503

    proxy.rule = late
    with pytest.raises(Unavailable):
        chain.head()
    over.set()
    assert len(asked) == 1


def test_with_every_endpoint_down_it_is_unavailable_at_once(anvil: Anvil, proxy: Proxy) -> None:
    """While all rest nothing is asked, and no number is made up."""
    chain = chain_at(proxy.url)
    head = chain.head()
    broken(proxy, "500")
    for _ in range(3):
        with pytest.raises(Unavailable):
            chain.balances(head, [BalanceQuery(address(1), None)])
    proxy.seen.clear()
    with pytest.raises(Unavailable):
        chain.head()
    assert proxy.seen == []


def test_an_endpoint_of_another_chain_is_never_used(anvil: Anvil, proxy: Proxy) -> None:
    """The chain id is asked once before first use: a stranger is refused for good, the others serve."""
    with running_anvil(chain_id=1, with_tokens=False) as stranger:
        strange = Proxy(stranger.url)
        chain = chain_at(strange.url, proxy.url)
        for _ in range(3):
            assert chain.head().hash == anvil.rpc("eth_getBlockByNumber", "latest", False)["hash"]
        assert strange.methods() == ["eth_chainId"]
        assert proxy.methods().count("eth_chainId") == 1
        assert chain.endpoints()[0][1:] == ("wrong chain", "answers chain id 1")
        with pytest.raises(WrongChain):
            chain_at(strange.url).head()
        with pytest.raises(WrongChain):
            chain_at(strange.url).chain_id()
        strange.close()


def test_a_batch_in_another_order_is_put_right_and_one_without_ids_refused(anvil: Anvil, proxy: Proxy) -> None:
    """A result must never become another call's."""
    anvil.mine(3)
    chain = chain_at(proxy.url)
    expected = chain.blocks([1, 2, 3])

    def shuffled(request: Any) -> bytes | None:
        return json.dumps(json.loads(proxy.ask(json.dumps(request).encode()))[::-1]).encode()

    def anonymous(request: Any) -> bytes | None:
        answers = json.loads(proxy.ask(json.dumps(request).encode()))[::-1]
        return json.dumps([{**answer, "id": None} for answer in answers]).encode()

    proxy.rule = shuffled
    assert chain.blocks([1, 2, 3]) == expected
    proxy.rule = anonymous
    with pytest.raises(Unavailable):
        chain.blocks([1, 2, 3])


def test_a_node_that_takes_small_batches_is_asked_in_small_ones(anvil: Anvil, proxy: Proxy) -> None:
    """A refused batch is halved until it fits."""
    anvil.mine(30)
    chain = chain_at(proxy.url)
    proxy.rule = lambda request: (
        {"error": {"code": -32000, "message": "batch too large"}}
        if isinstance(request, list) and len(request) > 5
        else None
    )
    assert sorted(chain.blocks(range(30))) == list(range(30))


def test_a_key_in_the_url_is_in_no_error(anvil: Anvil, proxy: Proxy) -> None:
    """RPC URLs hold keys: neither errors nor their causes spell them."""
    chain = chain_at(f"{proxy.url}/v2/s3cr3t-key?token=s3cr3t-key", "http://127.0.0.1:9/v2/s3cr3t-key")
    for how in ("drop", "500", "garbage"):
        broken(proxy, how)
        with pytest.raises(ChainError) as caught:
            chain.head()
        shown: BaseException | None = caught.value
        while shown is not None:
            assert "s3cr3t" not in str(shown)
            shown = shown.__cause__ or (None if shown.__suppress_context__ else shown.__context__)


def test_one_client_serves_many_threads(anvil: Anvil) -> None:
    """Answers stay with their questions."""
    anvil.pay(address(1), 5)
    chain = chain_at(anvil.url)
    head = chain.head()
    results: list[Sequence[int | None]] = []

    def ask() -> None:
        results.extend(
            chain.balances(head, [BalanceQuery(address(1), None), BalanceQuery(address(2), None)]) for _ in range(20)
        )

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[5, 0]] * 160


def test_a_chain_without_endpoints_does_not_start() -> None:
    """It is a matter of configuration."""
    with pytest.raises(ConfigurationError):
        chain_at()
