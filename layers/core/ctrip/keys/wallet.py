"""The mnemonic's keys: derived by bip-utils, signed by eth-account."""

from typing import Any

from bip_utils import Bip39SeedGenerator, Bip44, Bip44Changes, Bip44Coins
from eth_account import Account

from ctrip.domain.chains.bip32 import checksum
from ctrip.domain.chains.chain import Signed, Transaction


class MnemonicWallet:
    """A BIP-39 mnemonic's EVM keys."""

    def __init__(self, mnemonic: str) -> None:
        self._root = Bip44.FromSeed(Bip39SeedGenerator(mnemonic).Generate(), Bip44Coins.ETHEREUM).Purpose().Coin()
        self._accounts: dict[int, Any] = {}

    def account_xpub(self, account: int) -> str:
        """Return the extended public key of a hardened account."""
        return str(self._account(account).PublicKey().ToExtended())

    def address(self, path: str) -> str:
        """Derive an address, in EIP-55."""
        return str(self._node(path).PublicKey().ToAddress())

    def sign(self, path: str, transaction: Transaction) -> Signed:
        """Sign with the key at a path."""
        fields: dict[str, Any] = {
            "chainId": transaction.chain_id,
            "nonce": transaction.nonce,
            "to": checksum(transaction.to),
            "value": transaction.value,
            "data": transaction.data,
            "gas": transaction.gas,
        }
        if transaction.legacy:
            fields["gasPrice"] = transaction.max_fee
        else:
            fields |= {"maxFeePerGas": transaction.max_fee, "maxPriorityFeePerGas": transaction.priority_fee, "type": 2}
        signed = Account.sign_transaction(fields, self._node(path).PrivateKey().Raw().ToBytes())
        return Signed(
            "0x" + signed.raw_transaction.hex().removeprefix("0x"), "0x" + signed.hash.hex().removeprefix("0x")
        )

    def _account(self, account: int) -> Any:
        if account not in self._accounts:
            self._accounts[account] = self._root.Account(account)
        return self._accounts[account]

    def _node(self, path: str) -> Any:
        _, _, _, account, _, index = path.split("/")
        return self._account(int(account.rstrip("'"))).Change(Bip44Changes.CHAIN_EXT).AddressIndex(int(index))
