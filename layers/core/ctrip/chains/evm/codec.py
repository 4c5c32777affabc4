"""Hexadecimal quantities, hashes and addresses as nodes spell them; whatever is malformed raises `ValueError`."""

import re
from typing import Any

from ctrip.domain.chains.chain import Block

TRANSFER = (
    "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"  # keccak("Transfer(address,address,uint256)")
)
BALANCE_OF = "0x70a08231"
TOTAL_SUPPLY = "0x18160ddd"
DECIMALS = "0x313ce567"
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}", re.ASCII)
_HASH = re.compile(r"0x[0-9a-fA-F]{64}", re.ASCII)
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)


def quantity(value: Any) -> int:
    """Read a number of at most 256 bits."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise ValueError("not a quantity")
    return int(value, 16)


def digest(value: Any) -> str:
    """Read a 32-byte hash, in lower case."""
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        raise ValueError("not a hash")
    return value.lower()


def account(value: Any) -> str:
    """Read an address, in lower case."""
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise ValueError("not an address")
    return value.lower()


def octets(value: Any) -> bytes:
    """Read bytes."""
    if not isinstance(value, str) or not value.startswith("0x"):
        raise ValueError("not bytes")
    return bytes.fromhex(value[2:])


def word(value: Any) -> int | None:
    """Read one returned word; None where the answer is short."""
    data = octets(value)
    return int.from_bytes(data[:32]) if len(data) >= 32 else None


def block(value: Any) -> Block:
    """Read a header; time becomes milliseconds."""
    return Block(
        quantity(value["number"]),
        digest(value["hash"]),
        digest(value["parentHash"]),
        quantity(value["timestamp"]) * 1000,
    )


def topic(address: str) -> str:
    """Pad an address to a word."""
    return "0x" + "0" * 24 + account(address)[2:]


def from_topic(value: Any) -> str:
    """Read an address out of a word; raises where the upper bytes are not zero."""
    padded = digest(value)
    if padded[2:26] != "0" * 24:
        raise ValueError("not an address")
    return "0x" + padded[26:]


def pinned(at: Block) -> dict[str, Any]:
    """Name a block by hash (EIP-1898), refusing one that is no longer canonical."""
    return {"blockHash": at.hash, "requireCanonical": True}
