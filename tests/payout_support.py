"""The contract that pays many, deployed to a node of the tests; and calls of it that are signed by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_utils.crypto import keccak

from ctrip.domain.chains.evm.pay_call import PayCall, approve_data, pay_data
from ctrip.domain.chains.evm.sweep_contracts import DEPLOYER, Creation, payout_batcher
from infra.stack import tokens, wallet
from tests.evm_support import Node, call_data, eventually

GAS_EACH = 60_000
TRANSFER = "0x" + keccak(text="Transfer(address,address,uint256)").hex()
SKIPPED = "0x" + keccak(text="Skipped(address,uint256)").hex()
SPENDING = 3  # the funded account that is the treasury


@dataclass(slots=True)
class Payer:
    """A treasury whose key the tests hold, and its contract."""

    node: Node
    index: int = SPENDING
    contract: Creation = field(init=False)

    def __post_init__(self) -> None:
        self.contract = payout_batcher(self.treasury.address)
        if self.node.rpc("eth_getCode", self.contract.address, "latest") == "0x":
            self.node.send(DEPLOYER, self.contract.call, gas=2_000_000)
        assert self.node.rpc("eth_getCode", self.contract.address, "latest") == self.contract.runtime

    @property
    def treasury(self) -> wallet.Account:
        """Return the treasury's account."""
        return wallet.funded(self.index)

    def approve(self, token: str) -> dict[str, Any]:
        """Let the contract take a token of the treasury's."""
        return self._mined(self.node.send(token, approve_data(self.contract.address), index=self.index))

    def pay(
        self,
        token: str | None,
        payments: Sequence[tuple[str, int]],
        *,
        value: int | None = None,
        gas: int | None = None,
        gas_each: int = GAS_EACH,
        index: int | None = None,
    ) -> dict[str, Any]:
        """Pay, and return the receipt."""
        data = pay_data(PayCall(token, tuple(payments), gas_each))
        sent = sum(amount for _, amount in payments) if token is None else 0
        most = 150_000 + len(payments) * (gas_each + 45_000)
        sender = self.index if index is None else index
        return self._mined(
            self.node.send(
                self.contract.address, data, value=sent if value is None else value, index=sender, gas=gas or most
            )
        )

    def _mined(self, sent: str) -> dict[str, Any]:
        receipt: dict[str, Any] = eventually(lambda: self.node.rpc("eth_getTransactionReceipt", sent))
        return receipt


def coin(node: Node, address: str) -> int:
    """Return what an address holds of the coin."""
    return int(node.rpc("eth_getBalance", address, "latest"), 16)


def paid(receipt: dict[str, Any], emitter: str, treasury: str) -> dict[str, int]:
    """Return what a receipt's logs of one contract say to have gone from the treasury, by recipient."""
    found: dict[str, int] = {}
    for log in receipt["logs"]:
        ours = log["address"].lower() == emitter.lower() and log["topics"][0] == TRANSFER
        if ours and log["topics"][1][26:] == treasury[2:].lower():
            to = "0x" + log["topics"][2][26:]
            found[to] = found.get(to, 0) + int(log["data"], 16)
    return found


def skipped(receipt: dict[str, Any]) -> list[str]:
    """Return who was not paid, by the contract's own events."""
    return ["0x" + log["topics"][1][26:] for log in receipt["logs"] if log["topics"][0] == SKIPPED]


__all__ = ["GAS_EACH", "SPENDING", "Payer", "call_data", "coin", "paid", "skipped", "tokens"]
