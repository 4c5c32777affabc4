"""Endpoints of Tron: which network, which side, who is left alone for how long, and no word of a key."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from ctrip.chains.shared import transport
from ctrip.domain.chains.chain import Arrivals, BalanceQuery
from ctrip.domain.errors import ChainError, ConfigurationError, Refused, Unavailable, WrongChain
from ctrip.domain.rpc import NodeEntry
from tests.tron_support import NETWORK, NOW, USDT, TestClock, TronChain, TronNode, address, chain_at, chain_block

KEY = "k3y-k3y-k3y-k3y"
SUSPENDED = "The key exceeds the frequency limit(15), and the query server is suspended for 30s"


def state(chain: TronChain, place: int = 0) -> str:
    """Return the state that people see."""
    return chain.endpoints()[place][1]


def test_without_an_endpoint_there_is_no_chain() -> None:
    """It is the configuration that is wrong."""
    with pytest.raises(ConfigurationError):
        chain_at()


def test_the_network_is_the_end_of_its_first_blocks_id(tron: TronNode) -> None:
    """It is asked for once."""
    chain = chain_at(tron)
    assert chain.chain_id() == NETWORK.chain_id
    chain.head()
    chain.head()
    assert [asked for _, asked in tron.seen].count({"id_or_num": "0", "detail": False}) == 2


def test_an_endpoint_of_another_network_is_never_asked_again(tron: TronNode, other_tron: TronNode) -> None:
    """Neither for reading nor for sending; where all are, that is what is raised."""
    tron.chain_id = 728126428
    chain = chain_at(tron, other_tron)
    assert chain.head().number == 1000
    assert state(chain) == "wrong chain"
    tron.seen.clear()
    chain.balances(chain.head(), [BalanceQuery(address(1), None)])
    assert tron.seen == []
    with pytest.raises(WrongChain):
        chain_at(tron).head()


def test_both_sides_are_checked_where_they_have_addresses_apart(tron: TronNode, other_tron: TronNode) -> None:
    """An account of one network must not be judged by blocks of another."""
    other_tron.chain_id = 3448148188
    with pytest.raises(WrongChain):
        chain_at(NodeEntry(other_tron.url, tron.url)).prices()


def test_final_blocks_are_read_while_the_full_side_is_down(tron: TronNode, other_tron: TronNode) -> None:
    """It is checked when it is first asked, and is not asked for what the other side tells."""
    other_tron.cut.update(["wallet/getblock", "wallet/getchainparameters"])
    chain = chain_at(NodeEntry(other_tron.url, tron.url))
    assert chain.balances(chain.head(), [BalanceQuery(address(1), None)]) == [0]
    with pytest.raises(Unavailable):
        chain.prices()


def test_an_endpoint_without_a_solid_side_is_not_read_and_says_so(tron: TronNode, other_tron: TronNode) -> None:
    """Alone it is an error that says what is missing; beside another that one is asked. A minute later it is tried."""
    tron.solid_side = False
    tron.rules["wallet/getaccount"] = lambda _: {}
    clock = TestClock(NOW)
    chain = chain_at(tron, clock=clock)
    for question in (
        chain.head,
        chain.head,
        chain.prices,
        lambda: chain.account(address(1)),
        lambda: chain.known("ab" * 32),
        lambda: chain.receipt("ab" * 32),
        lambda: chain.balances(chain_block(1000), [BalanceQuery(address(1), None)]),
        lambda: chain.transfers([Arrivals(address(1), USDT, 990)], 1000),
    ):
        with pytest.raises(ChainError, match="solid side"):
            question()
    assert chain.endpoints()[0][1:] == ("no solid side", "it does not serve /walletsolidity")
    assert chain.opinions(chain_block(1000), BalanceQuery(address(1), None)) == []
    assert chain.missed("ab" * 32, 0) is False
    assert chain_at(tron, other_tron).head().number == 1000
    tron.solid_side = True
    clock.wait(61)
    assert chain.head().number == 1000
    assert state(chain) == "usable"


def test_one_without_a_solid_side_does_not_hide_that_another_rests(tron: TronNode, other_tron: TronNode) -> None:
    """What is missing then is an answer, not a solid side: it is not refused."""
    tron.solid_side = False
    chain = chain_at(tron, other_tron)
    chain.head()
    other_tron.rules["walletsolidity/getblock"] = lambda _: 429
    for _ in range(2):
        with pytest.raises(Unavailable):
            chain.head()


def test_one_without_a_solid_side_still_carries_transactions(tron: TronNode) -> None:
    """Its network is then checked by its other side."""
    tron.solid_side = False
    tron.rules["wallet/broadcasthex"] = lambda _: {"result": True, "code": "SUCCESS"}
    chain = chain_at(tron)
    chain.broadcast("0a020102" + "1201ff")
    tron.chain_id = 1
    with pytest.raises(WrongChain):
        chain_at(tron).broadcast("0a020102" + "1201ff")


# -- the newest block


def test_the_newest_block_never_goes_back(tron: TronNode, other_tron: TronNode) -> None:
    """An older answer is another node behind one address: the next endpoint is asked, and what is known stays."""
    chain = chain_at(tron, other_tron)
    assert chain.head() == chain_block(1000)
    tron.head, other_tron.head = 998, 1001
    assert chain.head() == chain_block(1001)
    other_tron.head = 999
    assert chain.head() == chain_block(1001)
    assert chain.tagged("finalized") == chain_block(1001)
    assert chain.reference() == chain_block(1001)
    assert chain.tagged("safe") is None
    tron.head = 1002
    assert chain.head() == chain_block(1002)


def test_an_endpoint_that_stands_still_stands_aside(tron: TronNode, other_tron: TronNode) -> None:
    """Its newest final block is old; another's is not."""
    clock = TestClock(NOW + 3_000 * 100)
    other_tron.head = 1100
    chain = chain_at(tron, other_tron, clock=clock)
    assert chain.head() == chain_block(1100)
    assert state(chain) == "resting"


