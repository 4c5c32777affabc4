"""A real Anvil for tests, and a proxy before it that misbehaves on request."""

import contextlib
import itertools
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from ctrip.chains.evm.client import EvmChain
from ctrip.domain.chains.assets import Asset, Network
from ctrip.networks import load_networks
from infra.stack import tokens, wallet
from infra.tools import npm

ROOT = Path(__file__).resolve().parent.parent
ARTEFACTS = ROOT / "infra" / "contracts" / "artefacts"


def anvil_binary() -> Path:
    """Find Anvil: CTRIP_ANVIL, the path, or the project's own tools, which fetch it once."""
    given = os.environ.get("CTRIP_ANVIL") or shutil.which("anvil")
    return Path(given) if given else npm.anvil(ROOT / ".tools", print)


@dataclass(slots=True)
class Node:
    """A running node that mines when told; each transaction that is sent here at once unless `automining` is off."""

    url: str
    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    automining: bool = True

    def rpc(self, method: str, *params: Any) -> Any:
        """Make one call; raises `RuntimeError` with the node's words."""
        return tokens.rpc(self.url, method, *params)

    def mine(self, blocks: int = 1) -> None:
        """Mine."""
        raise NotImplementedError

    def height(self) -> int:
        """Return the newest block's number."""
        return int(self.rpc("eth_blockNumber"), 16)

    def fund(self, to: str, least: int) -> None:
        """Make sure that an account has that many wei."""
        if sent := tokens.fund(self.url, to, least):
            self._settled(sent)

    def count_seconds(self) -> None:
        """Let each block's time be a second after the one before, however fast they come."""

    def pay(self, to: str, amount: int, token: str | None = None, index: int = 1) -> str:
        """Pay from one of the funded accounts; return the hash."""
        return self._settled(tokens.pay(self.url, index, to, amount, token))

    def send(self, to: str | None, data: str = "0x", value: int = 0, index: int = 1, gas: int | None = None) -> str:
        """Send any transaction from one of the funded accounts; return the hash."""
        return self._settled(tokens.send(self.url, wallet.funded(index), to=to, data=data, value=value, gas=gas))

    def _settled(self, tx_hash: str) -> str:
        """Wait for its block where each transaction gets one: the node hands the hash out before it mines.

        A node may know the receipt an instant before its transaction names the block: both are waited for.
        """
        if self.automining:
            eventually(lambda: self.rpc("eth_getTransactionReceipt", tx_hash))
            eventually(lambda: self.rpc("eth_getTransactionByHash", tx_hash)["blockHash"])
        return tx_hash

    def deploy(self, name: str, *arguments: int) -> str:
        """Deploy an artefact whose constructor takes only words; return its address."""
        code = artefact(name)["bytecode"] + "".join(f"{argument:064x}" for argument in arguments)
        return str(tokens.mined(self.url, self.send(None, code, gas=5_000_000))["contractAddress"])


@dataclass(slots=True)
class Anvil(Node):
    """A running Anvil."""

    def mine(self, blocks: int = 1) -> None:
        """Mine."""
        self.rpc("anvil_mine", hex(blocks))

    def automine(self, on: bool) -> None:
        """Choose whether each transaction gets its block at once."""
        self.rpc("evm_setAutomine", on)
        self.automining = on

    def fund(self, to: str, least: int) -> None:
        """Set the balance, without a block."""
        self.rpc("anvil_setBalance", to, hex(least))

    def count_seconds(self) -> None:
        """Let each block's time be a second after the one before, however fast they come."""
        self.rpc("anvil_setBlockTimestampInterval", 1)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[None]:
        """Undo on leaving whatever was done to the chain."""
        snapshot = self.rpc("evm_snapshot")
        try:
            yield
        finally:
            # Reverting keeps the pool, and what waits there would be mined in another test.
            self.rpc("anvil_dropAllTransactions")
            self.rpc("evm_revert", snapshot)
            self.automine(True)


def artefact(name: str) -> dict[str, Any]:
    """Read a compiled test contract."""
    loaded: dict[str, Any] = json.loads((ARTEFACTS / f"{name}.json").read_text())
    return loaded


def address(number: int) -> str:
    """Make up an address that nobody has."""
    return f"0x{0xC0FFEE << 100 | number:040x}"


def free_port() -> int:
    """Find a port that is free now."""
    with contextlib.closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@contextlib.contextmanager
def running_anvil(*options: str, chain_id: int = 31337, with_tokens: bool = True) -> Iterator[Anvil]:
    """Start Anvil on a free loopback port with a HOME of its own; stop it on leaving."""
    port = free_port()
    with tempfile.TemporaryDirectory() as home:
        command = [
            str(anvil_binary()),
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--chain-id",
            str(chain_id),
            "--silent",
        ]
        fork = [] if "--hardfork" in options else ["--hardfork", "prague"]
        process = subprocess.Popen([*command, *fork, *options], cwd=home, env={"HOME": home})
        try:
            anvil = Anvil(f"http://127.0.0.1:{port}")
            eventually(lambda: _answers(anvil), process)
            if with_tokens:
                anvil.tokens = tokens.deploy_tokens(anvil.url)
            yield anvil
        finally:
            process.kill()
            process.wait()


