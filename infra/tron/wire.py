"""Tron's transactions as protocol buffers: reading any that the stand-in executes, and writing what tests send.

Source: java-tron's `Tron.proto` and its contracts' files. The gateway writes its own transactions
(`ctrip.domain.chains.tron.transaction`); the two have no code in common.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

TRANSFER, TRIGGER, PERMISSION, FREEZE, DELEGATE, UNDELEGATE = 1, 31, 46, 54, 57, 58
NAMES = {
    TRANSFER: "TransferContract",
    TRIGGER: "TriggerSmartContract",
    PERMISSION: "AccountPermissionUpdateContract",
    FREEZE: "FreezeBalanceV2Contract",
    DELEGATE: "DelegateResourceContract",
    UNDELEGATE: "UnDelegateResourceContract",
}
BANDWIDTH, ENERGY = 0, 1
PREFIX = b"\x41"
TYPE_URL = "type.googleapis.com/protocol."
_VARINT, _OCTETS = 0, 2

Message = dict[int, list[int | bytes]]


@dataclass(frozen=True, slots=True)
class Permission:
    """Who may sign for an account: keys (20 octets) with their weights, of which `threshold` is needed."""

    keys: tuple[tuple[bytes, int], ...]
    threshold: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a transaction does; addresses are 20 octets, and those that it does not have are empty."""

    kind: int
    owner: bytes
    to: bytes = b""
    amount: int = 0
    data: bytes = b""
    resource: int = BANDWIDTH
    permissions: tuple[Permission, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A transaction as it was broadcast."""

    raw: bytes
    signatures: tuple[bytes, ...]
    size: int
    call: Call
    ref_bytes: bytes
    ref_hash: bytes
    expiration: int
    timestamp: int
    fee_limit: int = 0
    memo: bytes = b""

    @property
    def tx_id(self) -> str:
        """Return the hash by which it is known."""
        return sha256(self.raw).hexdigest()


def parse(octets: bytes) -> Signed:
    """Read a signed transaction; raises ValueError for what is none, or of a kind that is not executed here."""
    top = read(octets)
    raw = _last(top, 1)
    fields = read(raw)
    contract = read(_last(fields, 11))
    parameter = read(_last(contract, 2))
    return Signed(
        raw=raw,
        signatures=tuple(each for each in top.get(2, []) if isinstance(each, bytes)),
        size=len(octets),
        call=_call(_number_of(contract, 1), read(_last(parameter, 2))),
        ref_bytes=_last(fields, 1),
        ref_hash=_last(fields, 4),
        expiration=_number_of(fields, 8),
        timestamp=_number_of(fields, 14),
        fee_limit=_number_of(fields, 18),
        memo=_last(fields, 10),
    )


def _call(kind: int, value: Message) -> Call:
    owner = _address(value, 1)
    if kind == TRANSFER:
        return Call(kind=kind, owner=owner, to=_address(value, 2), amount=_number_of(value, 3))
    if kind == TRIGGER:
        amount, data = _number_of(value, 3), _last(value, 4)
        return Call(kind=kind, owner=owner, to=_address(value, 2), amount=amount, data=data)
    if kind == FREEZE:
        return Call(kind=kind, owner=owner, amount=_number_of(value, 2), resource=_number_of(value, 3))
    if kind in (DELEGATE, UNDELEGATE):
        resource, amount = _number_of(value, 2), _number_of(value, 3)
        return Call(kind=kind, owner=owner, to=_address(value, 4), amount=amount, resource=resource)
    if kind == PERMISSION:
        held = [*value.get(2, []), *value.get(4, [])]
        return Call(kind=kind, owner=owner, permissions=tuple(_permission(each) for each in held))
    raise ValueError(f"the stand-in executes no contract of type {kind}")


def _permission(octets: int | bytes) -> Permission:
    fields = read(_checked(octets))
    keys = [read(_checked(each)) for each in fields.get(7, [])]
    return Permission(tuple((_address(key, 1), _number_of(key, 2)) for key in keys), _number_of(fields, 4))


def _address(message: Message, field: int) -> bytes:
    """Return an address without its prefix; one with a wrong prefix or length stays as it is, for the checks to see."""
    octets = _last(message, field)
    return octets[1:] if len(octets) == 21 and octets[:1] == PREFIX else octets


def _last(message: Message, field: int) -> bytes:
    return _checked(message.get(field, [b""])[-1])


def _checked(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("a number in place of octets")  # noqa: TRY004 - of a message, not of a caller
    return value


def _number_of(message: Message, field: int) -> int:
    value = message.get(field, [0])[-1]
    if not isinstance(value, int):
        raise ValueError("octets in place of a number")  # noqa: TRY004 - likewise
    return value


# -- reading


def read(octets: bytes) -> Message:
    """Read a message's fields by number; raises ValueError for what is none."""
    found: Message = {}
    place = 0
    while place < len(octets):
        key, place = _read_number(octets, place)
        value, place = _read_number(octets, place)
        held: int | bytes = value
        if key & 7 == _OCTETS:
            if place + value > len(octets):
                raise ValueError("a field is longer than its message")
            held = octets[place : place + value]
            place += value
        elif key & 7 != _VARINT:
            raise ValueError("a field is of an unknown kind")
        found.setdefault(key >> 3, []).append(held)
    return found


def _read_number(octets: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(octets) and shift < 64:
        octet = octets[place]
        place += 1
        value |= (octet & 0x7F) << shift
        if octet < 0x80:
            return value, place
        shift += 7
    raise ValueError("a number does not end")


# -- writing


def number(field: int, value: int) -> bytes:
    """Write a number; one that is zero is left out."""
    return _number(field << 3 | _VARINT) + _number(value) if value else b""


def octets(field: int, value: bytes) -> bytes:
    """Write octets, also none: whoever calls leaves them out."""
    return _number(field << 3 | _OCTETS) + _number(len(value)) + value


def write_call(call: Call) -> bytes:
    """Write what a transaction does, as its contract's message."""
    owner = octets(1, PREFIX + call.owner)
    if call.kind == TRANSFER:
        return owner + octets(2, PREFIX + call.to) + number(3, call.amount)
    if call.kind == TRIGGER:
        data = octets(4, call.data) if call.data else b""
        return owner + octets(2, PREFIX + call.to) + number(3, call.amount) + data
    if call.kind == FREEZE:
        return owner + number(2, call.amount) + number(3, call.resource)
    if call.kind == PERMISSION:
        first, *others = (_write_permission(place, each) for place, each in enumerate(call.permissions))
        return owner + octets(2, first) + b"".join(octets(4, each) for each in others)
    return owner + number(2, call.resource) + number(3, call.amount) + octets(4, PREFIX + call.to)


def _write_permission(place: int, permission: Permission) -> bytes:
    """The first is the owner's; the others are active ones, which have a type, numbers from 2, and operations."""
    name = octets(3, b"active" if place else b"owner")
    kind = number(1, 2) + number(2, place + 1) if place else b""
    operations = octets(6, bytes.fromhex("7fff1fc0033e01") + bytes(25)) if place else b""
    keys = (octets(7, octets(1, PREFIX + key) + number(2, weight)) for key, weight in permission.keys)
    return kind + name + number(4, permission.threshold) + operations + b"".join(keys)


def write_raw(
    call: Call,
    *,
    ref_bytes: bytes,
    ref_hash: bytes,
    expiration: int,
    timestamp: int,
    fee_limit: int = 0,
    memo: bytes = b"",
) -> bytes:
    """Write a transaction's `raw_data`, whose SHA-256 is signed."""
    parameter = octets(1, f"{TYPE_URL}{NAMES[call.kind]}".encode()) + octets(2, write_call(call))
    return b"".join(
        (
            octets(1, ref_bytes),
            octets(4, ref_hash),
            number(8, expiration),
            octets(10, memo) if memo else b"",
            octets(11, number(1, call.kind) + octets(2, parameter)),
            number(14, timestamp),
            number(18, fee_limit),
        )
    )


def _number(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])
