"""Sign, after comparing everything that could have been swapped: sender, destination, amount of gas money."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.chain import Signed, Transaction
from ctrip.domain.errors import SigningRefused
from ctrip.domain.sweeping.sweep import transfer_destination
from ctrip.domain.sweeping.treasury import own_address

_PATH = re.compile(r"m/44'/60'/([0-9]{1,9})'/0/([0-9]{1,9})", re.ASCII)
GAS_STATION = (0, 1)


class Wallet(Protocol):
    """The mnemonic's keys, each at its path."""

    def account_xpub(self, account: int) -> str:
        """Return the extended public key of a hardened account."""
        ...

    def address(self, path: str) -> str:
        """Derive an address."""
        ...

    def sign(self, path: str, transaction: Transaction) -> Signed:
        """Sign with the key at a path."""
        ...


@dataclass(frozen=True, slots=True)
class GuardedSigner:
    """A `Signer` that signs nothing but sweeps to the treasury, gas for our own addresses, and what cancels a sweep.

    `wallet` opens the wallet when it is first needed; `treasuries` are by chain id. `networks` are the enabled ones:
    what the gas station may give at a time, and what a transaction may cost, is its own chain's, whatever the request
    says.
    """

    wallet: Callable[[], Wallet]
    treasuries: Mapping[int, str]
    networks: Sequence[Network]

    def account_xpub(self, account: int) -> str:
        """Return a merchant's extended public key (account 0 is the operator's own)."""
        if not 0 <= account < 2**31:
            raise SigningRefused("the account is out of range")
        return self.wallet().account_xpub(account)

    def sign(self, path: str, sender: str, transaction: Transaction, *, recipient_path: str | None = None) -> Signed:
        """Derive, compare, sign; raises `SigningRefused` with the comparison that failed."""
        account, index = _parse(path)
        network = self._network(transaction.chain_id)
        if transaction.gas * transaction.max_fee > network.fee_cap:
            raise SigningRefused(f"a transaction on {network.name} may cost at most {network.fee_cap}")
        wallet = self.wallet()
        if wallet.address(path).lower() != sender.lower():
            raise SigningRefused("the sender is not the address at its path")
        if account == 0:
            self._check_gas(wallet, (account, index), transaction, recipient_path)
            if transaction.value > network.gas_funding_cap:
                raise SigningRefused(f"the gas station gives at most {network.gas_funding_cap} at a time")
        elif not _cancels(sender, transaction):
            self._check_sweep(wallet, account, transaction)
        return wallet.sign(path, transaction)

    def _network(self, chain_id: int) -> Network:
        found = next((each for each in self.networks if each.chain_id == chain_id), None)
        if found is None:
            raise SigningRefused("the transaction's chain is not enabled")
        return found

    def _check_sweep(self, wallet: Wallet, account: int, transaction: Transaction) -> None:
        treasury = self.treasuries.get(transaction.chain_id, "")
        if not treasury:
            raise SigningRefused("no treasury is configured for this chain")
        for each in (0, account):
            if whose := own_address(treasury, each, wallet.account_xpub(each)):
                raise SigningRefused(f"the treasury is refused: {whose}")
        plain = transaction.data == "0x"
        if not plain and transaction.value:
            raise SigningRefused("a token transfer carries no coin")
        destination = transaction.to if plain else transfer_destination(transaction.data)
        if destination.lower() != treasury.lower():
            raise SigningRefused("deposits are swept to the treasury only")

    def _check_gas(
        self, wallet: Wallet, source: tuple[int, int], transaction: Transaction, recipient: str | None
    ) -> None:
        if source != GAS_STATION:
            raise SigningRefused("of the operator's keys only the gas station's signs")
        if recipient is None or _parse(recipient)[0] == 0 or transaction.data != "0x":
            raise SigningRefused("the gas station gives coin to deposit addresses only")
        if wallet.address(recipient).lower() != transaction.to.lower():
            raise SigningRefused("the recipient is not the address at its path")


def _cancels(sender: str, transaction: Transaction) -> bool:
    """Whether it only uses a nonce: it moves nothing, and goes to the sender itself."""
    return transaction.to.lower() == sender.lower() and transaction.value == 0 and transaction.data == "0x"


def _parse(path: str) -> tuple[int, int]:
    match = _PATH.fullmatch(path)
    if match is None:
        raise SigningRefused("the path is not one of ours")
    return int(match.group(1)), int(match.group(2))