def test_nobody_who_answers_is_unavailable_and_no_old_block(tron: TronNode) -> None:
    """What was known is not the newest because nobody answers."""
    chain = chain_at(tron)
    chain.head()
    tron.rules["walletsolidity/getblock"] = lambda _: 502
    with pytest.raises(Unavailable):
        chain.head()


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>",
        b"",
        b'{"blockID": "0000',
        b"[]",
        b"7",
        b"null",
        {},
        {"blockID": "00" * 32, "block_header": {"raw_data": {"number": 5, "parentHash": "00" * 32}}},
        {"blockID": "zz" * 32, "block_header": {"raw_data": {"parentHash": "00" * 32}}},
        {"blockID": f"{5:016x}" + "0" * 48, "block_header": {"raw_data": {"number": 5.0, "parentHash": "0" * 64}}},
        {"blockID": f"{5:016x}" + "0" * 48, "block_header": {"raw_data": {"number": "5", "parentHash": "0" * 64}}},
    ],
)
def test_garbage_is_no_block_and_counts_against_the_endpoint(
    tron: TronNode, other_tron: TronNode, answer: object
) -> None:
    """Another one is asked; alone it is unavailable."""
    chain = chain_at(tron, other_tron)
    chain.head()
    tron.rules["walletsolidity/getblock"] = lambda _: answer
    assert chain.head() == chain_block(1000)
    assert state(chain) == "unreachable"
    alone = chain_at(tron)
    with pytest.raises(Unavailable):
        alone.head()


