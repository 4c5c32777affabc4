"""A scripted node of Tron for tests: a small ledger of balances by block, and whatever answers a test wants."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ctrip.chains.tron.client import TronChain
from ctrip.chains.tron.probe import UNKNOWN, _probe_code
from ctrip.domain.chains.chain import Block
from ctrip.domain.chains.tron.addresses import encoded
from ctrip.domain.rpc import NodeEntry
from ctrip.networks import load_networks
from tests.evm_support import TestClock

VECTORS = Path(__file__).resolve().parent / "vectors" / "tron"
NETWORK = load_networks(["tron"], local=True)["tron"]
USDT = "TNQhEetuqcQVWpFs6GHw5et8WWTNKzLpdD"
COIN = "T9yD14Nj9j7xAB4dbGeiX9h8unkKHxuWwb"
NOW = 1_800_000_000_000

Answer = Callable[[dict[str, Any]], Any]


def recorded(name: str) -> Any:
    """Read what a real node answered."""
    loaded = json.loads((VECTORS / f"{name}.json").read_text())
    return loaded["response"] if isinstance(loaded, dict) and "response" in loaded else loaded


def address(number: int) -> str:
    """Make up an address that nobody has."""
    return encoded((0xC0FFEE << 100 | number).to_bytes(20))


def block_id(number: int, fork: int = 0) -> str:
    """Make up a block's id: its number, and something."""
    return f"{number:016x}" + f"{number * 7919 + fork + 1:048x}"


def chain_block(number: int) -> Block:
    """Return a block as the scripted node has it."""
    return Block(number, block_id(number), block_id(number - 1) if number else "ab" * 32, NOW + 3000 * (number - 1000))


