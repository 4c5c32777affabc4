"""Accounts that send on the stand-in: transactions as any wallet would write and sign them."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from coincurve import PrivateKey

from ctrip.domain.chains.evm.keccak import keccak
from ctrip.domain.chains.tron.addresses import encoded
from infra.tron.wire import octets


@dataclass(frozen=True, slots=True)
class Key:
    """A private key, and the address that it signs for."""

    secret: bytes

    @classmethod
    def of(cls, name: str) -> Key:
        """Make up a key that has this name: worthless, and always the same."""
        return cls(sha256(f"the stand-in's {name}".encode()).digest())

    @property
    def short(self) -> bytes:
        """Return the 20 octets of its address."""
        return keccak(PrivateKey(self.secret).public_key.format(compressed=False)[1:])[-20:]

    @property
    def address(self) -> str:
        """Return its address as people see it."""
        return encoded(self.short)

    def sign(self, raw: bytes) -> bytes:
        """Sign a transaction's `raw_data`, and return the whole of it."""
        return signed(raw, self)


def signed(raw: bytes, *keys: Key) -> bytes:
    """Write a transaction with the signatures of some keys, or of none."""
    digest = sha256(raw).digest()
    signatures = (PrivateKey(key.secret).sign_recoverable(digest, hasher=None) for key in keys)
    return octets(1, raw) + b"".join(octets(2, each) for each in signatures)
