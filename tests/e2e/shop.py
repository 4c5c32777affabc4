"""A shop that sells through the gateway, and its buyers: HTTP and the chain's RPC, nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx

from infra.commands.pay import PAYER, pay
from infra.stack import tokens, wallet
from infra.stack.handle import Gateway
from infra.stack.receiver import Receiver
from infra.tools.process import ROOT
from tests.e2e.stack import eventually

WAIT = 45
ZERO = "0x" + "0" * 40


@dataclass
class Shop:
    """One merchant with one webhook receiver."""

    gateway: Gateway
    receiver: Receiver

    @property
    def http(self) -> httpx.Client:
        """The merchant's HTTP client, with its key."""
        return self.gateway.http

    @property
    def chain(self) -> dict[str, Any]:
        """What gateway.json says of the local chain."""
        return self.gateway.chain()

    def ask(self, **wanted: Any) -> dict[str, Any]:
        """Create a payment on Anvil whose events come to the shop's receiver."""
        return self.gateway.create(**{"chain": "anvil", "webhook_url": self.receiver.url} | wanted)

    def read(self, payment: dict[str, Any]) -> dict[str, Any]:
        """Read a payment as it is now."""
        return self.gateway.read(payment["id"])

    def pay(self, payment: dict[str, Any], amount: int | None = None) -> str:
        """Pay a payment, or a part of it, from one of Anvil's accounts."""
        return pay(self.gateway, payment, amount)

    def told(self, payment: dict[str, Any], event: str, receiver: Receiver | None = None) -> dict[str, Any]:
        """Wait for a verified event of a payment, and return its data."""
        heard = receiver or self.receiver
        if not heard.wait_for(payment["id"], f"payment.{event}", WAIT):
            now = self.read(payment)
            raise AssertionError(f"no payment.{event} in {WAIT} s; {now['status']}, {heard.heard(payment['id'])}")
        return dict(next(e for e in heard.of(payment["id"]) if e["type"] == f"payment.{event}")["data"])

    def becomes(self, payment: dict[str, Any], **wanted: Any) -> dict[str, Any]:
        """Wait until the API shows a payment so."""

        def shown() -> dict[str, Any] | None:
            now = self.read(payment)
            return now if all(now[name] == value for name, value in wanted.items()) else None

        return dict(eventually(shown, WAIT, f"{wanted} of {payment['id']}"))

    def rpc(self, method: str, *params: Any) -> Any:
        """Ask the chain."""
        return tokens.rpc(self.chain["rpc_url"], method, *params)

    def receipt(self, tx_hash: str) -> dict[str, Any]:
        """Wait until a transaction is mined."""
        return tokens.mined(self.chain["rpc_url"], tx_hash)

    def balance(self, address: str, symbol: str, block: str = "latest") -> int:
        """Read a balance from the chain itself."""
        if symbol == "ETH":
            return int(self.rpc("eth_getBalance", address, block), 16)
        call = {"to": self.chain["tokens"][symbol]["address"], "data": f"0x70a08231{address[2:].lower():0>64}"}
        return int(self.rpc("eth_call", call, block), 16)

    def treasury(self, symbol: str) -> int:
        """Read what the treasury has."""
        return self.balance(self.chain["treasury"], symbol)

    def deploy(self, name: str) -> str:
        """Deploy one of the test contracts that take no arguments."""
        code = json.loads((ROOT / "infra" / "contracts" / "artefacts" / f"{name}.json").read_text())["bytecode"]
        tx_hash = tokens.send(self.chain["rpc_url"], wallet.funded(2), to=None, data=code, gas=4_000_000)
        return str(self.receipt(tx_hash)["contractAddress"])

    def call(self, contract: str, signature: str, address: str, value: int = 0) -> str:
        """Call a contract's method that takes one address, with coin."""
        from eth_utils.crypto import keccak

        data = f"0x{keccak(text=signature)[:4].hex()}{address[2:].lower():0>64}"
        return tokens.send(self.chain["rpc_url"], wallet.funded(2), to=contract, value=value, data=data)

    def mine_what_is_sent(self) -> None:
        """Mine until nothing that the buyers sent waits; a block taken away later holds none of it."""

        def mined() -> bool:
            self.rpc("anvil_mine", "0x1")
            buyers = [wallet.funded(index).address for index in (PAYER, 2)]
            counts = [
                [self.rpc("eth_getTransactionCount", each, at) for at in ("latest", "pending")] for each in buyers
            ]
            return all(latest == pending for latest, pending in counts)

        eventually(mined, WAIT, "an empty pool")

    def let_pass(self, seconds: int) -> None:
        """Have the chain's clock jump ahead; the deadline of a payment is measured by it alone."""
        self.rpc("evm_increaseTime", seconds)
