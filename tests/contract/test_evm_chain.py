"""`EvmChain` on a real Anvil: what it reads is right, what it cannot know it says."""

import contextlib
import json
from typing import Any

import pytest

from ctrip.chains.evm import probe
from ctrip.domain.chains.chain import BalanceQuery, Block
from ctrip.domain.errors import ChainError, Unavailable
from ctrip.ports.chain import Chain
from infra.stack import tokens
from tests.evm_support import NETWORK, Anvil, Proxy, address, artefact, chain_at, refuse


def test_it_is_a_chain(anvil: Anvil) -> None:
    """The client satisfies the port."""
    chain: Chain = chain_at(anvil.url)
    assert chain.chain_id() == 31337


def test_the_head_is_the_newest_block(anvil: Anvil) -> None:
    """Number, hash and parent are the node's; time is in milliseconds."""
    chain = chain_at(anvil.url)
    before = chain.head()
    anvil.mine()
    head = chain.head()
    raw = anvil.rpc("eth_getBlockByNumber", "latest", False)
    assert (head.number, head.parent) == (before.number + 1, before.hash)
    assert (head.hash, head.time) == (raw["hash"], int(raw["timestamp"], 16) * 1000)


def test_blocks_come_in_one_request_and_heights_past_the_head_are_left_out(anvil: Anvil) -> None:
    """Headers of any heights cost one HTTP request."""
    anvil.mine(5)
    chain = chain_at(anvil.url)
    head = chain.head()
    before = chain.meter.requests
    found = chain.blocks([head.number, 1, head.number - 2, head.number + 1])
    assert chain.meter.requests == before + 1
    assert set(found) == {1, head.number - 2, head.number}
    assert found[head.number] == head
    assert chain.blocks([]) == {}


# --- balances


def test_balances_of_coin_and_tokens_come_in_the_order_asked(anvil: Anvil) -> None:
    """One call answers for several assets, repeated and unsorted."""
    usdc, dai = (anvil.tokens[symbol]["address"] for symbol in ("USDC", "DAI"))
    anvil.pay(address(1), 7, usdc)
    anvil.pay(address(2), 2**60)
    anvil.pay(address(2), 10**18 + 1, dai)
    chain = chain_at(anvil.url)
    head = chain.head()
    chain.calls.clear()
    wanted = [
        BalanceQuery(address(2), dai),
        BalanceQuery(address(2), None),
        BalanceQuery(address(1), usdc),
        BalanceQuery(address(1), dai),
    ]
    assert chain.balances(head, [*wanted, wanted[0]]) == [10**18 + 1, 2**60, 7, 0, 10**18 + 1]
    assert chain.calls == {"eth_call": 1}


def test_a_balance_is_that_of_the_block_and_not_of_the_head(anvil: Anvil) -> None:
    """The probe is pinned by hash: what comes later does not show."""
    chain = chain_at(anvil.url)
    before = chain.head()
    anvil.pay(address(1), 5)
    holding = [BalanceQuery(address(1), None)]
    assert (chain.balances(before, holding), chain.balances(chain.head(), holding)) == ([0], [5])


@pytest.mark.parametrize(("many", "calls"), [(2_000, 1), (10_000, 5)])
def test_thousands_of_addresses_cost_few_calls(anvil: Anvil, many: int, calls: int) -> None:
    """2,000 addresses take one call, 10,000 five; each amount stays with its address."""
    usdc = anvil.tokens["USDC"]["address"]
    for number in (0, 1_234, many - 1):
        anvil.pay(address(number), number + 1, usdc)
    chain = chain_at(anvil.url)
    head = chain.head()
    chain.calls.clear()
    balances = chain.balances(head, [BalanceQuery(address(number), usdc) for number in range(many)])
    assert {index: balance for index, balance in enumerate(balances) if balance} == {0: 1, 1_234: 1_235, many - 1: many}
    assert chain.calls == {"eth_call": calls}


