"""Arrivals on Tron, explained from final blocks alone: never a false one, and within a budget."""

from collections.abc import Sequence
from typing import Any

import pytest

from ctrip.chains.tron import codec, explain, logs
from ctrip.domain.chains.chain import Arrivals, Transfer
from ctrip.domain.chains.tron.addresses import decoded, to_hex
from ctrip.domain.errors import NotHeld, Unavailable
from tests.tron_support import USDT, TronNode, address, chain_at, chain_block, recorded

PAYER, CONTRACT = address(900), address(901)


def log(number: int, to: str, amount: int, *, index: int = 0, sender: str = PAYER, **other: Any) -> dict[str, Any]:
    """Write a Transfer log as JSON-RPC does."""
    topics = [codec.TRANSFER, codec.topic(sender), codec.topic(to)]
    return {
        "address": codec.rpc_address(USDT),
        "blockHash": f"0x{chain_block(number).hash}",
        "blockNumber": hex(number),
        "data": f"0x{amount:064x}",
        "logIndex": hex(index),
        "removed": False,
        "topics": [f"0x{each}" for each in topics],
        "transactionHash": f"0x{number:064x}",
        "transactionIndex": "0x0",
        **other,
    }


def serve_logs(node: TronNode, found: Sequence[dict[str, Any]], path: str = "jsonrpc", most: int = 10_000) -> list[Any]:
    """Answer ranges of logs; return what was asked."""
    asked: list[Any] = []

    def answer(params: Any) -> Any:
        wanted = params[0]
        asked.append(wanted)
        first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
        if last - first >= 5_000:
            return {"error": {"code": -32602, "message": "exceed max block range: 5000"}}
        some = [each for each in found if first <= int(each["blockNumber"], 16) <= last]
        if len(some) > most:
            return {"error": {"code": -32005, "message": f"query returned more than {most} results"}}
        return some

    node.rules[f"{path} eth_getLogs"] = answer
    return asked


# -- tokens


@pytest.mark.parametrize("solid", [True, False])
def test_tokens_are_explained_by_logs(tron: TronNode, solid: bool) -> None:
    """Of the solid JSON-RPC where there is one, else of the full node's; each from its own first block."""
    path = "solid/jsonrpc" if solid else "jsonrpc"
    found = [log(990, address(1), 5), log(995, address(1), 6, index=3), log(995, address(2), 7)]
    asked = serve_logs(tron, found, path)
    chain = chain_at(tron.entry if solid else tron)
    wanted = [Arrivals(address(2), USDT, 990), Arrivals(address(1), USDT, 991), Arrivals(address(3), USDT, 990)]
    explained = chain.transfers(wanted, 1000)
    assert explained == [
        [Transfer(f"{995:064x}", 0, 995, chain_block(995).hash, PAYER, 7)],
        [Transfer(f"{995:064x}", 3, 995, chain_block(995).hash, PAYER, 6)],
        [],
    ]
    assert len(asked) == 1
    assert (asked[0]["fromBlock"], asked[0]["toBlock"]) == (hex(990), hex(1000))


@pytest.mark.parametrize(
    "false",
    [
        log(995, address(2), 5),
        log(995, address(1), 0),
        log(995, address(1), 5, sender=address(1)),
        log(1001, address(1), 5),
        log(980, address(1), 5),
        log(995, address(1), 5, removed=True),
        log(995, address(1), 5, address=codec.rpc_address(CONTRACT)),
        log(995, address(1), 5, data="0x"),
        log(995, address(1), 5, topics=[f"0x{codec.TRANSFER}"]),
    ],
)
def test_a_log_that_was_not_asked_for_is_no_arrival(tron: TronNode, false: dict[str, Any]) -> None:
    """A node's own filter is not relied on."""
    tron.rules["jsonrpc eth_getLogs"] = lambda _: [false]
    assert chain_at(tron).transfers([Arrivals(address(1), USDT, 990)], 1000) == [[]]


def test_a_range_with_too_many_logs_is_halved_and_ranges_are_walked_back(tron: TronNode) -> None:
    """5,000 blocks at a time at most, the newest first."""
    tron.head = 12_000
    found = [log(number, address(1), number) for number in range(2_000, 12_001, 50)]
    asked = serve_logs(tron, found, most=60)
    explained = chain_at(tron).transfers([Arrivals(address(1), USDT, 2_000)], 12_000)[0]
    assert [each.amount for each in explained] == list(range(2_000, 12_001, 50))
    assert all(int(each["toBlock"], 16) - int(each["fromBlock"], 16) < logs.LOG_RANGE for each in asked)
    assert len(asked) <= 12


