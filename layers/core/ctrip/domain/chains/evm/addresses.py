"""EVM addresses: the last 20 bytes of a public key's Keccak-256, in EIP-55."""

from ctrip.domain.chains.bip32 import ExtendedKey
from ctrip.domain.chains.evm.keccak import keccak


def address_of(key: ExtendedKey) -> str:
    """Return a public key's address, in EIP-55."""
    return checksum(keccak(key.coordinates())[-20:].hex())


def checksum(address: str) -> str:
    """Format 40 hexadecimal digits (with or without 0x) in EIP-55."""
    plain = address.lower().removeprefix("0x")
    digest = keccak(plain.encode()).hex()
    return "0x" + "".join(c.upper() if int(digest[i], 16) > 7 else c for i, c in enumerate(plain))