def test_a_full_answer_goes_on_in_the_next_call(anvil: Anvil) -> None:
    """Where balances are large the answer fills up before the question: the rest is asked again, none is lost."""
    rich = address(1)
    anvil.rpc("anvil_setBalance", rich, hex(2**250))
    chain = chain_at(anvil.url)
    head = chain.head()
    assert chain.balances(head, [BalanceQuery(rich, None)] * 2_000) == [2**250] * 2_000


@pytest.mark.parametrize("mode", [1, 2, 3, 4])
def test_a_hostile_balance_is_unknown_and_harms_no_other(anvil: Anvil, mode: int) -> None:
    """Reverting with data, burning gas, answering short, lying above the supply: unknown; the neighbours are read."""
    evil, usdc = anvil.deploy("Hostile", mode), anvil.tokens["USDC"]["address"]
    anvil.pay(address(3), 9, usdc)
    chain = chain_at(anvil.url)
    wanted = [BalanceQuery(address(number), token) for number in range(200) for token in (evil, usdc, None)]
    balances = chain.balances(chain.head(), wanted)
    assert balances[0::3] == [None] * 200
    assert balances[1::3] == [9 if number == 3 else 0 for number in range(200)]
    assert balances[2::3] == [0] * 200


def test_a_long_answer_counts_by_its_first_word(anvil: Anvil) -> None:
    """A token that returns a hundred kilobytes costs no more than one that returns a word."""
    chain = chain_at(anvil.url)
    evil = anvil.deploy("Hostile", 5)
    assert chain.balances(chain.head(), [BalanceQuery(address(1), evil)]) == [0]


def test_an_address_without_code_is_no_token(anvil: Anvil) -> None:
    """A token that was never deployed has unknown balances, not zero."""
    chain = chain_at(anvil.url)
    assert chain.balances(chain.head(), [BalanceQuery(address(1), address(2))]) == [None]


def test_an_unknown_block_is_unavailable(anvil: Anvil) -> None:
    """A hash that no endpoint holds is an error, never a balance."""
    chain = chain_at(anvil.url)
    head = chain.head()
    ghost = Block(head.number, "0x" + "ab" * 32, head.parent, head.time)
    with pytest.raises(Unavailable):
        chain.balances(ghost, [BalanceQuery(address(1), None)])


def test_a_reorganised_block_is_not_answered_for(anvil: Anvil) -> None:
    """After a reorganisation the old block's balances are an error or unknown, and the new block's are read."""
    anvil.pay(address(1), 5)
    chain = chain_at(anvil.url)
    old = chain.head()
    anvil.rpc("anvil_reorg", 1, [])
    with contextlib.suppress(ChainError):
        assert chain.balances(old, [BalanceQuery(address(1), None)]) == [None]
    new = chain.head()
    assert new.hash != old.hash
    assert chain.balances(new, [BalanceQuery(address(1), None)]) == [0]


def test_a_node_that_ignores_the_block_is_found_out(anvil: Anvil, proxy: Proxy) -> None:
    """A node that answers `latest` for a pinned block gives itself away by the block in its answer: unknown."""
    chain = chain_at(proxy.url)
    old = chain.head()
    anvil.pay(address(1), 5)

    def latest(request: Any) -> bytes | None:
        if isinstance(request, dict) and request["method"] == "eth_call":
            request["params"][1] = "latest"
            return proxy.ask(json.dumps(request).encode())
        return None

    proxy.rule = latest
    assert chain.balances(old, [BalanceQuery(address(1), None)]) == [None]


def test_sizes_shrink_where_the_node_refuses_and_grow_again(anvil: Anvil, proxy: Proxy) -> None:
    """A question too large is halved until it fits; the size is remembered and later doubled."""
    chain = chain_at(proxy.url)
    head = chain.head()
    wanted = [BalanceQuery(address(number), None) for number in range(1_000)]
    proxy.rule = refuse("eth_call", "out of gas", when=lambda params: len(params[0]["data"]) > 2 * 12_000)
    assert chain.balances(head, wanted) == [0] * 1_000
    first = len(proxy.seen)
    assert chain.balances(head, wanted) == [0] * 1_000
    assert len(proxy.seen) - first < first, "the size was not remembered"
    proxy.rule = None
    for _ in range(40):
        chain.balances(head, wanted)
    proxy.seen.clear()
    chain.balances(head, wanted)
    assert len(proxy.seen) == 1, "the size did not grow again"


