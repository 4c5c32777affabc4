"""A Tron transaction, unsigned: the octets of its `raw_data`, whose SHA-256 is its id.

There is no nonce: two that differ in their timestamp alone are both mined, and one can be mined until it expires. A
protocol buffer has many spellings; nodes take ours as it is, and whoever reads one that is to be signed takes no other.
Source: java-tron's `Tron.proto`, and what a node of version 4.8.0 has answered (`tests/vectors/tron`).
"""

from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, ClassVar

from ctrip.domain.chains.tron.addresses import PREFIX, decoded, encoded
from ctrip.domain.errors import SigningRefused

TRANSFER, TRIGGER = 1, 31  # the types of contract that are made here: coin to an address, and a call of a contract
_TYPE_URL = "type.googleapis.com/protocol."
_NAMES = {TRANSFER: "TransferContract", TRIGGER: "TriggerSmartContract"}
_VARINT, _OCTETS = 0, 2
MOST = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """An unsigned transaction: `amount` sun to `to`, or a call of the contract at `to` with `data` (hex digits).

    `ref_block` is the number, and `ref_hash` octets 8 to 16 of the id, of a block on whose chain alone it can be
    mined; times are unix milliseconds. `fee_limit` is the most that a call may burn, in sun.
    """

    kind: ClassVar[str] = "tron"

    sender: str
    to: str
    amount: int = 0
    data: str = ""
    fee_limit: int = 0
    ref_block: int
    ref_hash: str
    expiration: int
    timestamp: int

    def fields(self) -> dict[str, Any]:
        """Return what the signer function is sent."""
        return asdict(self)

    @property
    def raw(self) -> bytes:
        """Return the octets that are signed; fields that are zero are left out, as protocol buffers do."""
        kind = TRIGGER if self.data else TRANSFER
        call = b"".join(
            (
                _octets(1, PREFIX + decoded(self.sender)),
                _octets(2, PREFIX + decoded(self.to)),
                _varint(3, self.amount),
                _octets(4, bytes.fromhex(self.data)),
            )
        )
        parameter = _octets(1, f"{_TYPE_URL}{_NAMES[kind]}".encode()) + _octets(2, call)
        return b"".join(
            (
                _octets(1, (self.ref_block % 2**16).to_bytes(2, "big")),
                _octets(4, bytes.fromhex(self.ref_hash)),
                _varint(8, self.expiration),
                _octets(11, _varint(1, kind) + _octets(2, parameter)),
                _varint(14, self.timestamp),
                _varint(18, self.fee_limit),
            )
        )

    @property
    def tx_hash(self) -> str:
        """Return its id, in 64 hexadecimal digits."""
        return sha256(self.raw).hexdigest()


def read_raw(raw: bytes) -> Transaction:
    """Read a transaction of which every octet is understood; raises `SigningRefused` for any other.

    Of the reference block only its number's last two octets are told.
    """
    try:
        found = _read_raw(raw)
    except (ValueError, IndexError, KeyError) as exc:
        raise SigningRefused("the transaction is not one of those that are made here") from exc
    if found.raw != raw:
        raise SigningRefused("the transaction says more than what is understood of it")
    return found


def raw_of(signed: bytes) -> bytes:
    """Return the octets of a signed transaction's `raw_data`; raises ValueError where there are none."""
    try:
        raw = _message(signed)[1]
    except (IndexError, KeyError) as exc:
        raise ValueError("not a signed transaction") from exc
    if not isinstance(raw, bytes):
        raise ValueError("not a signed transaction")  # noqa: TRY004 - what was read is data, no argument
    return raw


def _read_raw(raw: bytes) -> Transaction:
    top = _message(raw)
    contract = _message(top[11])
    parameter = _message(contract[2])
    kind = contract[1]
    if parameter[1].decode() != f"{_TYPE_URL}{_NAMES[kind]}":
        raise ValueError("the contract is of another type than it says")
    call = _message(parameter[2])
    return Transaction(
        sender=_address(call[1]),
        to=_address(call[2]),
        amount=call.get(3, 0),
        data=call.get(4, b"").hex(),
        fee_limit=top.get(18, 0),
        ref_block=int.from_bytes(top[1], "big"),
        ref_hash=top[4].hex(),
        expiration=top[8],
        timestamp=top[14],
    )


def _address(octets: bytes) -> str:
    if octets[:1] != PREFIX or len(octets) != 21:
        raise ValueError("no address")
    return encoded(octets[1:])


# -- protocol buffers: numbers and texts, each with the number of its field before it


def _number(value: int) -> bytes:
    if not 0 <= value <= MOST:
        raise ValueError("a number is out of range")
    octets = bytearray()
    while value > 0x7F:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def _varint(field: int, value: int) -> bytes:
    return _number(field << 3 | _VARINT) + _number(value) if value else b""


def _octets(field: int, value: bytes) -> bytes:
    return _number(field << 3 | _OCTETS) + _number(len(value)) + value if value else b""


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
