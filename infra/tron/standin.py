"""Starts the stand-in: an Anvil of its own behind it, the first accounts, the token, and its port."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ctrip.domain.chains.tron.addresses import decoded
from infra.tools import npm
from infra.tools.errors import Failed
from infra.tools.ports import HOST, free_ports
from infra.tools.process import ROOT, base_env
from infra.tron import control, token, wire
from infra.tron.evm import Evm
from infra.tron.keys import Key, signed
from infra.tron.ledger import Clock, Ledger, wall_clock
from infra.tron.options import Options
from infra.tron.server import serving

RICH = 10**16
"""What the bank has in the beginning, in sun: ten thousand million TRX."""

EXPIRY_MS = 600_000
_FEE_LIMIT = 1_000_000_000
_WAIT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Beginning:
    """What accounts have in the first block but one: sun, and units of the token."""

    coins: Mapping[str, int] = field(default_factory=dict)
    units: Mapping[str, int] = field(default_factory=dict)


NOTHING = Beginning()


def bank() -> Key:
    """Return the account that has everything in the beginning: all TRX, and all of the token, which is its own."""
    return Key.of("bank")


@dataclass(slots=True)
class StandIn:
    """A stand-in that answers, for tests within the same process; what changes it takes the ledger's lock."""

    ledger: Ledger
    url: str
    _written: int = 0

    @property
    def entry(self) -> dict[str, str]:
        """Return how a stage's RPC secret lists it."""
        return {"full": self.url, "solid": self.url, "jsonrpc": f"{self.url}/solid/jsonrpc"}

    def mine(self, count: int = 1, *, seconds: int | None = None) -> None:
        """Make blocks."""
        with self.ledger.lock:
            self.ledger.mine(count, seconds=seconds)

    def settle(self) -> None:
        """Make what was sent final."""
        self.mine(self.ledger.options.lag + 1)

    def fault(self, **wanted: Any) -> None:
        """Have things go wrong (`options.Faults`)."""
        with self.ledger.lock:
            self.ledger.faults.change(wanted)

    def grant(self, address: str, amount: int) -> None:
        """Give an account TRX out of nothing."""
        with self.ledger.lock:
            self.ledger.world.grant(decoded(address), amount, self.ledger.head.time)

    def place(self, address: str, contract: str) -> None:
        """Put one of the stand-in's contracts at an address."""
        with self.ledger.lock:
            self.ledger.world.place(decoded(address), token.runtime(contract), self.ledger.head.time)

    def factor(self, address: str, factor: int) -> None:
        """Have a busy contract's calls cost more, by ten-thousandths."""
        with self.ledger.lock:
            self.ledger.world.factors[decoded(address)] = factor

    def write(self, call: wire.Call, *, solid: bool = True, **fields: Any) -> bytes:
        """Write a transaction's `raw_data`; it names the newest final block, and expires in ten minutes."""
        with self.ledger.lock:
            block = self.ledger.solid if solid else self.ledger.head
            now = self.ledger.head.time
            self._written += 1
        named = bytes.fromhex(block.id)
        given: dict[str, Any] = {
            "ref_bytes": named[6:8],
            "ref_hash": named[8:16],
            "expiration": now + EXPIRY_MS,
            "timestamp": now + self._written,  # so that no two are one transaction
        }
        return wire.write_raw(call, **(given | fields))

    def send(self, key: Key, call: wire.Call, **fields: Any) -> str:
        """Broadcast a transaction, and return its id; raises `Refusal`."""
        octets = signed(self.write(call, **fields), key)
        with self.ledger.lock:
            return self.ledger.broadcast(octets).tx_id

    def pay(self, key: Key, to: str, amount: int, **fields: Any) -> str:
        """Send TRX."""
        return self.send(key, wire.Call(kind=wire.TRANSFER, owner=key.short, to=decoded(to), amount=amount), **fields)

    def pay_token(self, key: Key, to: str, amount: int, *, contract: str = token.USDT, **fields: Any) -> str:
        """Send a token's units."""
        data = bytes.fromhex("a9059cbb") + decoded(to).rjust(32, b"\0") + amount.to_bytes(32, "big")
        return self.trigger(key, contract, data, **fields)

    def trigger(self, key: Key, contract: str, data: bytes, *, value: int = 0, **fields: Any) -> str:
        """Call a contract."""
        call = wire.Call(kind=wire.TRIGGER, owner=key.short, to=decoded(contract), amount=value, data=data)
        return self.send(key, call, **({"fee_limit": _FEE_LIMIT} | fields))

    def state(self) -> dict[str, Any]:
        """Say how it stands."""
        with self.ledger.lock:
            return control.state(self.ledger)


@contextmanager
def running(
    options: Options | None = None,
    *,
    port: int = 0,
    clock: Clock = wall_clock,
    tools: Path = ROOT / ".tools",
    say: Callable[[str], None] = print,
    begin: Beginning = NOTHING,
) -> Iterator[StandIn]:
    """Run one for the time of the block."""
    with ExitStack() as stack:
        evm = stack.enter_context(_machine(options or Options(), tools, say))
        ledger = new(evm, options or Options(), clock, begin)
        bound = stack.enter_context(serving(ledger, port))
        if ledger.options.own_pace:
            stack.enter_context(_paced(ledger))
        yield StandIn(ledger, f"http://{HOST}:{bound}")


def new(evm: Evm, options: Options, clock: Clock = wall_clock, begin: Beginning = NOTHING) -> Ledger:
    """Begin a chain on an empty machine."""
    evm.rpc("anvil_autoImpersonateAccount", True)
    owner, now = bank().short, clock()
    evm.step()
    evm.credit(owner, RICH)
    token.place(evm, owner)
    ledger = Ledger(evm, options, clock)
    version = ledger.head.version
    ledger.world.activate(owner, version, now)
    ledger.world.contract(decoded(token.USDT), version, now)
    for address, amount in begin.coins.items():
        ledger.world.grant(decoded(address), amount, now)
    for address, amount in begin.units.items():
        token.give(evm, owner, decoded(address), amount)
    ledger.mine()
    return ledger


@contextmanager
def _machine(options: Options, tools: Path, say: Callable[[str], None]) -> Iterator[Evm]:
    given = os.environ.get("CTRIP_ANVIL")
    binary = Path(given) if given else npm.anvil(tools, say)
    with tempfile.TemporaryDirectory(prefix="ctrip-tron-") as home:
        (port,) = free_ports(1)
        command = [binary, "--host", HOST, "--port", str(port), "--chain-id", str(options.chain_id)]
        command += ["--no-mining", "--accounts", "0", "--base-fee", "0", "--gas-price", "0", "--hardfork", "cancun"]
        command += ["--gas-limit", str(10**12), "--silent"]
        process = subprocess.Popen(
            [str(part) for part in command],
            env=base_env() | {"HOME": home},
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with closing(Evm(port)) as evm:
                _await(evm, process)
                yield evm
        finally:
            process.terminate()
            process.wait()


def _await(evm: Evm, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _WAIT_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            evm.version()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise Failed("the Anvil behind the Tron stand-in does not answer")


@contextmanager
def _paced(ledger: Ledger) -> Iterator[None]:
    """Make a block whenever it is time."""
    over = threading.Event()

    def mine() -> None:
        while not over.wait(max(ledger.head.time + ledger.options.block_ms - ledger.clock(), 0) / 1000):
            with ledger.lock:
                ledger.mine()

    thread = threading.Thread(target=mine, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
