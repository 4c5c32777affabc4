"""The machine behind the ledger: an Anvil that holds balances and contracts, and executes whatever code it is given.

One sun is one wei there, gas costs nothing, and a block is made only when the ledger asks for one: each transaction has
a block of its own, whose number is the ledger's *version*. So every state is there to be read: the newest, which holds
transactions that wait, and that of any block of the ledger's own chain.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.tron.wire import PREFIX

# What java-tron lets a constant call use (maxEnergyLimitForConstant).
CONSTANT_ENERGY = 100_000_000
_TRANSACTION_GAS = 2_000_000_000
_BASE, _ZERO_OCTET, _OCTET = 21_000, 4, 16  # what an EVM's transaction costs before its first step
_BATCH = 500


class EvmError(Exception):
    """Anvil refuses a request."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What a contract is told of the chain: the ledger's block, not Anvil's."""

    number: int
    time: int
    parent: str

    def overrides(self) -> dict[str, Any]:
        """Write it as Anvil reads it; times are milliseconds here, and seconds there."""
        hashes = {str(self.number - 1): f"0x{self.parent}"} if self.number else {}
        return {
            "number": hex(self.number),
            "time": hex(self.time // 1000),
            "baseFeePerGas": hex(100),
            "blockHash": hashes,
        }


@dataclass(frozen=True, slots=True)
class Internal:
    """One contract's call of another, in the order of their execution."""

    kind: str
    sender: bytes
    to: bytes
    value: int
    failed: bool


@dataclass(frozen=True, slots=True)
class Log:
    """What a contract has logged."""

    address: bytes
    topics: tuple[str, ...]
    data: str


@dataclass(frozen=True, slots=True)
class Run:
    """What became of executed code; `failure` is empty, "revert", "energy" or another of the machine's own words."""

    energy: int
    output: bytes = b""
    failure: str = ""
    logs: tuple[Log, ...] = ()
    internal: tuple[Internal, ...] = ()


@dataclass(slots=True)
class Evm:
    """A client of one Anvil that nobody else uses."""

    port: int
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _connection: http.client.HTTPConnection | None = None

    # -- state

    def version(self) -> int:
        """Return the newest block's number."""
        return int(self.rpc("eth_blockNumber"), 16)

    def step(self) -> int:
        """Make a block, and return its number: what is edited from now on belongs to it."""
        self.rpc("evm_mine")
        return self.version()

    def back_to(self, version: int) -> None:
        """Forget every block after this one."""
        if newer := self.version() - version:
            self.rpc("anvil_rollback", newer)

    def balance(self, address: bytes, version: int | None = None) -> int:
        """Return what an account has, in sun."""
        return int(self.rpc("eth_getBalance", *balance_params(address, version)), 16)

    def credit(self, address: bytes, amount: int) -> None:
        """Change what an account has, in the newest block's state."""
        if amount:
            self.rpc("anvil_setBalance", _hex(address), hex(self.balance(address) + amount))

    def has_code(self, address: bytes, version: int | None = None) -> bool:
        """Whether a contract stands at an address."""
        return bool(self.rpc("eth_getCode", *balance_params(address, version)) != "0x")

    def code(self, address: bytes, version: int | None = None) -> str:
        """Return a contract's code, in hexadecimal digits."""
        return str(self.rpc("eth_getCode", *balance_params(address, version)))[2:]

    def place(self, address: bytes, code: str) -> None:
        """Put code at an address."""
        self.rpc("anvil_setCode", _hex(address), code)

    # -- execution

    def transact(self, sender: bytes, to: bytes, value: int, data: bytes) -> int:
        """Execute a call for good, whoever's it is; return the version that it makes."""
        call = {**_call(sender, to, value, data), "gas": hex(_TRANSACTION_GAS), "gasPrice": "0x0"}
        tx_hash = self.rpc("eth_sendTransaction", call)
        version = self.step()
        if self.rpc("eth_getTransactionReceipt", tx_hash)["status"] != "0x1":
            raise EvmError("a call that succeeded when it was tried has failed")
        return version

    def run(
        self,
        sender: bytes,
        to: bytes,
        data: bytes,
        environment: Environment,
        *,
        version: int | None = None,
        value: int = 0,
        energy: int = CONSTANT_ENERGY,
        code: bytes | None = None,
    ) -> Run:
        """Execute a call and forget it; `code` stands at `to` for this once: so runs what is no contract's."""
        gas = energy + intrinsic(data)
        options: dict[str, Any] = {
            "tracer": "callTracer",
            "tracerConfig": {"withLog": True},
            "blockOverrides": environment.overrides(),
        }
        if code is not None:
            options["stateOverrides"] = {_hex(to): {"code": "0x" + code.hex()}}
        call = {**_call(sender, to, value, data), "gas": hex(gas)}
        return _run(self.rpc("debug_traceCall", call, _tag(version), options), intrinsic(data), energy)

    # -- the wire

    def rpc(self, method: str, *params: Any) -> Any:
        """Make one call."""
        return _result(self._post({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))

    def batch(self, calls: Sequence[tuple[str, list[Any]]]) -> Iterator[Any]:
        """Make calls together; one that fails has its `EvmError` in place of the result."""
        for start in range(0, len(calls), _BATCH):
            part = calls[start : start + _BATCH]
            asked = [
                {"jsonrpc": "2.0", "id": place, "method": method, "params": params}
                for place, (method, params) in enumerate(part)
            ]
            answers = {answer["id"]: answer for answer in self._post(asked)}
            for place in range(len(part)):
                try:
                    yield _result(answers[place])
                except EvmError as exc:
                    yield exc

    def _post(self, body: Any) -> Any:
        with self._lock:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            try:
                self._connection.request("POST", "/", json.dumps(body), {"Content-Type": "application/json"})
                return json.loads(self._connection.getresponse().read())
            except (OSError, http.client.HTTPException, ValueError):
                self.close()
                raise

    def close(self) -> None:
        """Let the connection go."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def balance_params(address: bytes, version: int | None) -> list[Any]:
    """Name an account at a version, as most of Anvil's methods want it."""
    return [_hex(address), _tag(version)]


def call_params(to: bytes, data: bytes, environment: Environment, version: int | None) -> list[Any]:
    """Write an `eth_call` in the ledger's own surroundings."""
    call = {"to": _hex(to), "data": "0x" + data.hex(), "gas": hex(CONSTANT_ENERGY + intrinsic(data))}
    return [call, _tag(version), {}, environment.overrides()]


def intrinsic(data: bytes) -> int:
    """Return the gas that an EVM takes before the first step, which Tron knows nothing of."""
    return _BASE + sum(_OCTET if octet else _ZERO_OCTET for octet in data)


def _call(sender: bytes, to: bytes, value: int, data: bytes) -> dict[str, Any]:
    return {"from": _hex(sender), "to": _hex(to), "value": hex(value), "data": "0x" + data.hex()}


def _hex(address: bytes) -> str:
    return "0x" + address[-20:].hex()


def _tag(version: int | None) -> str:
    return "latest" if version is None else hex(version)


def _result(answer: Mapping[str, Any]) -> Any:
    if "error" in answer:
        raise EvmError(str(answer["error"].get("message")))
    return answer.get("result")


def _run(trace: Mapping[str, Any], before: int, limit: int) -> Run:
    error = str(trace.get("error", ""))
    energy = max(int(trace["gasUsed"], 16) - before, 0)
    failure = "" if not error else _failure(error)
    logs = [] if failure else sorted(_logs(trace), key=lambda each: each[0])
    return Run(
        energy=limit if failure == "energy" else energy,
        output=bytes.fromhex(trace.get("output", "0x")[2:]),
        failure=failure,
        logs=tuple(log for _, log in logs),
        internal=tuple(_internal(trace.get("calls", []), bool(failure))),
    )


def _failure(error: str) -> str:
    folded = error.lower()
    if "revert" in folded:
        return "revert"
    return "energy" if "gas" in folded else folded


def _logs(frame: Mapping[str, Any]) -> Iterator[tuple[int, Log]]:
    """Give the logs that stay: those of calls that failed are undone."""
    if frame.get("error"):
        return
    for each in frame.get("logs", []):
        topics = tuple(topic[2:] for topic in each.get("topics", []))
        yield int(each.get("index", "0x0"), 16), Log(_octets(each["address"]), topics, each.get("data", "0x")[2:])
    for call in frame.get("calls", []):
        yield from _logs(call)


def _internal(calls: Sequence[Mapping[str, Any]], failed: bool) -> Iterator[Internal]:
    for call in calls:
        here = failed or bool(call.get("error"))
        value = int(call.get("value") or "0x0", 16)
        kind = "create" if call["type"].startswith("CREATE") else "call"
        yield Internal(kind, _octets(call["from"]), _octets(call.get("to") or "0x" + "00" * 20), value, here)
        yield from _internal(call.get("calls", []), here)


def _octets(address: str) -> bytes:
    return bytes.fromhex(address[2:])


def long(address: bytes) -> str:
    """Write an address as nodes do, with its prefix."""
    return (PREFIX + address).hex()
