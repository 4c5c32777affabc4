"""Asks a node what nodes refuse, each in its own words: `python -m tests.nodes.questions URL NODE VERSION` records it.

The answers are kept in `tests/unit/chains/evm/answers`, a file a node, and the classifier is tested by them. What
differs from run to run (hashes, addresses, amounts) is the same in every recording: the questions use Anvil's accounts.
"""

import json
import re
import sys
from collections.abc import Callable
from typing import Any

import requests
from eth_account import Account

from ctrip.chains.evm.errors import translate
from infra.stack import wallet
from tests.evm_support import ROOT

ANSWERS = ROOT / "tests" / "unit" / "chains" / "evm" / "answers"
SEND = "eth_sendRawTransaction"
SENDER, RIVAL, POOR = 4, 5, "0x" + "11" * 32
UNKNOWN = "0x" + "ab" * 32
GWEI = 10**9
_REVERTS = "0x60006000fd"
_RETURNS_TOO_MUCH = "0x6300006001" + "6000f3"  # 24,577 bytes


class Interview:
    """Asks one node, by JSON-RPC alone."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.chain_id = int(self.result("eth_chainId"), 16)

    def ask(self, method: str, *params: Any) -> dict[str, Any]:
        """Return the raw answer, without its envelope."""
        return self.post({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})

    def post(self, body: Any) -> dict[str, Any]:
        """Return the answer to any body; of a batch, the first one's."""
        try:
            answer = requests.post(self.url, json=body, timeout=90).json()
        except requests.Timeout:  # a node that works on a call for ever refuses nothing
            return {}
        first = answer[0] if isinstance(answer, list) else answer
        return {name: value for name, value in first.items() if name not in ("jsonrpc", "id")}

    def result(self, method: str, *params: Any) -> Any:
        """Ask what has to be answered."""
        return self.ask(method, *params)["result"]

    def signed(self, index: int | None = SENDER, **fields: Any) -> str:
        """Sign a transaction of one of the funded accounts, or of one that has nothing."""
        key = POOR if index is None else wallet.funded(index).key
        address = Account.from_key(key).address
        nonce = int(self.result("eth_getTransactionCount", address, "latest"), 16)
        made = {"chainId": self.chain_id, "nonce": nonce, "to": wallet.funded(9).address, "value": 1, "gas": 21_000}
        if "gasPrice" not in fields:
            made |= {"maxFeePerGas": 100 * GWEI, "maxPriorityFeePerGas": 10 * GWEI}
        made = {name: value for name, value in (made | fields).items() if value is not None}
        return "0x" + Account.sign_transaction(made, key).raw_transaction.hex().removeprefix("0x")


def _waiting(node: Interview, **fields: Any) -> None:
    """Put a transaction into the pool that no block can take, for others to meet it there."""
    node.ask(SEND, node.signed(RIVAL, nonce=_gap(node), **fields))


def _gap(node: Interview) -> int:
    return int(node.result("eth_getTransactionCount", wallet.funded(RIVAL).address, "latest"), 16) + 5


def _head(node: Interview) -> int:
    return int(node.result("eth_blockNumber"), 16)


