"""The contracts that sweep tokens, deployed to a node of the tests; and batches that are signed by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_account import Account as EthAccount
from eth_utils.address import to_checksum_address

from ctrip.domain.chains.evm.sweep_call import SweepCall, sweep_data
from ctrip.domain.chains.evm.sweep_contracts import DEPLOYER, SweepPair, sweep_pair
from infra.stack import wallet
from tests.evm_support import Node, eventually

TREASURY = wallet.Account("0x7777777777777777777777777777777777777777", "")
GAS_EACH = 60_000


def deploy(node: Node, pair: SweepPair) -> SweepPair:
    """Have the deterministic deployer create both contracts."""
    for creation in (pair.batcher, pair.delegate):
        if code_at(node, creation.address) != creation.runtime:  # the batcher is the same for every treasury
            node.send(DEPLOYER, creation.call)
        assert node.rpc("eth_getCode", creation.address, "latest") == creation.runtime
    return pair


def member(number: int) -> wallet.Account:
    """Return a deposit address of a merchant of the local wallet, with its key."""
    return wallet.derive(f"m/44'/60'/77'/0/{number}")


@dataclass(slots=True)
class Batches:
    """Sends batches from an operator of the tests' own through its pair of contracts."""

    node: Node
    operator: wallet.Account = field(default_factory=lambda: wallet.funded(3))
    treasury: str = TREASURY.address
    pair: SweepPair = field(init=False)

    def __post_init__(self) -> None:
        self.pair = deploy(self.node, sweep_pair(self.treasury, self.operator.address))

    def authorize(self, account: wallet.Account, **changes: Any) -> Any:
        """Sign an account's authorization of the delegate."""
        number = int(self.node.rpc("eth_getTransactionCount", account.address, "latest"), 16)
        chain_id = int(self.node.rpc("eth_chainId"), 16)
        wanted = {"chainId": chain_id, "address": self.pair.delegate.address, "nonce": number} | changes
        return EthAccount.sign_authorization(wanted, account.key)

    def send(
        self,
        token: str,
        members: Sequence[wallet.Account | str],
        authorizations: Sequence[Any] = (),
        *,
        gas: int | None = None,
        gas_each: int = GAS_EACH,
        sender: wallet.Account | None = None,
        batcher: str = "",
    ) -> dict[str, Any]:
        """Send a batch, and return its receipt."""
        accounts = tuple(each if isinstance(each, str) else each.address for each in members)
        data = sweep_data(SweepCall(token, accounts, gas_each))
        most = 60_000 + len(authorizations) * 25_000 + len(accounts) * (gas_each + 20_000)
        raw = self.signed(
            sender or self.operator, batcher or self.pair.batcher.address, data, authorizations, gas or most
        )
        return self.broadcast(raw)

    def broadcast(self, raw: str) -> dict[str, Any]:
        """Hand signed bytes over, and return the receipt once there is one."""
        sent = self.node.rpc("eth_sendRawTransaction", raw)
        self.node._settled(sent)
        receipt: dict[str, Any] = eventually(lambda: self.node.rpc("eth_getTransactionReceipt", sent))
        return receipt

    def signed(
        self,
        sender: wallet.Account,
        to: str,
        data: str,
        authorizations: Sequence[Any],
        gas: int,
        nonce: int | None = None,
    ) -> str:
        """Sign a transaction of type 4, or of type 2 where it authorizes nobody."""
        fields: dict[str, Any] = {
            "chainId": int(self.node.rpc("eth_chainId"), 16),
            "nonce": int(self.node.rpc("eth_getTransactionCount", sender.address, "latest"), 16)
            if nonce is None
            else nonce,
            "to": to_checksum_address(to),
            "value": 0,
            "data": data,
            "gas": gas,
            "maxFeePerGas": 2 * int(self.node.rpc("eth_gasPrice"), 16),
            "maxPriorityFeePerGas": 1,
            "type": 4 if authorizations else 2,
        }
        if authorizations:
            fields["authorizationList"] = list(authorizations)
        return "0x" + EthAccount.sign_transaction(fields, sender.key).raw_transaction.hex().removeprefix("0x")


def succeeded(receipt: dict[str, Any]) -> bool:
    """Whether a transaction was not reverted as a whole."""
    return int(receipt["status"], 16) == 1


def code_at(node: Node, address: str) -> str:
    """Return the code of an address."""
    return str(node.rpc("eth_getCode", address, "latest"))


__all__ = ["GAS_EACH", "TREASURY", "Batches", "code_at", "deploy", "eventually", "member", "succeeded"]