def test_a_thousand_addresses_share_a_request(tron: TronNode) -> None:
    """As many topics as a node takes in one place."""
    asked = serve_logs(tron, [log(999, address(1_500), 5)])
    wanted = [Arrivals(address(number), USDT, 990) for number in range(2_000)]
    explained = chain_at(tron).transfers(wanted, 1000)
    assert [place for place, each in enumerate(explained) if each] == [1_500]
    assert [len(each["topics"][2]) for each in asked] == [1_000, 1_000]


def test_logs_are_asked_up_to_what_the_node_itself_shows_as_final(tron: TronNode, other_tron: TronNode) -> None:
    """A node that is behind would answer with fewer: another is asked, and alone it is not held."""
    tron.head = 995
    serve_logs(tron, [])
    serve_logs(other_tron, [log(1000, address(1), 5)])
    wanted = [Arrivals(address(1), USDT, 990)]
    assert [each.amount for each in chain_at(tron, other_tron).transfers(wanted, 1000)[0]] == [5]
    with pytest.raises(NotHeld):
        chain_at(tron).transfers(wanted, 1000)


def test_where_nobody_answers_it_is_raised(tron: TronNode) -> None:
    """Nothing found is another answer than nobody asked."""
    chain = chain_at(tron)
    chain.head()
    tron.cut.add("jsonrpc")
    tron.rules["walletsolidity/getblock"] = lambda _: 502
    with pytest.raises(Unavailable):
        chain.transfers([Arrivals(address(1), USDT, 990)], 1000)


def info(number: int, tx: int, moves: Sequence[tuple[str, str, int]], **other: Any) -> dict[str, Any]:
    """Write the info of a transaction that moves a token."""
    found = [
        {
            "address": decoded(USDT).hex(),
            "topics": [codec.TRANSFER, codec.topic(sender), codec.topic(to)],
            "data": f"{amount:064x}",
        }
        for sender, to, amount in moves
    ]
    return {"id": f"{tx:064x}", "blockNumber": number, "receipt": {"result": "SUCCESS"}, "log": found, **other}


def test_without_json_rpc_blocks_are_read_one_by_one(tron: TronNode) -> None:
    """Logs are numbered through the block, as JSON-RPC does; a failed transaction moved nothing."""
    blocks = {
        995: [
            info(995, 1, [(PAYER, address(2), 3), (PAYER, address(3), 3)]),
            info(995, 2, [(PAYER, address(1), 4)], result="FAILED", receipt={"result": "REVERT"}),
            info(995, 3, [(PAYER, address(1), 5)]),
        ]
    }
    tron.rules["walletsolidity/gettransactioninfobyblocknum"] = lambda asked: blocks.get(asked["num"], [])
    chain = chain_at(tron)
    explained = chain.transfers([Arrivals(address(1), USDT, 990)], 1000)
    assert explained == [[Transfer(f"{3:064x}", 3, 995, chain_block(995).hash, PAYER, 5)]]
    tron.seen.clear()
    chain.transfers([Arrivals(address(1), USDT, 1)], 1000)
    assert tron.paths().count("walletsolidity/gettransactioninfobyblocknum") <= logs.BLOCKS
    assert "jsonrpc" not in tron.paths(), "that it has none is remembered"


def test_a_recorded_log_is_read_alike_in_both_ways(tron: TronNode) -> None:
    """The same payment has one key, whoever explains it."""
    by_rpc = recorded("eth_getLogs_topics")["result"][0]
    of_block = recorded("block_infos_with_usdt_transfer")
    contract = codec.short_address(by_rpc["address"])
    to = codec.from_topic(by_rpc["topics"][2])
    one = list(logs._incoming([logs._from_rpc(by_rpc)], contract, {to: 0}, 0, 100))
    other = list(logs._incoming(logs._of_block(of_block, 89), contract, {to: 0}, 0, 100))
    assert [(who, each.tx_hash, each.log_index, each.amount, each.sender) for who, each in one] == [
        (who, each.tx_hash, each.log_index, each.amount, each.sender) for who, each in other
    ]
    assert one[0][1].amount == 1_000_000_000


# -- the coin


def payment(tx: int, sender: str, to: str, amount: int, outcome: str = "SUCCESS") -> dict[str, Any]:
    """Write a transfer of the coin as a block lists it."""
    value = {"amount": amount, "owner_address": to_hex(sender), "to_address": to_hex(to)}
    return transaction(tx, "TransferContract", value, outcome)


def call(tx: int, sender: str, outcome: str = "SUCCESS") -> dict[str, Any]:
    """Write a call of a contract as a block lists it."""
    value = {"owner_address": to_hex(sender), "contract_address": to_hex(CONTRACT), "data": "00", "call_value": 50}
    return transaction(tx, "TriggerSmartContract", value, outcome)


