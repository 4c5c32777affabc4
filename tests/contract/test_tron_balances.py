"""Balances at the newest final block of Tron: what is proven is read in few requests, and nothing else is believed."""

import threading

import pytest

from ctrip.chains.tron import codec
from ctrip.domain.chains.chain import BalanceQuery, Block
from ctrip.domain.chains.tron.addresses import decoded
from ctrip.domain.errors import NotHeld, Refused, Unavailable
from tests.tron_support import USDT, TestClock, TronNode, address, chain_at, chain_block, constant, timed_out


def both(count: int) -> list[BalanceQuery]:
    """Ask for the coin of one half and the USDT of the other."""
    return [BalanceQuery(address(number), USDT if number % 2 else None) for number in range(count)]


def fund(node: TronNode, wanted: list[BalanceQuery]) -> list[int]:
    """Give each address another balance."""
    for number, each in enumerate(wanted):
        node.balances[each.token, each.address] = number
    return list(range(len(wanted)))


# -- how many requests


def test_ten_thousand_addresses_take_few_calls_of_the_probe(tron: TronNode) -> None:
    """Half of them USDT: thirty requests at most, whatever the node bears between 250 and 1,000 of a token."""
    wanted = both(10_000)
    expected = fund(tron, wanted)
    chain = chain_at(tron)
    chain.head()
    tron.seen.clear()
    at = chain.head()
    assert chain.balances(at, wanted) == expected
    assert len(tron.seen) <= 15
    assert set(tron.paths()) == {"walletsolidity/getblock", "walletsolidity/triggerconstantcontract"}


def test_ten_thousand_addresses_take_one_batch_of_json_rpc(tron: TronNode) -> None:
    """With a node's JSON-RPC on final blocks: four requests at most, the check of its network with them."""
    wanted = both(10_000)
    expected = fund(tron, wanted)
    chain = chain_at(tron.entry)
    chain.head()
    tron.seen.clear()
    at = chain.head()
    assert chain.balances(at, wanted) == expected
    assert len(tron.seen) <= 4


def test_a_call_whose_time_is_over_is_made_smaller_and_later_larger_again(tron: TronNode) -> None:
    """The time-out's text halves the question; what fits is remembered, and grows after successes."""
    wanted = [BalanceQuery(address(number), USDT) for number in range(800)]
    expected = fund(tron, wanted)
    chain = chain_at(tron)
    at = chain.head()
    tron.most = 130
    assert chain.balances(at, wanted) == expected
    tron.seen.clear()
    assert chain.balances(at, wanted) == expected
    assert tron.paths().count("walletsolidity/triggerconstantcontract") <= 8
    tron.most = None
    for _ in range(8):
        chain.balances(at, wanted)
    tron.seen.clear()
    assert chain.balances(at, wanted) == expected
    assert tron.paths().count("walletsolidity/triggerconstantcontract") <= 2


@pytest.mark.parametrize(
    "words",
    [
        {"result": {"code": "OTHER_ERROR", "message": b"class X$OutOfEnergyException : Not enough energy for".hex()}},
        {"Error": "class java.lang.Exception : body size is too big, the limit is 4194304"},
    ],
)
def test_too_little_energy_and_too_long_a_body_make_it_smaller_too(tron: TronNode, words: object) -> None:
    """Whatever the node runs out of, half of the question is asked."""
    wanted = [BalanceQuery(address(number), None) for number in range(600)]
    expected = fund(tron, wanted)
    chain = chain_at(tron)
    at = chain.head()
    tron.rules["walletsolidity/triggerconstantcontract"] = lambda asked: words if len(asked["data"]) > 20_000 else None
    assert chain.balances(at, wanted) == expected


