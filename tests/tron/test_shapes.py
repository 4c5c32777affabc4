"""Each answer of the stand-in has the shape of the one that a real node gave: a missing key fails, and an extra one."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infra.tron import wire
from infra.tron.evm import long
from tests.tron.history import CALL, HOLDER, QUESTIONS, History, lived
from tests.tron.node import ALICE, BANK, BOB, CAROL, LENDER, SPLITTER, TRX, Node, coins, running_node, units
from tests.tron.shapes import RECORDED, differences, recorded

# What a real node was asked that the stand-in is not: the gateway asks none of it.
NOT_OFFERED = {
    "createtransaction",
    "eth_estimateGas",
    "eth_getTransactionReceipt",
    "getchainparameters_before",  # before the main network's fees were voted for
    "txinfo_create2_sweep4",
}
# Several answers in one: the behaviours say them.
STORIES = {"pending_is_visible", "restart_reorg"}
HEAD = "0x" + "fe".rjust(64, "0")

# Method, parameters, and which recorded refusal they get.
REFUSALS: dict[str, tuple[str, list[Any]]] = {
    "debug_traceTransaction": ("debug_traceTransaction", [HEAD]),
    "eth_call_blockHash": ("eth_call", [CALL, {"blockHash": "0x" + "00" * 32}]),
    "eth_call_finalized": ("eth_call", [CALL, "finalized"]),
    "eth_call_number": ("eth_call", [CALL, "0x1"]),
    "eth_call_override": ("eth_call", [CALL, "latest", {}]),
    "eth_call_pending": ("eth_call", [CALL, "pending"]),
    "eth_call_safe": ("eth_call", [CALL, "safe"]),
    "eth_feeHistory": ("eth_feeHistory", ["0x1", "latest", []]),
    "eth_getBalance_earliest": ("eth_getBalance", [HOLDER, "earliest"]),
    "eth_getBalance_finalized": ("eth_getBalance", [HOLDER, "finalized"]),
    "eth_getBalance_number": ("eth_getBalance", [HOLDER, "0x1"]),
    "eth_getBalance_object": ("eth_getBalance", [HOLDER, {"blockHash": HEAD}]),
    "eth_getBalance_pending": ("eth_getBalance", [HOLDER, "pending"]),
    "eth_getBalance_safe": ("eth_getBalance", [HOLDER, "safe"]),
    "eth_getBlockReceipts": ("eth_getBlockReceipts", ["0x1"]),
    "eth_getProof": ("eth_getProof", [HOLDER, [], "latest"]),
    "eth_getTransactionCount": ("eth_getTransactionCount", [HOLDER, "latest"]),
    "eth_maxPriorityFeePerGas": ("eth_maxPriorityFeePerGas", []),
    "eth_sendRawTransaction": ("eth_sendRawTransaction", ["0x00"]),
    "ethcall_without_to": ("eth_call", [{"data": "0x6080"}, "latest"]),
}


@pytest.fixture(scope="module")
def past() -> Iterator[History]:
    """One stand-in with a past, for all questions."""
    with running_node() as node:
        yield lived(node)


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_an_answer_has_the_recorded_shape(past: History, name: str) -> None:
    """Keys and types are those of the recorded answer, recursively."""
    answer: Any = QUESTIONS[name](past)
    assert differences(answer, recorded(name)) == []


@pytest.mark.parametrize("name", sorted(REFUSALS))
def test_json_rpc_refuses_with_the_recorded_words(past: History, name: str) -> None:
    """Code, message and data are the recorded ones."""
    method, params = REFUSALS[name]
    assert past.node.rpc(method, *params) == recorded(name)


def test_the_parameters_are_the_recorded_ones(past: History) -> None:
    """Every price and limit is that of the recorded node."""
    assert past.node.ask("/wallet/getchainparameters") == recorded("getchainparameters")


def test_a_contracts_state_has_the_recorded_shape(past: History) -> None:
    """Beside the code, which the recording leaves out."""
    told = past.node.ask("/wallet/getcontractinfo", value=long(wire_address()))
    assert differences({"contract_state": told["contract_state"]}, recorded("getcontractinfo")) == []


def wire_address() -> bytes:
    """Return where the token stands."""
    return bytes.fromhex(CALL["to"][2:])


Offer = Callable[[Node], Any]


def _poor(node: Node, amount: int) -> None:
    """Leave Alice an account without free bytes, and with so much."""
    node.spend_free_bytes(ALICE)
    if amount:
        node.standin.grant(ALICE.address, amount)


def _no_bandwidth(node: Node) -> Any:
    _poor(node, 0)
    return node.offer(ALICE, units(ALICE, BOB, 1), fee_limit=TRX)


def _conflict(node: Node) -> Any:
    node.standin.grant(ALICE.address, TRX)
    node.standin.grant(BOB.address, TRX)
    node.offer(ALICE, coins(ALICE, BOB, TRX))
    return node.offer(ALICE, coins(ALICE, BOB, TRX))


def _twice(node: Node, *, mined: bool = False, seconds: int = 0) -> Any:
    octets = BANK.sign(node.standin.write(coins(BANK, ALICE, TRX)))
    node.send(octets)
    if mined:
        node.standin.mine()
    if seconds:
        node.standin.mine(seconds=seconds)
    return node.send(octets)


def _in(node: Node, milliseconds: int) -> dict[str, int]:
    return {"expiration": node.standin.state()["head"]["time"] + milliseconds}


def _empty(node: Node) -> Any:
    node.standin.grant(ALICE.address, 0)
    return node.offer(ALICE, coins(ALICE, BANK, 1))


def _reverting(node: Node) -> Any:
    return node.offer(BANK, units(BANK, ALICE, 10**30), fee_limit=10 * TRX)


def _to_contract(node: Node) -> Any:
    node.standin.place(SPLITTER, "TronSplitter")
    return node.offer(BANK, coins(BANK, SPLITTER, 1))


def _bad_prefix(node: Node) -> Any:
    call = wire.Call(kind=wire.TRANSFER, owner=BANK.short, to=b"\xa0" + ALICE.short, amount=1)
    return node.offer(BANK, call)


OFFERS: dict[str, Offer] = {
    "bc_bad_prefix": _bad_prefix,
    "bc_conflict_with_pending": _conflict,
    "bc_duplicate": _twice,
    "bc_duplicate_mined": lambda node: _twice(node, mined=True),
    "bc_expired": lambda node: node.offer(BANK, coins(BANK, ALICE, 1), **_in(node, -1)),
    "bc_expires_before_next_block": lambda node: node.offer(BANK, coins(BANK, ALICE, 1), **_in(node, 1_000)),
    "bc_expires_too_late": lambda node: node.offer(BANK, coins(BANK, ALICE, 1), **_in(node, 86_400_001)),
    "bc_fee_limit_too_big": lambda node: node.offer(BANK, units(BANK, ALICE, 1), fee_limit=15_000_000_001),
    "bc_fee_limit_zero": lambda node: node.offer(BANK, units(BANK, ALICE, 1)),
    "bc_insufficient_trx": lambda node: node.offer(BANK, coins(BANK, ALICE, 10**17)),
    "bc_mined_then_expired": lambda node: _twice(node, mined=True, seconds=700),
    "bc_no_bandwidth": _no_bandwidth,
    "bc_no_energy": _no_bandwidth,
    "bc_no_signature": lambda node: node.send(wire.octets(1, node.standin.write(coins(BANK, ALICE, 1)))),
    "bc_not_activated": lambda node: node.offer(ALICE, coins(ALICE, BOB, 1)),
    "bc_not_activated_trc20": lambda node: node.offer(ALICE, units(ALICE, BOB, 1), fee_limit=TRX),
    "bc_reverting_call": _reverting,
    "bc_success": lambda node: node.offer(BANK, coins(BANK, ALICE, 1)),
    "bc_tapos": lambda node: node.offer(BANK, coins(BANK, ALICE, 1), ref_hash=bytes(8)),
    "bc_to_contract": _to_contract,
    "bc_to_self": lambda node: node.offer(BANK, coins(BANK, BANK, 1)),
    "bc_wrong_key": lambda node: node.offer(BANK, coins(BANK, ALICE, 1), CAROL),
    "bc_zero_balance": _empty,
}


@pytest.mark.parametrize("name", sorted(OFFERS))
def test_a_broadcast_is_answered_with_the_recorded_words(node: Node, name: str) -> None:
    """Code and message are the recorded ones but for addresses and signatures, and so are the keys."""
    told, wanted = OFFERS[name](node), recorded(name)
    assert differences(told, wanted) == []
    assert (told["result"], told["code"]) == (wanted["result"], wanted["code"])
    assert _without_names(told["message"]) == _without_names(wanted["message"])


def _without_names(text: str) -> str:
    return re.sub(r"T[1-9A-HJ-NP-Za-km-z]{33}|[0-9a-f]{130}", "...", text)


def _second_path(node: Node, call: wire.Call, *, signature: str = "") -> Any:
    raw = node.standin.write(call)
    signed = signature or BANK.sign(raw)[-65:].hex()
    return node.ask("/wallet/broadcasttransaction", raw_data_hex=raw.hex(), signature=[signed])


def _frozen(node: Node) -> Any:
    return _second_path(node, wire.Call(kind=wire.FREEZE, owner=BANK.short, amount=10**9, resource=wire.ENERGY))


def _lent(node: Node) -> Any:
    _frozen(node)
    node.standin.grant(LENDER.address, 1)
    loan = wire.Call(kind=wire.DELEGATE, owner=BANK.short, to=LENDER.short, amount=10**8, resource=wire.ENERGY)
    return _second_path(node, loan)


def _again(node: Node) -> Any:
    asked = {"raw_data_hex": (raw := node.standin.write(coins(BANK, ALICE, 1))).hex()}
    asked["signature"] = [BANK.sign(raw)[-65:].hex()]  # type: ignore[assignment]
    node.ask("/wallet/broadcasttransaction", **asked)
    return node.ask("/wallet/broadcasttransaction", **asked)


SECOND: dict[str, Offer] = {
    "bc_delegate": _lent,
    "bc_freeze": _frozen,
    "broadcast_activation": lambda node: _second_path(node, coins(BANK, ALICE, TRX)),
    "broadcast_trx": lambda node: _second_path(node, coins(BANK, ALICE, TRX)),
    "broadcast_usdt_transfer": lambda node: _second_path(node, units(BANK, ALICE, 1)),
    "broadcasttransaction_badsig": lambda node: _second_path(node, coins(BANK, ALICE, 1), signature="00" * 65),
    "broadcasttransaction_dup": _again,
}


@pytest.mark.parametrize("name", sorted(SECOND))
def test_the_second_path_answers_in_digits(node: Node, name: str) -> None:
    """A refusal of broadcasttransaction has no `result`, and its message is hexadecimal."""
    told, wanted = SECOND[name](node), recorded(name)
    assert differences(told, wanted) == []
    assert {**told, "txid": ""} == {**wanted, "txid": ""}


def test_every_recording_is_compared() -> None:
    """A recorded answer that nobody asks the stand-in for is named above, with why."""
    names = {path.stem for path in RECORDED.glob("*.json")}
    compared = QUESTIONS.keys() | REFUSALS.keys() | OFFERS.keys() | SECOND.keys() | {"getcontractinfo"}
    assert names == compared | NOT_OFFERED | STORIES


@pytest.mark.parametrize(
    ("answer", "difference"),
    [
        ({"a": 1, "b": [{"c": "x"}]}, []),
        ({"a": 1}, [".b is missing"]),
        ({"a": 1, "b": [{"c": "x"}], "d": 1}, [".d is extra"]),
        ({"a": "1", "b": [{"c": "x"}]}, [".a is str, not int"]),
        ({"a": True, "b": [{"c": "x"}]}, [".a is bool, not int"]),
        ({"a": 1, "b": [{"c": "x", "e": 0}]}, [".b[0].e is extra"]),
        ({"a": 1, "b": []}, [".b is empty"]),
    ],
)
def test_a_difference_is_seen(answer: Any, difference: list[str]) -> None:
    """What is missing, extra or of another type has a name."""
    assert differences(answer, {"a": 2, "b": [{"c": "y"}]}) == difference
