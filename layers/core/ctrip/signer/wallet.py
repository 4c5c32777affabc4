"""The mnemonic's keys: derived by bip-utils, each chain kind with its own coin type; signed as the kind signs."""

from collections.abc import Callable, Sequence
from typing import Any

from bip_utils import Bip32Slip10Secp256k1, Bip39SeedGenerator

from ctrip.domain.chains.acts import Signed
from ctrip.domain.chains.bip32 import ExtendedKey
from ctrip.domain.chains.kinds import KINDS, account_path
from ctrip.signer import evm, tron
from ctrip.signer.generations import Generation, of_account

# By chain kind: makes signed bytes of a private key, or of what signs like one, and an unsigned transaction of the
# kind, which may name the paths of more keys.
SIGN: dict[str, Callable[[Any, Any, Callable[[str], bytes]], Signed]] = {"evm": evm.sign, "tron": tron.sign}


class MnemonicWallet:
    """A BIP-39 mnemonic's keys."""

    def __init__(self, mnemonic: str) -> None:
        self._root = Bip32Slip10Secp256k1.FromSeed(Bip39SeedGenerator(mnemonic).Generate())
        self._accounts: dict[str, Any] = {}

    def account_xpub(self, kind: str, account: int) -> str:
        """Return the extended public key of a hardened account, at the coin type of a chain kind."""
        return str(self._account(account_path(KINDS[kind], account)).PublicKey().ToExtended())

    def address(self, kind: str, path: str) -> str:
        """Derive the address of the key at a path, in the form that people see."""
        public = self._node(path).PublicKey()
        return KINDS[kind].address_of(
            ExtendedKey(public.RawCompressed().ToBytes(), public.ChainCode().ToBytes(), path.count("/"))
        )

    def sign(self, kind: str, path: str, transaction: Any) -> Signed:
        """Sign with the key at a path."""
        return SIGN[kind](self.key(path), transaction, self.key)

    def key(self, path: str) -> bytes:
        """Derive the private key at a path."""
        return bytes(self._node(path).PrivateKey().Raw().ToBytes())

    def _account(self, path: str) -> Any:
        if path not in self._accounts:
            self._accounts[path] = self._root.DerivePath(path)
        return self._accounts[path]

    def _node(self, path: str) -> Any:
        account, change, index = path.rsplit("/", 2)
        return self._account(account).DerivePath(f"{change}/{index}")


class RotatedWallet:
    """The keys of several mnemonics: each account's are those of the generation that gave it."""

    def __init__(self, generations: Sequence[Generation]) -> None:
        self._generations = generations
        self._wallets = [MnemonicWallet(each.mnemonic) for each in generations]

    def account_xpub(self, kind: str, account: int) -> str:
        """Return the extended public key of a hardened account."""
        return self._wallets[of_account(self._generations, account)].account_xpub(kind, account)

    def address(self, kind: str, path: str) -> str:
        """Derive the address of the key at a path."""
        return self._at(path).address(kind, path)

    def sign(self, kind: str, path: str, transaction: Any) -> Signed:
        """Sign with the key at a path; each of the other keys that a transaction names is its own generation's."""
        return SIGN[kind](self.key(path), transaction, self.key)

    def key(self, path: str) -> bytes:
        """Derive the private key at a path."""
        return self._at(path).key(path)

    def _at(self, path: str) -> MnemonicWallet:
        account = int(path.split("/")[3].removesuffix("'"))
        return self._wallets[of_account(self._generations, account)]