def _replacement(percent: int) -> Callable[[Interview], str]:
    def make(node: Interview) -> str:
        _waiting(node)
        fees = {"maxFeePerGas": percent * GWEI, "maxPriorityFeePerGas": percent * GWEI // 10}
        return node.signed(RIVAL, nonce=_gap(node), value=2, **fees)

    return make


def _again(node: Interview) -> str:
    _waiting(node)
    return node.signed(RIVAL, nonce=_gap(node))


def _used(node: Interview) -> str:
    # The deployer of the tokens has used its first nonce.
    operator = wallet.operator()
    made = {"chainId": node.chain_id, "nonce": 0, "to": operator.address, "value": 1, "gas": 21_000}
    made |= {"maxFeePerGas": 100 * GWEI, "maxPriorityFeePerGas": GWEI}
    return "0x" + Account.sign_transaction(made, operator.key).raw_transaction.hex().removeprefix("0x")


Question = tuple[str, str, Callable[[Interview], list[Any]]]
_AT_UNKNOWN = {"blockHash": UNKNOWN, "requireCanonical": True}
READING: list[Question] = [
    ("logs to a block past the head", "eth_getLogs", lambda n: [{"fromBlock": "0x1", "toBlock": hex(_head(n) + 100)}]),
    (
        "logs wholly past the head",
        "eth_getLogs",
        lambda n: [{"fromBlock": hex(_head(n) + 50), "toBlock": hex(_head(n) + 100)}],
    ),
    ("logs from after to", "eth_getLogs", lambda _: [{"fromBlock": "0x2", "toBlock": "0x1"}]),
    ("logs of an unknown block", "eth_getLogs", lambda _: [{"blockHash": UNKNOWN}]),
    ("a balance at an unknown block", "eth_getBalance", lambda _: [wallet.funded(9).address, _AT_UNKNOWN]),
    ("a nonce at an unknown block", "eth_getTransactionCount", lambda _: [wallet.funded(9).address, _AT_UNKNOWN]),
    ("a balance past the head", "eth_getBalance", lambda n: [wallet.funded(9).address, hex(_head(n) + 100)]),
    ("a call at an unknown block", "eth_call", lambda _: [{"data": "0x602a60005260206000f3"}, _AT_UNKNOWN]),
    ("a call that reverts", "eth_call", lambda _: [{"data": _REVERTS}, "latest"]),
    ("a call of an invalid instruction", "eth_call", lambda _: [{"data": "0xfe"}, "latest"]),
    ("a call that never ends", "eth_call", lambda _: [{"data": "0x5b600056"}, "latest"]),
    ("a call whose init code is too long", "eth_call", lambda _: [{"data": "0x" + "00" * 49_153}, "latest"]),
    ("a call that returns too long a code", "eth_call", lambda _: [{"data": _RETURNS_TOO_MUCH}, "latest"]),
    ("the gas of what reverts", "eth_estimateGas", lambda _: [{"from": wallet.funded(9).address, "data": _REVERTS}]),
    (
        "the gas of a sender without coins",
        "eth_estimateGas",
        lambda _: [{"from": "0x" + "77" * 20, "to": wallet.funded(9).address, "value": "0x1"}],
    ),
    ("receipts of an unknown block", "eth_getBlockReceipts", lambda _: [UNKNOWN]),
    ("traces of an unknown block", "debug_traceBlockByHash", lambda _: [UNKNOWN, {"tracer": "callTracer"}]),
    ("traces in Parity's form", "trace_block", lambda _: ["0x1"]),
    ("a method that nobody has", "eth_noSuchThing", lambda _: []),
    ("a malformed address", "eth_getBalance", lambda _: ["0x12", "latest"]),
]
SENDING: list[Question] = [
    ("bytes that wait already", SEND, lambda n: [_again(n)]),
    ("a replacement at the same price", SEND, lambda n: [_replacement(100)(n)]),
    ("a replacement at 5 % more", SEND, lambda n: [_replacement(105)(n)]),
    ("a nonce that is used", SEND, lambda n: [_used(n)]),
    ("a sender without coins", SEND, lambda n: [n.signed(None)]),
    ("more than the sender has", SEND, lambda n: [n.signed(value=10**40)]),
    ("gas under 21,000", SEND, lambda n: [n.signed(gas=20_999)]),
    (
        "gas over the block's",
        SEND,
        lambda n: [n.signed(gas=200_000_000, maxFeePerGas=2 * GWEI, maxPriorityFeePerGas=1)],
    ),
    ("another chain's id", SEND, lambda n: [n.signed(chainId=5)]),
    ("no chain's id", SEND, lambda n: [n.signed(chainId=None, gasPrice=100 * GWEI)]),
    ("no tip", SEND, lambda n: [n.signed(maxPriorityFeePerGas=0)]),
    ("a tip above the fee", SEND, lambda n: [n.signed(maxFeePerGas=GWEI, maxPriorityFeePerGas=2 * GWEI)]),
    ("a fee above one ether", SEND, lambda n: [n.signed(gas=3_000_000, maxFeePerGas=1_000 * GWEI)]),
    ("calldata over 128 KiB", SEND, lambda n: [n.signed(data="0x" + "00" * 140_000, gas=9_000_000)]),
    ("bytes that are no transaction", SEND, lambda _: ["0xdeadbeef"]),
    ("a signature that is none", SEND, lambda n: [n.signed()[:-64] + "00" * 32]),
]


def interview(url: str) -> list[dict[str, Any]]:
    """Ask everything; return what was refused, as it is recorded."""
    node = Interview(url)
    recorded = []
    for what, method, params in READING + SENDING:
        answer = node.ask(method, *params(node))
        if "error" in answer:
            recorded.append({"asked": what, "method": method, "error": answer["error"]})
    many = [{"jsonrpc": "2.0", "id": number, "method": "eth_chainId", "params": []} for number in range(1_001)]
    answer = node.post(many)
    if "error" in answer:
        recorded.append({"asked": "a batch of 1,001 calls", "method": "eth_chainId", "error": answer["error"]})
    return recorded


def steady(recorded: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Keep what was asked and answered, with what differs between two chains masked: heights, hashes, prices."""
    recorded = [{name: each[name] for name in ("asked", "method", "error")} for each in recorded]
    text = re.sub(r"0x[0-9a-f]+|\d+", "#", json.dumps(recorded, sort_keys=True))
    return list(json.loads(text.replace('"code": -#', '"code": "#"').replace('"code": #', '"code": "#"')))


def main(url: str, name: str, version: str) -> None:
    """Write the recording, each answer with the meaning that the classifier gives it now, for a person to judge."""
    ANSWERS.mkdir(exist_ok=True)
    answers = [with_meaning(each) for each in interview(url)]
    made = {"node": name, "version": version, "answers": answers}
    (ANSWERS / f"{name}-{version}.json").write_text(json.dumps(made, indent=1) + "\n")


def with_meaning(answer: dict[str, Any]) -> dict[str, Any]:
    """Add what the classifier makes of an answer, and drop what is about the node's own program."""
    error = translate(answer["error"], answer["method"])
    kept = {name: value for name, value in answer["error"].items() if name not in ("stack", "trace")}
    least = getattr(error, "minimum", None)
    return {**answer, "error": kept, "meaning": type(error).__name__} | ({"minimum": least} if least else {})


if __name__ == "__main__":
    main(*sys.argv[1:])