def test_a_token_that_is_too_much_alone_does_not_starve_the_others(tron: TronNode) -> None:
    """It is unknown; the coin and another token are read as ever."""
    endless = address(99_999)
    wanted = [BalanceQuery(address(number), token) for number in range(50) for token in (None, endless, USDT)]
    fund(tron, wanted)
    tron.supplies[endless] = 10**6
    chain = chain_at(tron)
    at = chain.head()
    hexed = decoded(endless).hex()
    tron.rules["walletsolidity/triggerconstantcontract"] = lambda asked: timed_out() if hexed in asked["data"] else None
    found = chain.balances(at, wanted)
    assert [balance for each, balance in zip(wanted, found, strict=True) if each.token == endless] == [None] * 50
    assert all(balance is not None for each, balance in zip(wanted, found, strict=True) if each.token != endless)
    tron.seen.clear()
    chain.balances(at, [BalanceQuery(address(number), None) for number in range(4_000)])
    assert len(tron.seen) == 2, "and what was learnt of it is not learnt of the others"


def test_a_node_that_is_late_is_asked_for_less_the_next_time(tron: TronNode) -> None:
    """It may have been late for the answer's size; a small question is late for another reason."""
    chain = chain_at(tron, seconds=0.3)
    at = chain.head()
    chain.balances(at, [BalanceQuery(address(1), None)])
    waiting = threading.Event()
    tron.rules["walletsolidity/triggerconstantcontract"] = lambda asked: (
        waiting.wait(1) and None if len(asked["data"]) > 200_000 else None
    )
    wanted = [BalanceQuery(address(number), None) for number in range(9_000)]
    expected = fund(tron, wanted)
    with pytest.raises(Unavailable):
        chain.balances(at, wanted)
    assert chain.balances(at, wanted) == expected


def test_where_the_coin_of_one_address_is_too_much_nothing_is_concluded(tron: TronNode) -> None:
    """It is refused, and no balance is made up."""
    chain = chain_at(tron)
    at = chain.head()
    tron.most = 0
    with pytest.raises(Refused):
        chain.balances(at, [BalanceQuery(address(1), None)])


# -- what is believed


def test_an_answer_during_which_the_next_block_came_is_not_believed(tron: TronNode) -> None:
    """It names the block that it began at, and its balances may be the next one's: the newest header tells."""
    chain = chain_at(tron)
    at = chain.head()
    tron.torn = 1
    with pytest.raises(NotHeld):
        chain.balances(at, [BalanceQuery(address(1), None)])


def test_what_was_proven_before_the_next_block_came_stays_and_the_rest_is_unknown(tron: TronNode) -> None:
    """A call that still began at the block proves the one before it, and is itself not proven any more."""
    wanted = [BalanceQuery(address(number), USDT) for number in range(2_000)]
    expected = fund(tron, wanted)
    chain = chain_at(tron)
    at = chain.head()
    calls = 0

    def third_is_torn(_: object) -> None:
        nonlocal calls
        calls += 1
        tron.torn = 1 if calls == 3 else 0

    tron.rules["walletsolidity/triggerconstantcontract"] = third_is_torn
    found = chain.balances(at, wanted)
    assert found[:1_000] == expected[:1_000]
    assert found[1_000:] == [None] * 1_000


def test_a_block_that_is_not_the_newest_any_more_is_not_held(tron: TronNode) -> None:
    """Nodes answer from their newest final block alone; once a newer one was seen nobody is asked at all."""
    chain = chain_at(tron)
    old = chain.head()
    tron.head += 1
    with pytest.raises(NotHeld):
        chain.balances(old, [BalanceQuery(address(1), None)])
    chain.head()
    tron.seen.clear()
    with pytest.raises(NotHeld):
        chain.balances(old, [BalanceQuery(address(1), None)])
    assert tron.seen == []


def test_a_node_that_is_behind_is_passed_over(tron: TronNode, other_tron: TronNode) -> None:
    """The next endpoint holds the block; where none does it is not held, which is not zero."""
    other_tron.balances[None, address(1)] = 5
    chain = chain_at(tron, other_tron)
    at = chain_block(1000)
    tron.head = 990
    assert chain.balances(at, [BalanceQuery(address(1), None)]) == [5]
    other_tron.head = 990
    with pytest.raises(NotHeld):
        chain.balances(at, [BalanceQuery(address(1), None)])