def no_deployless(request: Any) -> Any:
    """Refuse calls without `to`."""
    return refuse("eth_call", "missing to address", -32602, lambda params: "to" not in params[0])(request)


def no_overrides(request: Any) -> Any:
    """Refuse calls without `to`, and calls with a third parameter."""
    return refuse("eth_call", "missing to address", -32602, lambda params: "to" not in params[0] or len(params) > 2)(
        request
    )


def test_a_state_override_is_used_where_calls_without_to_are_refused(anvil: Anvil, proxy: Proxy) -> None:
    """The second way reads the same balances, hostile ones included, thousands in one call, with its own fork proof."""
    usdc, evil = anvil.tokens["USDC"]["address"], anvil.deploy("Hostile", 1)
    anvil.pay(address(1), 7, usdc)
    anvil.pay(address(1), 8)
    chain = chain_at(proxy.url)
    proxy.rule = no_deployless
    head = chain.head()
    wanted = [BalanceQuery(address(1), usdc), BalanceQuery(address(1), None), BalanceQuery(address(1), evil)]
    wanted += [BalanceQuery(address(number), None) for number in range(2, 4_002)]
    assert chain.balances(head, wanted)[:4] == [7, 8, None, 0]
    chain.calls.clear()
    assert chain.balances(head, wanted)[:4] == [7, 8, None, 0]
    assert chain.calls == {"eth_call": 1}
    other = Block(head.number, head.hash, "0x" + "ab" * 32, head.time)
    assert chain.balances(other, wanted[:2]) == [None] * 2


def test_multicall3_is_used_where_overrides_are_refused_too(anvil: Anvil, proxy: Proxy) -> None:
    """The third way reads the same balances, hostile ones included, with its own fork proof."""
    anvil.rpc("anvil_setCode", probe.MULTICALL3, artefact("Multicall3")["runtime"])
    usdc, evil = anvil.tokens["USDC"]["address"], anvil.deploy("Hostile", 1)
    anvil.pay(address(1), 7, usdc)
    anvil.pay(address(1), 8)
    chain = chain_at(proxy.url)
    proxy.rule = no_overrides
    head = chain.head()
    wanted = [
        BalanceQuery(address(1), usdc),
        BalanceQuery(address(1), None),
        BalanceQuery(address(1), evil),
        BalanceQuery(address(2), usdc),
    ]
    assert chain.balances(head, wanted) == [7, 8, None, 0]
    chain.calls.clear()
    assert chain.balances(head, wanted) == [7, 8, None, 0]
    assert chain.calls == {"eth_call": 1}, "the way that works was not remembered"
    other = Block(head.number, head.hash, "0x" + "ab" * 32, head.time)
    assert chain.balances(other, wanted) == [None] * 4


def test_single_calls_in_a_batch_are_the_last_way(anvil: Anvil, proxy: Proxy) -> None:
    """Without calls to the probe and Multicall3 the balances come one by one, in batches; no hostile one matters."""
    usdc, evil = anvil.tokens["USDC"]["address"], anvil.deploy("Hostile", 1)
    liar = anvil.deploy("Hostile", 4)
    anvil.pay(address(1), 7, usdc)
    anvil.pay(address(1), 8)
    chain = chain_at(proxy.url)
    proxy.rule = no_overrides
    wanted = [BalanceQuery(address(1), token) for token in (usdc, None, evil, liar)] + [BalanceQuery(address(2), usdc)]
    assert chain.balances(chain.head(), wanted) == [7, 8, None, None, 0]


def test_tokens_stand_where_the_configuration_says(anvil: Anvil) -> None:
    """Deploying twice changes nothing, and the addresses are those of chains.yaml."""
    assert tokens.deploy_tokens(anvil.url) == anvil.tokens
    assert {each.symbol: each.address for each in NETWORK.tokens} == {
        symbol: token["address"] for symbol, token in anvil.tokens.items()
    }
