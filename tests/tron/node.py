"""A stand-in as its tests use it: asked over HTTP, changed from within."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import Any

import httpx

from ctrip.domain.chains.evm.keccak import keccak
from ctrip.domain.chains.tron.addresses import decoded, encoded
from infra.tron import standin, token, wire
from infra.tron.keys import Key, signed
from infra.tron.options import Options
from infra.tron.standin import StandIn

TRX = 1_000_000
NOBODY = "41" + "00" * 20
SPLITTER = encoded(bytes(18) + b"\x05\x05")
ALICE, BOB, CAROL = Key.of("alice"), Key.of("bob"), Key.of("carol")
SINK, LENDER = Key.of("sink"), Key.of("lender")
BANK = standin.bank()


@dataclass(slots=True)
class Node:
    """One stand-in, and a client of it."""

    standin: StandIn
    http: httpx.Client

    def ask(self, path: str, **asked: Any) -> Any:
        """Ask one path, and return what it answers."""
        answer = self.http.post(path, json=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def rpc(self, method: str, *params: Any, side: str = "/jsonrpc") -> Any:
        """Make one JSON-RPC call, and return the whole answer."""
        return self.ask(side, jsonrpc="2.0", id=1, method=method, params=list(params))

    def send(self, octets: bytes) -> Any:
        """Broadcast a transaction's octets."""
        return self.ask("/wallet/broadcasthex", transaction=octets.hex())

    def offer(self, key: Key, call: wire.Call, *signers: Key, **fields: Any) -> Any:
        """Write, sign and broadcast; the signers are others than the owner where they are named."""
        return self.send(signed(self.standin.write(call, **fields), *(signers or (key,))))

    def balance(self, address: str, *, solid: bool) -> int:
        """Return an account's TRX as one side shows them."""
        side = "walletsolidity" if solid else "wallet"
        return int(self.ask(f"/{side}/getaccount", address=address, visible=True).get("balance", 0))

    def constant(self, owner: str, contract: str, text: str, *words: int, solid: bool = False) -> Any:
        """Call a contract by the text of its function."""
        side = "walletsolidity" if solid else "wallet"
        return self.ask(
            f"/{side}/triggerconstantcontract",
            owner_address=owner,
            contract_address=contract,
            function_selector=text,
            parameter="".join(f"{word:064x}" for word in words),
            visible=True,
        )

    def probe(self, *addresses: str, contract: str | None = None, solid: bool = True) -> Any:
        """Read balances by the gateway's own probe."""
        side = "walletsolidity" if solid else "wallet"
        return self.ask(f"/{side}/triggerconstantcontract", owner_address=NOBODY, data=probe_data(addresses, contract))

    def info(self, tx_id: str, *, solid: bool = False) -> Any:
        """Return what is told of a mined transaction."""
        return self.ask(f"/wallet{'solidity' if solid else ''}/gettransactioninfobyid", value=tx_id)

    def spend_free_bytes(self, key: Key) -> None:
        """Have an account use up its free bytes of the day."""
        self.standin.grant(SINK.address, 1)
        self.standin.grant(key.address, 2)
        for _ in range(2):
            self.standin.pay(key, SINK.address, 1)


@contextmanager
def running_node(**options: Any) -> Iterator[Node]:
    """Run a stand-in for the time of the block."""
    with standin.running(Options(**options)) as running, httpx.Client(base_url=running.url, timeout=30) as client:
        yield Node(running, client)


def probe_data(addresses: tuple[str, ...], contract: str | None) -> str:
    """Write the code of the gateway's probe, with what it is to read."""
    text = resources.files("ctrip").joinpath("contracts", "TronProbe.json").read_text()
    asset = decoded(contract) if contract else bytes(20)
    group = asset + len(addresses).to_bytes(4, "big") + b"".join(map(decoded, addresses))
    return str(json.loads(text)["bytecode"]).removeprefix("0x") + group.hex()


def words(answer: Any) -> list[int]:
    """Read a constant call's answer word by word."""
    (text,) = answer["constant_result"]
    return [int(text[start : start + 64], 16) for start in range(0, len(text), 64)]


def selector(text: str) -> bytes:
    """Return the first four octets of a function's hash."""
    return keccak(text.encode())[:4]


def call_data(text: str, *given: int) -> bytes:
    """Write the call of a function whose parameters are words."""
    return selector(text) + b"".join(word.to_bytes(32, "big") for word in given)


def word(key: Key | str) -> int:
    """Return an address as a number, as contracts read it."""
    return int.from_bytes(decoded(key if isinstance(key, str) else key.address), "big")


def coins(key: Key, to: Key | str, amount: int) -> wire.Call:
    """Write a transfer of TRX."""
    where = decoded(to) if isinstance(to, str) else to.short
    return wire.Call(kind=wire.TRANSFER, owner=key.short, to=where, amount=amount)


def units(key: Key, to: Key, amount: int) -> wire.Call:
    """Write a transfer of the token."""
    data = call_data("transfer(address,uint256)", word(to), amount)
    return wire.Call(kind=wire.TRIGGER, owner=key.short, to=decoded(token.USDT), data=data)