def test_another_block_at_the_same_height_is_not_believed(tron: TronNode) -> None:
    """The parent's id is compared, and the id of the block itself."""
    chain = chain_at(tron)
    at = chain.head()
    for other in (Block(at.number, at.hash, "ee" * 32, at.time), Block(at.number, "ee" * 32, at.parent, at.time)):
        with pytest.raises(NotHeld):
            chain.balances(other, [BalanceQuery(address(1), None)])


def test_a_call_that_ran_on_another_fork_is_not_believed(tron: TronNode) -> None:
    """Its number is right and the newest header too, and its parent is another: nodes behind one address."""
    chain = chain_at(tron)
    at = chain.head()
    answer = constant(f"{at.number:064x}{'ee' * 32}{5:064x}")
    tron.rules["walletsolidity/triggerconstantcontract"] = lambda _: answer
    with pytest.raises(NotHeld):
        chain.balances(at, [BalanceQuery(address(1), None)])


@pytest.mark.parametrize("with_rpc", [False, True])
def test_a_balance_above_the_supply_or_of_an_unknown_supply_is_unknown(tron: TronNode, with_rpc: bool) -> None:
    """As is one of a token that does not answer."""
    tron.balances[USDT, address(1)] = tron.supplies[USDT] + 1
    tron.balances[USDT, address(2)] = tron.supplies[USDT]
    tron.balances[None, address(1)] = 3
    silent = address(55)
    tron.balances[silent, address(1)] = 4
    tron.rules["solid/jsonrpc eth_call"] = lambda asked: (
        "0x" if asked[0]["to"] == codec.rpc_address(silent) and len(asked[0]["data"]) == 10 else tron._call(asked)
    )
    chain = chain_at(tron.entry if with_rpc else tron)
    wanted = [BalanceQuery(address(1), USDT), BalanceQuery(address(2), USDT), BalanceQuery(address(1), None)]
    assert chain.balances(chain.head(), [*wanted, BalanceQuery(address(1), silent)]) == [None, 10**15, 3, None]


@pytest.mark.parametrize(
    "answer",
    [
        {"constant_result": []},
        {"constant_result": ["00" * 64]},
        {"constant_result": ["zz"]},
        {"constant_result": [7]},
        {"constant_result": None},
        {},
    ],
)
def test_an_answer_that_is_none_counts_against_the_node_and_is_no_balance(tron: TronNode, answer: object) -> None:
    """Not even an empty one is zero."""
    chain = chain_at(tron)
    at = chain.head()
    shape = {"result": {"result": True}, "transaction": {"ret": [{}]}}
    tron.rules["walletsolidity/triggerconstantcontract"] = lambda _: shape | answer  # type: ignore[operator]
    with pytest.raises(Unavailable):
        chain.balances(at, [BalanceQuery(address(1), None)])
    assert chain.endpoints()[0][1] in ("unreachable", "resting")


# -- JSON-RPC on final blocks


def test_a_batch_between_two_blocks_is_not_believed(tron: TronNode) -> None:
    """Its last header is another block: what is between them may be either's."""
    chain = chain_at(tron.entry)
    at = chain.head()
    headers = iter([tron.head, tron.head + 1])

    def newest(_: object) -> dict[str, str]:
        tron.head = next(headers, tron.head)
        return tron._newest(None)

    tron.rules["solid/jsonrpc eth_getBlockByNumber"] = newest
    with pytest.raises(NotHeld):
        chain.balances(at, [BalanceQuery(address(1), None)])


def test_a_batch_of_another_block_at_the_same_height_is_not_believed(tron: TronNode) -> None:
    """The block's own id is compared; the probe is asked, as the solid side is at the right one."""
    tron.balances[None, address(1)] = 5
    chain = chain_at(tron.entry)
    at = chain.head()
    tron.rules["solid/jsonrpc eth_getBalance"] = lambda _: hex(10**9)
    tron.rules["solid/jsonrpc eth_getBlockByNumber"] = lambda _: tron._newest(None) | {"hash": "0x" + "ee" * 32}
    assert chain.balances(at, [BalanceQuery(address(1), None)]) == [5]