def eventually(
    condition: Callable[[], Any], process: "subprocess.Popen[bytes] | None" = None, seconds: float = 20
) -> Any:
    """Wait until the condition holds and return what it returned; fails after `seconds`, or when the process ends."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if result := condition():
            return result
        if process is not None and process.poll() is not None:
            raise AssertionError(f"the process ended with {process.returncode}")
        time.sleep(0.01)
    raise AssertionError("it did not happen in time")


def _answers(anvil: Anvil) -> bool:
    try:
        return bool(anvil.rpc("eth_chainId"))
    except OSError:
        return False


class TestClock:
    """A clock that stands until it is moved."""

    __test__ = False

    def __init__(self, now: int = 1_800_000_000_000) -> None:
        self._now = now

    def now(self) -> int:
        """Return unix milliseconds."""
        return self._now

    def wait(self, seconds: float) -> None:
        """Let `seconds` pass at once."""
        self._now += int(seconds * 1000)


Rule = Callable[[Any], "bytes | int | dict[str, Any] | None"]
"""Sees a decoded request; returns a raw body, an HTTP status, a JSON answer, or None to pass it on."""


class Proxy:
    """Passes JSON-RPC on to a node, unless a rule says otherwise; keeps what it saw."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.rule: Rule | None = None
        self.drop = False
        self.seen: list[Any] = []
        self.connections = 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Otherwise head and body leave as two packets, and each answer waits 40 ms for an acknowledgement.
            wbufsize = 65_536
            disable_nagle_algorithm = True

            def setup(self) -> None:
                proxy.connections += 1
                super().setup()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = json.loads(body)
                proxy.seen.append(request)
                if proxy.drop:
                    self.close_connection = True
                    return
                status, answer = proxy.answer(request, body)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, request: Any, body: bytes) -> tuple[int, bytes]:
        """Apply the rule, else ask the node."""
        ruled = self.rule(request) if self.rule else None
        if isinstance(ruled, int):
            return ruled, b"refused"
        if isinstance(ruled, bytes):
            return 200, ruled
        if ruled is not None:
            ids = [each["id"] for each in request] if isinstance(request, list) else [request["id"]]
            answers = [{"jsonrpc": "2.0", "id": number, **ruled} for number in ids]
            return 200, json.dumps(answers if isinstance(request, list) else answers[0]).encode()
        return 200, self.ask(body)

    def ask(self, body: bytes) -> bytes:
        """Ask the node itself."""
        return requests.post(self.upstream, data=body, headers={"Content-Type": "application/json"}, timeout=20).content

    def methods(self) -> list[str]:
        """Return the methods that were asked, in order, batches flattened."""
        return [
            each["method"] for request in self.seen for each in (request if isinstance(request, list) else [request])
        ]

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()


def refuse(method: str, message: str, code: int = -32000, when: Callable[[list[Any]], bool] = lambda _: True) -> Rule:
    """Make a rule that refuses one method with a node's words, where `when` holds of its parameters."""

    def rule(request: Any) -> dict[str, Any] | None:
        calls = request if isinstance(request, list) else [request]
        hit = any(call["method"] == method and when(call["params"]) for call in calls)
        return {"error": {"code": code, "message": message}} if hit else None

    return rule


def by_turns(*rules: Rule) -> Rule:
    """Apply one rule after the other, a request each: a balancer that strictly alternates between its nodes."""
    turns = itertools.cycle(rules)

    def rule(request: Any) -> Any:
        return next(turns)(request)

    return rule


def obedient(_: Any) -> None:
    """Be a rule that changes nothing."""


NETWORK: Network = load_networks(["anvil"])["anvil"]


def chain_at(*urls: str, clock: TestClock | None = None, network: Network = NETWORK) -> EvmChain:
    """Make a client whose clock stands."""
    return EvmChain(network, urls, clock or TestClock())


def asset(symbol: str) -> Asset:
    """Find an asset of the local chain, enabled or not."""
    return next(each for each in (NETWORK.coin, *NETWORK.tokens) if each.symbol == symbol)


def checksummed(text: str) -> str:
    """Spell an address by EIP-55."""
    return str(to_checksum_address(text))


def call_data(name: str, method: str, *arguments: Any) -> str:
    """Encode a call of a test contract's method; addresses are given as text, integers as they are."""
    abi = next(each for each in artefact(name)["abi"] if each.get("name") == method)
    types = [each["type"] for each in abi["inputs"]]
    selector = keccak(text=f"{method}({','.join(types)})")[:4]
    return "0x" + (selector + encode(types, arguments)).hex()


@pytest.fixture(scope="session")
def node() -> Iterator[Anvil]:
    """One Anvil with the local tokens for the whole session."""
    with running_anvil() as running:
        yield running


@pytest.fixture
def anvil(node: Anvil) -> Iterator[Anvil]:
    """The session's Anvil, as it was before each test."""
    with node.scratch():
        yield node


@pytest.fixture
def second(anvil: Anvil) -> Iterator[Proxy]:
    """Another proxy before the same Anvil: another host, as loopback goes."""
    made = Proxy(anvil.url)
    yield made
    made.close()


@pytest.fixture
def proxy(anvil: Anvil) -> Iterator[Proxy]:
    """A proxy before Anvil, obedient until it is given a rule."""
    made = Proxy(anvil.url)
    yield made
    made.close()
