"""Sign, after comparing everything that could have been swapped: sender, destination, amount of gas money."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ctrip.domain.chain import Signed, Transaction
from ctrip.domain.errors import SigningRefused
from ctrip.domain.sweep import transfer_destination
from ctrip.domain.treasury import own_address

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
    """A `Signer` that signs nothing but sweeps to the treasury and gas for our own addresses.

    `wallet` opens the wallet when it is first needed; `treasuries` are by chain id; `gas_cap` is the most the gas
    station gives at a time, `fee_cap` the most that a transaction may cost.
    """

    wallet: Callable[[], Wallet]
    treasuries: Mapping[int, str]
    gas_cap: int
    fee_cap: int = 10**17

    def account_xpub(self, account: int) -> str:
        """Return a merchant's extended public key (account 0 is the operator's own)."""
        if not 0 <= account < 2**31:
            raise SigningRefused("the account is out of range")
        return self.wallet().account_xpub(account)

    def sign(self, path: str, sender: str, transaction: Transaction, *, recipient_path: str | None = None) -> Signed:
        """Derive, compare, sign; raises `SigningRefused` with the comparison that failed."""
        account, index = _parse(path)
        if transaction.gas * transaction.max_fee > self.fee_cap:
            raise SigningRefused(f"a transaction may cost at most {self.fee_cap}")
        wallet = self.wallet()
        if wallet.address(path).lower() != sender.lower():
            raise SigningRefused("the sender is not the address at its path")
        if account == 0:
            self._check_gas(wallet, (account, index), transaction, recipient_path)
        else:
            self._check_sweep(wallet, account, transaction)
        return wallet.sign(path, transaction)

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
        if transaction.value > self.gas_cap:
            raise SigningRefused(f"the gas station gives at most {self.gas_cap} at a time")


def _parse(path: str) -> tuple[int, int]:
    match = _PATH.fullmatch(path)
    if match is None:
        raise SigningRefused("the path is not one of ours")
    return int(match.group(1)), int(match.group(2))