def test_an_item_that_is_refused_is_unknown_and_the_others_are_read(tron: TronNode) -> None:
    """An address without a contract is answered with an error."""
    tron.balances[None, address(1)] = 5
    chain = chain_at(tron.entry)
    at = chain.head()
    refusal = {"error": {"code": -32600, "message": "Smart contract is not exist."}}
    tron.rules["solid/jsonrpc eth_call"] = lambda _: refusal
    wanted = [BalanceQuery(address(1), None), BalanceQuery(address(1), USDT)]
    assert chain.balances(at, wanted) == [5, None]


def test_where_json_rpc_fails_the_probe_is_asked(tron: TronNode) -> None:
    """For a minute: then it is tried again."""
    tron.balances[None, address(1)] = 5
    clock = TestClock(chain_block(1000).time)
    chain = chain_at(tron.entry, clock=clock)
    at = chain.head()
    tron.cut.add("solid/jsonrpc")
    for _ in range(2):
        assert chain.balances(at, [BalanceQuery(address(1), None)]) == [5]
    # A cut connection is tried once more by the transport.
    assert tron.paths().count("solid/jsonrpc") <= 2
    tron.cut.clear()
    clock.wait(61)
    tron.seen.clear()
    assert chain.balances(at, [BalanceQuery(address(1), None)]) == [5]
    assert "walletsolidity/triggerconstantcontract" not in tron.paths()


@pytest.mark.parametrize("ahead", [19, -5])
def test_json_rpc_that_is_not_on_final_blocks_is_not_read(tron: TronNode, ahead: int) -> None:
    """A full node's own answers with what was never mined: its newest block is not the final one, and the probe is."""
    tron.balances[None, address(1)] = 5
    chain = chain_at(tron.entry)
    at = chain.head()
    tron.rules["solid/jsonrpc eth_getBalance"] = lambda _: hex(10**9)

    def newest(_: object) -> dict[str, str]:
        number = tron.head + ahead
        hashes = {"hash": chain_block(number).hash, "parentHash": chain_block(number).parent}
        return {"number": hex(number), "timestamp": "0x1", **hashes}

    tron.rules["solid/jsonrpc eth_getBlockByNumber"] = newest
    assert chain.balances(at, [BalanceQuery(address(1), None)]) == [5]


def test_json_rpc_of_another_network_is_refused(tron: TronNode, other_tron: TronNode) -> None:
    """The two are two addresses: somebody may have mixed them up."""
    from ctrip.domain.errors import WrongChain
    from ctrip.domain.rpc import NodeEntry

    other_tron.chain_id = 728126428
    chain = chain_at(NodeEntry(tron.url, tron.url, f"{other_tron.url}/solid/jsonrpc"))
    at = chain.head()
    with pytest.raises(WrongChain):
        chain.balances(at, [BalanceQuery(address(1), None)])
    assert chain.endpoints()[0][1] == "wrong chain"


# -- second opinions


def test_two_hosts_are_asked_for_their_opinion_each_at_that_block_or_later(
    tron: TronNode, other_tron: TronNode
) -> None:
    """No host twice; one that is behind, or whose answer is none, adds nothing."""
    for node, balance in ((tron, 5), (other_tron, 6)):
        node.balances[USDT, address(1)] = balance
    chain = chain_at(tron, tron, other_tron)
    at = chain.head()
    query = BalanceQuery(address(1), USDT)
    tron.head += 3
    names = [node.url.removeprefix("http://") for node in (tron, other_tron)]
    assert chain.opinions(at, query) == [(names[0], 5), (names[1], 6)]
    other_tron.head -= 1
    assert chain.opinions(at, query) == [(names[0], 5)]
    tron.supplies[USDT] = 1
    assert chain.opinions(at, query) == []
