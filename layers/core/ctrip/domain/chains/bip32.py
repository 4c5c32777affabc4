"""Public keys only: BIP-32 children of an extended public key. What address a key has, its chain's kind says."""

import hmac
from dataclasses import dataclass, field
from hashlib import sha256

from coincurve import PublicKey

from ctrip.domain.chains.base58 import ALPHABET

ACCOUNT_DEPTH = 3
HARDENED = 2**31  # a child of this number or a higher one cannot be derived from the public key
XPUB_LENGTH = 111
_PUBLIC = bytes.fromhex("0488b21e")


@dataclass(frozen=True, slots=True)
class ExtendedKey:
    """A public key, compressed, and its chain code."""

    key: bytes
    chain_code: bytes
    depth: int = ACCOUNT_DEPTH
    number: int = 0  # its own among its parent's children
    _point: PublicKey | None = field(default=None, compare=False, repr=False)  # the key, where it has been read before

    @classmethod
    def parse(cls, xpub: str) -> "ExtendedKey":
        """Read an `xpub` string; raises ValueError, with words that go on after its name, when it is not one."""
        if len(xpub) != XPUB_LENGTH:
            raise ValueError(f"has {len(xpub)} characters where an xpub has {XPUB_LENGTH}: copy it whole, and alone")
        number = 0
        for character in xpub:
            if (digit := ALPHABET.find(character)) < 0:
                raise ValueError("is mistyped: it holds a character that no xpub has, such as 0, O, I and l")
            number = number * 58 + digit
        raw = number.to_bytes(82, "big")
        if sha256(sha256(raw[:78]).digest()).digest()[:4] != raw[78:]:
            raise ValueError("is mistyped: its checksum is wrong; copy it again")
        if raw[:4] != _PUBLIC:
            raise ValueError("is not an extended public key (xpub)")
        try:
            PublicKey(raw[45:78])
        except ValueError:
            raise ValueError("holds no public key: its point is not on the curve") from None
        return cls(key=raw[45:78], chain_code=raw[13:45], depth=raw[4], number=int.from_bytes(raw[9:13], "big"))

    def child(self, index: int) -> "ExtendedKey":
        """Derive a non-hardened child. Source: BIP-32, CKDpub."""
        digest = hmac.digest(self.chain_code, self.key + index.to_bytes(4, "big"), "sha512")
        point = self._read().add(digest[:32])
        return ExtendedKey(point.format(compressed=True), digest[32:], self.depth + 1, index, point)

    def coordinates(self) -> bytes:
        """Return both coordinates of the key, 64 bytes: what addresses are hashed from."""
        return self._read().format(compressed=False)[1:]

    def _read(self) -> PublicKey:
        return self._point or PublicKey(self.key)


def fingerprint(xpub: str) -> str:
    """Name an extended public key by what its addresses come from, however its text spells the rest."""
    parsed = ExtendedKey.parse(xpub)
    return sha256(parsed.key + parsed.chain_code).hexdigest()
