"""What Tron's nodes write: numbers, ids and addresses; whatever is malformed raises `ValueError` or `TypeError`.

Fields that are zero are left out. Blocks and transactions are named without 0x, addresses begin with 41, in logs they
lack it; JSON-RPC writes all of them with 0x.
"""

import re
from typing import Any

from ctrip.domain.chains.chain import Block
from ctrip.domain.chains.tron.addresses import decoded, encoded, from_hex

TRANSFER = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"  # of Transfer(address,address,uint256)
BALANCE_OF, TOTAL_SUPPLY, DECIMALS = "70a08231", "18160ddd", "313ce567"
_MOST = 2**63 - 1
_ID = re.compile(r"(?:0x)?([0-9a-fA-F]{64})", re.ASCII)
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}", re.ASCII)
_ADDRESS = re.compile(r"(?:0x)?([0-9a-fA-F]{40})", re.ASCII)
_EMPTY_WORD = "0" * 24


def table(value: Any) -> dict[str, Any]:
    """Read an object."""
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


def rows(value: Any) -> list[Any]:
    """Read a list; one that is left out is empty."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value


def number(holder: dict[str, Any], name: str) -> int:
    """Read a number that is not negative; one that is left out is zero."""
    value = holder.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST:
        raise ValueError(f"{name} is no number")
    return value


def signed(holder: dict[str, Any], name: str) -> int:
    """Read a number that may be negative; one that is left out is zero."""
    value = holder.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _MOST:
        raise ValueError(f"{name} is no number")
    return value


def quantity(value: Any) -> int:
    """Read a number as JSON-RPC writes it."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise ValueError("not a quantity")
    return int(value, 16)


def identifier(value: Any) -> str:
    """Read the id of a block or a transaction, with 0x or without: 64 digits in lower case."""
    found = _ID.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise ValueError("not an id")
    return found[1].lower()


def address(value: Any) -> str:
    """Read an address that begins with 41."""
    if not isinstance(value, str):
        raise TypeError("not an address")
    return from_hex(value)


def short_address(value: Any) -> str:
    """Read an address of a log, or of JSON-RPC: its 20 octets alone."""
    found = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise ValueError("not an address")
    return encoded(bytes.fromhex(found[1]))


def from_topic(value: Any) -> str:
    """Read an address out of a word; raises where the upper octets are not zero."""
    padded = identifier(value)
    if not padded.startswith(_EMPTY_WORD):
        raise ValueError("not an address")
    return encoded(bytes.fromhex(padded[24:]))


def topic(of: str) -> str:
    """Write an address as a word."""
    return _EMPTY_WORD + decoded(of).hex()


def rpc_address(of: str) -> str:
    """Write an address as JSON-RPC reads it."""
    return "0x" + decoded(of).hex()


def octets(value: Any) -> bytes:
    """Read octets, with 0x or without."""
    if not isinstance(value, str):
        raise TypeError("not octets")
    return bytes.fromhex(value.removeprefix("0x"))


def word(value: Any) -> int | None:
    """Read one returned word; None where the answer is short."""
    data = octets(value)
    return int.from_bytes(data[:32]) if len(data) >= 32 else None


def block(value: Any) -> Block:
    """Read a header. The first eight octets of a block's id are its number."""
    header = table(table(table(value)["block_header"])["raw_data"])
    found = Block(
        number(header, "number"),
        identifier(table(value)["blockID"]),
        identifier(header["parentHash"]),
        number(header, "timestamp"),
    )
    if int(found.hash[:16], 16) != found.number:
        raise ValueError("the block's id is not of its number")
    return found


def rpc_block(value: Any) -> Block:
    """Read a header as JSON-RPC writes it; its time is in seconds there."""
    header = table(value)
    return Block(
        quantity(header["number"]),
        identifier(header["hash"]),
        identifier(header["parentHash"]),
        quantity(header["timestamp"]) * 1000,
    )