def test_an_answer_without_end_is_cut_off(tron: TronNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused for its size, and no part of it is read."""
    chain = chain_at(tron)
    chain.head()
    monkeypatch.setattr(transport, "MAX_ANSWER_BYTES", 100_000)
    tron.rules["wallet/getchainparameters"] = lambda _: b'{"chainParameter": [' + b" " * 200_000 + b"]}"
    with pytest.raises(Refused):
        chain.prices()


def test_a_connection_that_is_cut_is_unavailable(tron: TronNode, other_tron: TronNode) -> None:
    """Another endpoint is asked."""
    chain = chain_at(tron, other_tron)
    chain.head()
    tron.cut.add("walletsolidity/getblock")
    assert chain.head() == chain_block(1000)
    with pytest.raises(Unavailable):
        chain_at(tron).head()


# -- providers that keep us out


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        ((403, json.dumps({"Error": SUSPENDED}).encode()), 30),
        ((429, b"<html>Too Many Requests</html>"), 30),
        ((503, SUSPENDED.replace("30s", "120s").encode()), 120),
        ({"Error": SUSPENDED}, 30),
    ],
)
def test_who_keeps_us_out_is_left_alone_for_as_long_as_it_says(tron: TronNode, answer: Any, seconds: int) -> None:
    """Not one request comes before that, whatever is asked; then it is tried again."""
    clock = TestClock(NOW)
    chain = chain_at(tron, clock=clock, jitter=lambda: 0.0)
    chain.head()
    tron.rules["walletsolidity/getblock"] = lambda _: answer
    tron.seen.clear()
    with pytest.raises(Unavailable):
        chain.head()
    assert len(tron.seen) == 1
    assert chain.endpoints()[0][1] == "resting"
    clock.wait(seconds - 1)
    for question in (chain.head, chain.prices, lambda: chain.blocks([7])):
        with pytest.raises(Unavailable):
            question()
    assert len(tron.seen) == 1
    tron.rules.clear()
    clock.wait(2)
    assert chain.head() == chain_block(1000)
    assert state(chain) == "usable"


@pytest.mark.parametrize("path", ["solid/jsonrpc eth_getBlockByNumber", "solid/jsonrpc eth_chainId"])
def test_who_keeps_us_out_is_not_asked_in_another_way(tron: TronNode, path: str) -> None:
    """Nor is anything else asked of it after that."""
    chain = chain_at(tron.entry)
    at = chain.head()
    tron.rules[path] = lambda _: {"error": {"code": -32000, "message": SUSPENDED}}
    with pytest.raises(Unavailable):
        chain.balances(at, [BalanceQuery(address(1), None)])
    tron.seen.clear()
    for question in (chain.head, lambda: chain.balances(at, [BalanceQuery(address(1), None)])):
        with pytest.raises(Unavailable):
            question()
    assert tron.seen == []


def test_a_contracts_words_are_not_the_nodes(tron: TronNode) -> None:
    """Whoever writes a token cannot close an endpoint with it."""
    chain = chain_at(tron.entry)
    at = chain.head()
    tron.rules["solid/jsonrpc eth_call"] = lambda _: {
        "error": {"code": -32000, "message": f"REVERT opcode executed: {SUSPENDED}"}
    }
    wanted = [BalanceQuery(address(1), USDT), BalanceQuery(address(1), None)]
    assert chain.balances(at, wanted) == [None, 0]
    assert state(chain) == "usable"


def test_a_failure_of_the_server_alone_does_not_close_it_for_half_a_minute(tron: TronNode) -> None:
    """A balancer's 503 without such words is an ordinary failure."""
    clock = TestClock(NOW)
    chain = chain_at(tron, clock=clock)
    chain.head()
    tron.rules["walletsolidity/getblock"] = lambda _: (503, b"no backend")
    with pytest.raises(Unavailable):
        chain.head()
    tron.rules.clear()
    assert chain.head() == chain_block(1000)


# -- keys


@pytest.mark.parametrize(
    "answer",
    [
        {"Error": f"the key {KEY} is not known"},
        {"Error": f"{SUSPENDED} {KEY}"},
        (403, f"forbidden: {KEY}".encode()),
        (500, KEY.encode()),
        KEY.encode(),
        {"result": {"code": "OTHER_ERROR", "message": f"of {KEY}".encode().hex()}},
        {
            "result": {"result": True, "message": f"of {KEY}".encode().hex()},
            "transaction": {"ret": [{"ret": "FAILED"}]},
        },
        {"result": {"result": True}, "transaction": KEY},
        {"code": "CONTRACT_VALIDATE_ERROR", "message": f"of {KEY}"},
        {"code": KEY, "message": "none"},
    ],
)
def test_no_key_is_in_an_error_or_a_state(tron: TronNode, answer: Any) -> None:
    """Neither a header's nor one in an address, whatever the node repeats."""
    header = NodeEntry(tron.url, tron.url, headers=(("TRON-PRO-API-KEY", KEY),))
    for entry, inside in ((header, ""), (f"{tron.url}/{KEY}", f"{KEY}/")):
        tron.rules = {f"{inside}{path}": lambda asked, path=path: tron.answer_of(path, asked) for path in PATHS}
        chain = chain_at(entry)
        chain.head()
        assert not inside or all(path.startswith(KEY) for path in tron.paths()[-2:])
        tron.rules = {f"{inside}{path}": lambda _: answer for path in PATHS}
        tron.rules |= {f"{inside}jsonrpc": lambda _: answer}
        errors = [exc for question in QUESTIONS if (exc := raised(question, chain))]
        assert errors
        told = " ".join([*map(repr, errors), *(repr(each.__cause__) for each in errors), repr(chain.endpoints())])
        assert KEY not in told
        tron.seen.clear()
    assert any(each.get("TRON-PRO-API-KEY") == KEY for each in tron.headers)


def raised(question: Callable[[TronChain], Any], chain: TronChain) -> Exception | None:
    """Return what a question raises."""
    try:
        question(chain)
    except Exception as exc:
        return exc
    return None


QUESTIONS: tuple[Callable[[TronChain], Any], ...] = (
    TronChain.head,
    TronChain.prices,
    lambda chain: chain.energy_of(address(1), USDT, "a9059cbb"),
    lambda chain: chain.broadcast("0a020102" + "1201ff"),
    lambda chain: chain.transfers([Arrivals(address(1), USDT, 990)], 1000),
)
PATHS = [
    "walletsolidity/getblock",
    "walletsolidity/triggerconstantcontract",
    "wallet/triggerconstantcontract",
    "wallet/getchainparameters",
    "wallet/broadcasthex",
]


@pytest.mark.parametrize("value", [f"{KEY}\n", f" {KEY}", f"{KEY}\r\nX: y"])
def test_a_header_that_cannot_be_sent_is_not_told(tron: TronNode, value: str) -> None:
    """What libraries say of it holds its value."""
    chain = chain_at(NodeEntry(tron.url, tron.url, headers=(("TRON-PRO-API-KEY", value),)))
    with pytest.raises(Unavailable) as told:
        chain.head()
    assert KEY not in repr(told.value)
    assert KEY not in repr(chain.endpoints())
