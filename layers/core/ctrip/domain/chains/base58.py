"""Base58 with a checksum, as Bitcoin writes keys and Tron addresses."""

from hashlib import sha256

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
CHECKSUM = 4  # octets


def encode_check(payload: bytes) -> str:
    """Write octets with their checksum."""
    octets = payload + _checksum(payload)
    number, digits = int.from_bytes(octets, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        digits = ALPHABET[digit] + digits
    return ALPHABET[0] * (len(octets) - len(octets.lstrip(b"\0"))) + digits


def decode_check(text: str, size: int) -> bytes:
    """Read so many octets; raises ValueError, with words that go on after a name, where text is anything else."""
    number = 0
    for character in text:
        if (digit := ALPHABET.find(character)) < 0:
            raise ValueError("holds a character that is not of base58, such as 0, O, I and l")
        number = number * 58 + digit
    if number >> 8 * (size + CHECKSUM):
        raise ValueError("is too long")
    octets = number.to_bytes(size + CHECKSUM, "big")
    if encode_check(octets[:size]) != text:
        raise ValueError("has a wrong checksum: a character is mistyped")
    return octets[:size]


def _checksum(payload: bytes) -> bytes:
    return sha256(sha256(payload).digest()).digest()[:CHECKSUM]