class TronNode:
    """Answers as java-tron does, from `head` and `balances`; `rules` come first.

    A rule is by path ("walletsolidity/getblock", "jsonrpc eth_getLogs") and returns a JSON answer, raw octets, an HTTP
    status or None to go on; `cut` closes the connection without a word.
    """

    def __init__(self, chain_id: int = NETWORK.chain_id) -> None:
        self.head = 1000
        self.chain_id = chain_id
        self.balances: dict[tuple[str | None, str], int] = {}
        self.supplies: dict[str, int] = {USDT: 10**15}
        self.most: int | None = None  # addresses in a call before its time is over
        self.torn = 0  # calls during which the next block comes
        self.rules: dict[str, Answer] = {}
        self.cut: set[str] = set()
        self.solid_side = True
        self.seen: list[tuple[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65_536
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                path = self.path.lstrip("/")
                asked = json.loads(body)
                node.seen.append((path, asked))
                node.headers.append(dict(self.headers))
                if path in node.cut:
                    self.close_connection = True
                    return
                status, answer = node.answer(path, asked)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def entry(self) -> NodeEntry:
        """Name the node with JSON-RPC on final blocks."""
        return NodeEntry(self.url, self.url, f"{self.url}/solid/jsonrpc")

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()

    def paths(self) -> list[str]:
        """Return the paths that were asked, in order."""
        return [path for path, _ in self.seen]

    def answer(self, path: str, asked: Any) -> tuple[int, bytes]:
        """Apply a rule, else answer from the ledger."""
        if "jsonrpc" in path:
            return 200, json.dumps(self._rpc(path, asked)).encode()
        if path.startswith("walletsolidity") and not self.solid_side:
            return 405, b"<html><title>Error 405</title></html>"
        found = self.rules[path](asked) if path in self.rules else None
        if found is None:
            own = getattr(self, path.rsplit("/", maxsplit=1)[-1], None)
            if own is None:
                return 405, b"<html><title>Error 405</title></html>"
            found = own(asked)
        if isinstance(found, tuple):
            return found
        if isinstance(found, int):
            return found, b"<html></html>"
        return 200, found if isinstance(found, bytes) else json.dumps(found).encode()

    def answer_of(self, path: str, asked: Any) -> Any:
        """Answer from the ledger, whatever address the path stands below."""
        return getattr(self, path.rsplit("/", maxsplit=1)[-1])(asked)

    def _rpc(self, path: str, asked: Any) -> Any:
        if isinstance(asked, list):
            return [self._rpc(path, each) for each in asked]
        own = {
            "eth_chainId": self._chain_id,
            "eth_getBlockByNumber": self._newest,
            "eth_getBalance": self._balance,
            "eth_call": self._call,
        }
        rule = self.rules.get(f"{path} {asked['method']}") or own.get(asked["method"])
        if rule is None:
            error = {"code": -32601, "message": f"the method {asked['method']} does not exist/is not available"}
            return {"jsonrpc": "2.0", "id": asked["id"], "error": error}
        found = rule(asked["params"])
        what = found if isinstance(found, dict) and "error" in found else {"result": found}
        return {"jsonrpc": "2.0", "id": asked["id"], **what}

    # -- the ledger

    def getblock(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Answer with a header; past the newest with nothing."""
        number = int(asked.get("id_or_num", self.head))
        if number == 0:
            header = {"txTrieRoot": "00" * 32, "parentHash": "ab" * 32}
            return {"blockID": "0" * 56 + f"{self.chain_id:08x}", "block_header": {"raw_data": header}}
        return self.header(number) if number <= self.head else {}

    def header(self, number: int) -> dict[str, Any]:
        """Write a header as nodes do."""
        block = chain_block(number)
        raw = {"number": number, "txTrieRoot": "00" * 32, "parentHash": block.parent, "timestamp": block.time}
        return {"blockID": block.hash, "block_header": {"raw_data": raw, "witness_signature": "00"}}

    def triggerconstantcontract(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Run the probe, or decimals()."""
        data = bytes.fromhex(asked["data"])
        if "contract_address" in asked:
            return constant(f"{6:064x}")
        argument = data[len(_probe_code()) // 2 :]
        number, words, count = self.head, list[int](), 0
        while argument:
            token, members = argument[:20], int.from_bytes(argument[20:24])
            where = encoded(token) if any(token) else None
            if where:
                words.append(self.supplies.get(where, UNKNOWN))
            for place in range(members):
                who = encoded(argument[24 + 20 * place : 44 + 20 * place])
                words.append(self.balances.get((where, who), 0))
                count += 1
            argument = argument[24 + 20 * members :]
        if self.most is not None and count > self.most:
            return timed_out()
        if self.torn:
            self.torn, self.head = self.torn - 1, self.head + 1
        parent = chain_block(number).parent
        return constant(f"{number:064x}{parent}" + "".join(f"{word:064x}" for word in words))

    def _chain_id(self, _: Any) -> str:
        """Answer the network's id."""
        return hex(self.chain_id)

    def _newest(self, _: Any) -> dict[str, str]:
        """Answer the newest header."""
        block = chain_block(self.head)
        return {
            "number": hex(block.number),
            "hash": f"0x{block.hash}",
            "parentHash": f"0x{block.parent}",
            "timestamp": hex(block.time // 1000),
        }

    def _balance(self, params: Any) -> str:
        """Answer a balance of the coin."""
        return hex(self.balances.get((None, encoded(bytes.fromhex(params[0][2:]))), 0))

    def _call(self, params: Any) -> str:
        """Answer a supply or a balance of a token."""
        token = encoded(bytes.fromhex(params[0]["to"][2:]))
        data = params[0]["data"]
        if data == "0x18160ddd":
            return f"0x{self.supplies.get(token, 0):064x}"
        return f"0x{self.balances.get((token, encoded(bytes.fromhex(data[-40:]))), 0):064x}"


def constant(*results: str) -> dict[str, Any]:
    """Write a constant call's answer."""
    return {
        "result": {"result": True},
        "energy_used": 100,
        "constant_result": list(results),
        "transaction": {"ret": [{}]},
    }


def timed_out() -> dict[str, Any]:
    """Write the answer of a call whose time is over, as recorded."""
    answer: dict[str, Any] = recorded("constant_timeout")
    return answer


def chain_at(*entries: Any, clock: TestClock | None = None, **options: Any) -> TronChain:
    """Make a client."""
    entries = tuple(each.url if isinstance(each, TronNode) else each for each in entries)
    return TronChain(NETWORK, entries, clock or TestClock(NOW), **options)


@pytest.fixture
def tron() -> Iterator[TronNode]:
    """Run one node."""
    node = TronNode()
    yield node
    node.close()


@pytest.fixture
def other_tron() -> Iterator[TronNode]:
    """Run another node."""
    node = TronNode()
    yield node
    node.close()