def transaction(tx: int, kind: str, value: dict[str, Any], outcome: str) -> dict[str, Any]:
    """Write a transaction as a block lists it."""
    contract = {"parameter": {"value": value, "type_url": "x"}, "type": kind}
    return {"txID": f"{tx:064x}", "ret": [{"contractRet": outcome}], "raw_data": {"contract": [contract]}}


def serve_blocks(node: TronNode, blocks: dict[int, list[dict[str, Any]]]) -> None:
    """Answer ranges of whole blocks."""

    def answer(asked: Any) -> Any:
        count = asked["endNum"] - asked["startNum"]
        if count > 100:
            return {}
        numbers = [number for number in range(asked["startNum"], asked["endNum"]) if number <= node.head]
        listed = [node.header(number) | {"transactions": blocks[number]} for number in numbers if number in blocks]
        empty = [node.header(number) for number in numbers if number not in blocks]
        return {"block": sorted([*listed, *empty], key=lambda each: each["blockID"])}

    node.rules["walletsolidity/getblockbylimitnext"] = answer


def inner(to: str, *values: dict[str, Any], **other: Any) -> dict[str, Any]:
    """Write an internal transaction."""
    return {
        "caller_address": to_hex(CONTRACT),
        "transferTo_address": to_hex(to),
        "callValueInfo": list(values),
        "note": "63616c6c",
        **other,
    }


def test_transfers_of_the_coin_are_explained_by_blocks(tron: TronNode) -> None:
    """Those that succeeded, each from its own first block on; blocks are read once for all."""
    blocks = {
        990: [payment(1, PAYER, address(1), 5)],
        995: [
            payment(2, PAYER, address(1), 6),
            payment(3, PAYER, address(2), 7),
            payment(4, PAYER, address(2), 8, outcome="OUT_OF_ENERGY"),
            payment(5, address(2), address(2), 9),
            payment(6, PAYER, address(3), 10, outcome=""),
        ],
    }
    serve_blocks(tron, blocks)
    chain = chain_at(tron)
    wanted = [Arrivals(address(1), None, 991), Arrivals(address(2), None, 980), Arrivals(address(3), None, 980)]
    assert chain.transfers(wanted, 1000) == [
        [Transfer(f"{2:064x}", None, 995, chain_block(995).hash, PAYER, 6)],
        [Transfer(f"{3:064x}", None, 995, chain_block(995).hash, PAYER, 7)],
        [],
    ]
    asked = tron.paths().count("walletsolidity/getblockbylimitnext")
    assert asked == 2
    chain.transfers(wanted, 1000)
    assert tron.paths().count("walletsolidity/getblockbylimitnext") == asked, "final blocks are read once"


def test_what_contracts_moved_is_explained_by_internal_transactions(tron: TronNode) -> None:
    """Not rejected ones, not those of tokens with an id, and none of a transaction that failed."""
    serve_blocks(tron, {995: [call(1, PAYER), call(2, PAYER, outcome="REVERT"), call(3, PAYER)]})
    infos = [
        {
            "id": f"{1:064x}",
            "blockNumber": 995,
            "receipt": {"result": "SUCCESS"},
            "internal_transactions": [
                inner(address(1), {"callValue": 5}),
                inner(address(1), {"callValue": 6}, rejected=True),
                inner(address(1), {"callValue": 7, "tokenId": "1000001"}),
                inner(address(1), {}),
                inner(address(1), {"callValue": 2}, {"callValue": 9, "tokenId": "1000001"}),
            ],
        },
        {
            "id": f"{2:064x}",
            "blockNumber": 995,
            "result": "FAILED",
            "receipt": {"result": "REVERT"},
            "internal_transactions": [inner(address(1), {"callValue": 100})],
        },
    ]
    tron.rules["walletsolidity/gettransactioninfobyblocknum"] = lambda _: infos
    found = chain_at(tron).transfers([Arrivals(address(1), None, 990)], 1000)
    assert found == [[Transfer(f"{1:064x}", None, 995, chain_block(995).hash, CONTRACT, 7)]]


def test_a_node_that_keeps_balances_of_blocks_explains_by_them(tron: TronNode) -> None:
    """Also what its infos do not tell; a call that failed moved nothing, and fees are nobody's arrival."""
    calls = [call(1, PAYER), call(2, PAYER, outcome="REVERT"), call(4, PAYER)]
    serve_blocks(tron, {995: [*calls, payment(3, PAYER, address(1), 4)]})

    def balances(asked: Any) -> Any:
        changes = [
            {"address": to_hex(PAYER), "amount": -700},
            {"address": to_hex(address(1)), "amount": 5},
            {"address": to_hex(PAYER), "amount": 3},
        ]
        traces = [
            {"transaction_identifier": f"{number:064x}", "operation": changes, "status": status}
            for number, status in ((1, "SUCCESS"), (2, "SUCCESS"), (3, "SUCCESS"), (4, "REVERT"))
        ]
        return {"block_identifier": asked, "transaction_balance_trace": traces}

    tron.rules["wallet/getblockbalance"] = balances
    found = chain_at(tron).transfers([Arrivals(address(1), None, 990)], 1000)[0]
    assert [(each.tx_hash, each.amount) for each in found] == [(f"{3:064x}", 4), (f"{1:064x}", 5)]
    assert "walletsolidity/gettransactioninfobyblocknum" not in tron.paths()


