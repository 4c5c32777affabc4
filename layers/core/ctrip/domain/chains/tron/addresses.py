"""Tron's addresses: 0x41 and the last 20 octets of a public key's Keccak-256, in base58 with a checksum.

Nodes write them in hexadecimal digits without 0x; what a contract's word holds is the 20 octets alone.
"""

import re

from ctrip.domain.chains.base58 import decode_check, encode_check

PREFIX = b"\x41"  # of the main network, and of all test networks that are known
SIZE = 21
PATTERN = re.compile(r"T[1-9A-HJ-NP-Za-km-z]{33}", re.ASCII)
_HEX = re.compile(r"(0x)?(41)?[0-9a-fA-F]{40}", re.ASCII)


def encoded(octets: bytes) -> str:
    """Write the 20 octets of an address as people see it."""
    return encode_check(PREFIX + octets)


def decoded(address: str) -> bytes:
    """Return the 20 octets of an address; raises ValueError, with words that go on after it, where it is none."""
    octets = decode_check(address, SIZE)
    if octets[:1] != PREFIX:
        raise ValueError("is an address of another network than Tron")
    return octets[1:]


def from_hex(text: str) -> str:
    """Read an address as nodes write it: 42 hexadecimal digits that begin with 41; raises ValueError."""
    octets = bytes.fromhex(text)
    if len(octets) != SIZE or octets[:1] != PREFIX:
        raise ValueError("no address as nodes write it")
    return encoded(octets[1:])


def to_hex(address: str) -> str:
    """Write an address as nodes read it."""
    return (PREFIX + decoded(address)).hex()


def wrong(address: str) -> str | None:
    """Say what is wrong with an address that somebody wrote; None where nothing is."""
    if _HEX.fullmatch(address):
        return "the address is in hexadecimal digits: give the form that begins with T"
    if not PATTERN.fullmatch(address):
        # It is not repeated: somebody may have pasted a private key, or the words of a wallet.
        return f"its {len(address)} characters are no address of Tron, which is T and 33 letters and digits"
    try:
        octets = decoded(address)
    except ValueError as exc:
        return f"{address} {exc}"
    return None if any(octets) else "the zero address belongs to nobody: what is sent there is lost"
