"""The signer's own key: it signs which extended public key a merchant receives at."""

from collections.abc import Sequence

from bip_utils import Bip32Slip10Secp256k1, Bip39SeedGenerator
from coincurve import PrivateKey

# Purpose 13 is SLIP-13's, authentication; all hardened, so that no account's key leads to it.
AUTHORITY_PATH = "m/13'/60'/0'"


class KeyAuthority:
    """Signs with ECDSA on secp256k1, deterministically (RFC 6979); the key follows from the mnemonic.

    What the keys of `former` mnemonics have signed is known again, so that it can be signed anew.
    """

    def __init__(self, mnemonic: str, former: Sequence[str] = ()) -> None:
        self._key = _key_of(mnemonic)
        self._former = tuple(former)

    @property
    def verifying_key(self) -> str:
        """Return the compressed public key, in hexadecimal."""
        return self._key.public_key.format(compressed=True).hex()

    @property
    def every_key(self) -> str:
        """Return the public keys of this mnemonic and of the former ones, by comma."""
        former = [_key_of(each).public_key.format(compressed=True).hex() for each in self._former]
        return ",".join([self.verifying_key, *former])

    def sign(self, statement: bytes) -> str:
        """Sign a statement's SHA-256; the signature is DER, in hexadecimal."""
        return self._key.sign(statement).hex()

    def signed_before(self, statement: bytes, signature: str) -> bool:
        """Whether the key of a former mnemonic has signed a statement."""
        return any(_key_of(each).sign(statement).hex() == signature for each in self._former)


def _key_of(mnemonic: str) -> PrivateKey:
    node = Bip32Slip10Secp256k1.FromSeed(Bip39SeedGenerator(mnemonic).Generate()).DerivePath(AUTHORITY_PATH)
    return PrivateKey(node.PrivateKey().Raw().ToBytes())
