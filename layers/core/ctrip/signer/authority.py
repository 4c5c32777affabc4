"""The signer's own key: it signs which extended public key a merchant receives at."""

from bip_utils import Bip32Slip10Secp256k1, Bip39SeedGenerator
from coincurve import PrivateKey

# Purpose 13 is SLIP-13's, authentication; all hardened, so that no account's key leads to it.
AUTHORITY_PATH = "m/13'/60'/0'"


class KeyAuthority:
    """Signs with ECDSA on secp256k1, deterministically (RFC 6979); the key follows from the mnemonic."""

    def __init__(self, mnemonic: str) -> None:
        node = Bip32Slip10Secp256k1.FromSeed(Bip39SeedGenerator(mnemonic).Generate()).DerivePath(AUTHORITY_PATH)
        self._key = PrivateKey(node.PrivateKey().Raw().ToBytes())

    @property
    def verifying_key(self) -> str:
        """Return the compressed public key, in hexadecimal."""
        return self._key.public_key.format(compressed=True).hex()

    def sign(self, statement: bytes) -> str:
        """Sign a statement's SHA-256; the signature is DER, in hexadecimal."""
        return self._key.sign(statement).hex()
