"""Reads Tron's transactions out of their octets, as a node does; only for fakes and tests."""

from typing import Any

from ctrip.domain.chains.tron.addresses import PREFIX, encoded
from ctrip.domain.chains.tron.transaction import DELEGATE, TRANSFER, TRIGGER, UNDELEGATE, Transaction

_VARINT, _OCTETS = 0, 2


def read_signed(raw: str) -> tuple[Transaction, bytes]:
    """Read a signed transaction and its signature; raises ValueError where an octet is not understood."""
    top = _message(bytes.fromhex(raw))
    found = read_raw(top[1])
    if found.raw != top[1]:
        raise ValueError("the transaction says more than what is understood of it")
    return found, top[2]


def read_raw(raw: bytes) -> Transaction:
    """Read what is signed; of the reference block only its number's last two octets are told."""
    top = _message(raw)
    contract = _message(top[11])
    call, kind = _message(_message(contract[2])[2]), contract[1]
    if kind in (TRANSFER, TRIGGER):
        to, amount, data = call[2], call.get(3, 0), call.get(4, b"").hex()
    elif kind in (DELEGATE, UNDELEGATE):
        to, amount, data = call[4], call.get(3, 0), ""
    else:
        raise ValueError("another contract")
    return Transaction(
        sender=_address(call[1]),
        to=_address(to),
        amount=amount,
        data=data,
        fee_limit=top.get(18, 0),
        lends=kind == DELEGATE,
        takes_back=kind == UNDELEGATE,
        ref_block=int.from_bytes(top[1], "big"),
        ref_hash=top[4].hex(),
        expiration=top[8],
        timestamp=top[14],
    )


def _address(octets: bytes) -> str:
    if octets[:1] != PREFIX or len(octets) != 21:
        raise ValueError("no address")
    return encoded(octets[1:])


def _message(octets: bytes) -> dict[int, Any]:
    """Read a message's fields by number, each at most once; raises ValueError and IndexError."""
    found: dict[int, Any] = {}
    place = 0
    while place < len(octets):
        key, place = _read_number(octets, place)
        field, kind = key >> 3, key & 7
        value, place = _read_number(octets, place)
        if kind == _OCTETS:
            if place + value > len(octets):
                raise ValueError("a field is longer than its message")
            held: Any = octets[place : place + value]
            place += value
        elif kind == _VARINT:
            held = value
        else:
            raise ValueError("a field is of an unknown kind")
        if field in found:
            raise ValueError("a field comes twice")
        found[field] = held
    return found


def _read_number(octets: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        octet = octets[place]
        place += 1
        value |= (octet & 0x7F) << shift
        if octet < 0x80:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")