def test_that_a_node_keeps_no_balances_of_blocks_is_remembered(tron: TronNode) -> None:
    """It is asked once, not at each block."""
    serve_blocks(tron, {number: [call(number, PAYER)] for number in range(990, 996)})
    tron.rules["wallet/getblockbalance"] = lambda _: {"Error": "class X : This block does not exist"}
    tron.rules["walletsolidity/gettransactioninfobyblocknum"] = lambda _: []
    chain_at(tron).transfers([Arrivals(address(1), None, 990)], 1000)
    assert tron.paths().count("wallet/getblockbalance") == 1
    assert tron.paths().count("walletsolidity/gettransactioninfobyblocknum") == 6


def test_a_provider_that_keeps_us_out_in_between_is_left_alone(tron: TronNode) -> None:
    """What was read before is an answer; not one request more is made."""
    serve_blocks(tron, {number: [call(number, PAYER), payment(1, PAYER, address(1), 4)] for number in range(990, 996)})
    tron.rules["walletsolidity/gettransactioninfobyblocknum"] = lambda _: 429
    chain = chain_at(tron)
    found = chain.transfers([Arrivals(address(1), None, 990)], 1000)[0]
    assert [each.amount for each in found] == [4] * 6
    assert tron.paths().count("walletsolidity/gettransactioninfobyblocknum") == 1
    assert chain.endpoints()[0][1] == "resting"
    tron.seen.clear()
    with pytest.raises(Unavailable):
        chain.head()
    assert tron.seen == []


def test_an_explanation_that_is_refused_is_left_out(tron: TronNode) -> None:
    """What the transactions themselves say stands."""
    serve_blocks(tron, {995: [call(1, PAYER), payment(2, PAYER, address(1), 4)]})
    tron.rules["walletsolidity/gettransactioninfobyblocknum"] = lambda _: {"Error": "no"}
    found = chain_at(tron).transfers([Arrivals(address(1), None, 990)], 1000)[0]
    assert [each.amount for each in found] == [4]


def test_the_budget_bounds_how_many_blocks_are_read(tron: TronNode) -> None:
    """The newest ones; what lies further back stays unexplained."""
    tron.head = 5_000
    everywhere = {
        number: [call(number, PAYER), payment(number + 9_000, PAYER, address(1), 1)] for number in range(5_001)
    }
    serve_blocks(tron, everywhere)
    tron.rules["walletsolidity/gettransactioninfobyblocknum"] = lambda _: []
    found = chain_at(tron).transfers([Arrivals(address(1), None, 0)], 5_000)[0]
    assert len(found) == explain.BLOCKS
    assert found[-1].block_number == 5_000
    assert tron.paths().count("walletsolidity/gettransactioninfobyblocknum") == explain.MOVED_BLOCKS
    assert tron.paths().count("walletsolidity/getblockbylimitnext") <= 13


@pytest.mark.parametrize("other", [lambda asked: {}, lambda asked: {"block": []}])
def test_fewer_blocks_than_were_asked_for_are_no_explanation(tron: TronNode, other: Any) -> None:
    """The node is not believed to have shown all."""
    tron.rules["walletsolidity/getblockbylimitnext"] = other
    with pytest.raises(Unavailable):
        chain_at(tron).transfers([Arrivals(address(1), None, 990)], 1000)


def test_recorded_blocks_are_read(tron: TronNode) -> None:
    """Of a real node: a plain transfer, a call out of energy, and internal transfers in two ways."""
    from ctrip.chains.tron.bodies import _body, _by_infos

    listed = [_body(each) for each in recorded("getblockbylimitnext")["block"]]
    assert [body.number for body in listed] == [238, 239, 240]
    assert [[move[3] for move in body.payments] for body in listed] == [[], [2_000_000], [2_000_000]]
    moves = list(_by_infos(recorded("block_infos_with_internal")))
    assert [amount for *_, amount in moves] == [2_500_000, 2_500_000]
    assert len({receiver for _, _, receiver, _ in moves}) == 2
    for name in ("txinfo_reverted_internal", "txinfo_internal_send_failed_inside"):
        assert list(_by_infos([recorded(name)])) == []
