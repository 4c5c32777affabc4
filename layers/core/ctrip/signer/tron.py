"""Signs Tron transactions: the SHA-256 of their octets, by a key on secp256k1."""

from collections.abc import Callable
from typing import Protocol

from coincurve import PrivateKey
from eth_keys.datatypes import Signature

from ctrip.domain.chains.acts import Signed
from ctrip.domain.chains.tron.transaction import Transaction, signed_hex


class DigestKey(Protocol):
    """What signs as a private key of eth-keys does, wherever the key itself is."""

    def sign_msg_hash(self, digest: bytes) -> Signature:
        """Sign 32 bytes."""
        ...


def sign(key: bytes | DigestKey, transaction: Transaction, key_at: Callable[[str], bytes]) -> Signed:
    """Sign a transaction with a private key, or with what signs digests like one; no other key has a part in it."""
    raw, tx_hash = transaction.raw, transaction.tx_hash
    digest = bytes.fromhex(tx_hash)
    if isinstance(key, bytes):
        signature = PrivateKey(key).sign_recoverable(digest, hasher=None)
    else:
        signature = key.sign_msg_hash(digest).to_bytes()
    return Signed(signed_hex(raw, signature), tx_hash)
