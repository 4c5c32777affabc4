"""A Tron transaction, unsigned: the octets of its `raw_data`, whose SHA-256 is its id.

There is no nonce: two that differ in their timestamp alone are both mined, and one can be mined until it expires. So
that each is another one, the transactions of a sender have timestamps that rise.
Source: java-tron's `Tron.proto`, and what a node of version 4.8.0 has answered (`tests/vectors/tron`).
"""

from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, ClassVar

from ctrip.domain.chains.tron.addresses import PREFIX, decoded

# The types of contract that are made here: coin to an address, a call of a contract, and energy lent and taken back.
TRANSFER, TRIGGER, DELEGATE, UNDELEGATE = 1, 31, 57, 58
_TYPE_URL = "type.googleapis.com/protocol."
_NAMES = {
    TRANSFER: "TransferContract",
    TRIGGER: "TriggerSmartContract",
    DELEGATE: "DelegateResourceContract",
    UNDELEGATE: "UnDelegateResourceContract",
}
_ENERGY = 1
_VARINT, _OCTETS = 0, 2
MOST = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """An unsigned transaction: `amount` sun to `to`, or a call of the contract at `to` with `data` (hex digits).

    One that `lends` gives `to` the energy of `amount` sun of the sender's stake, and one that `takes_back` ends that.
    `ref_block` is the number, and `ref_hash` octets 8 to 16 of the id, of a block on whose chain alone it can be
    mined; times are unix milliseconds. `fee_limit` is the most that a call may burn, in sun.
    """

    kind: ClassVar[str] = "tron"

    sender: str
    to: str
    amount: int = 0
    data: str = ""
    fee_limit: int = 0
    lends: bool = False
    takes_back: bool = False
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
        kind, owner, to = self._contract, PREFIX + decoded(self.sender), PREFIX + decoded(self.to)
        if kind in (DELEGATE, UNDELEGATE):
            parts = (_octets(1, owner), _varint(2, _ENERGY), _varint(3, self.amount), _octets(4, to))
        else:
            parts = (_octets(1, owner), _octets(2, to), _varint(3, self.amount), _octets(4, bytes.fromhex(self.data)))
        call = b"".join(parts)
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

    @property
    def slot(self) -> str:
        """Return what no other transaction of its sender has: its time, by which they sort, and its id."""
        return f"{self.timestamp:015d}-{self.tx_hash}"

    @property
    def _contract(self) -> int:
        if self.lends:
            return DELEGATE
        if self.takes_back:
            return UNDELEGATE
        return TRIGGER if self.data else TRANSFER


def stamp_after(slot: str) -> int:
    """Return the first timestamp after the transaction of a slot."""
    return int(slot.split("-", 1)[0]) + 1


def signed_hex(raw: bytes, signature: bytes) -> str:
    """Write a signed transaction as nodes take it, in hexadecimal digits."""
    return (_octets(1, raw) + _octets(2, signature)).hex()


def raw_of(signed: bytes) -> bytes:
    """Return the octets that were signed, which come first; raises ValueError where there are none."""
    length = shift = 0
    if signed[:1] != b"\x0a":  # the first field, which holds octets
        raise ValueError("no signed transaction")
    for place, octet in enumerate(signed[1:5], 2):
        length |= (octet & 0x7F) << shift
        shift += 7
        if octet < 0x80:
            if not 0 < length <= len(signed) - place:
                break
            return signed[place : place + length]
    raise ValueError("no signed transaction")


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
