"""Encryption of secrets at rest, without a key service."""

import base64
import hashlib
import itertools

from ctrip.domain.errors import DecryptionRefused

_counter = itertools.count(1)
NONCE, TAG = 4, 16


class FakeCipher:
    """Encrypts so that nothing of the secret shows, no two ciphertexts are equal, and only its owner's is decrypted."""

    def encrypt(self, secret: str, owner: str) -> str:
        nonce, plain = next(_counter).to_bytes(NONCE, "big"), secret.encode()
        return base64.b64encode(nonce + _tag(owner, nonce, plain) + _mixed(owner, nonce, plain)).decode()

    def decrypt(self, encrypted: str, owner: str) -> str:
        try:
            held = base64.b64decode(encrypted, validate=True)
        except ValueError:
            held = b""
        nonce, tag = held[:NONCE], held[NONCE : NONCE + TAG]
        plain = _mixed(owner, nonce, held[NONCE + TAG :])
        if len(tag) < TAG or _tag(owner, nonce, plain) != tag:
            raise DecryptionRefused("what is stored is no secret of this owner")
        return plain.decode()


def _tag(owner: str, nonce: bytes, plain: bytes) -> bytes:
    return hashlib.sha256(b"tag" + owner.encode() + b"\0" + nonce + plain).digest()[:TAG]


def _mixed(owner: str, nonce: bytes, data: bytes) -> bytes:
    stream = hashlib.shake_256(owner.encode() + b"\0" + nonce).digest(len(data))
    return bytes(a ^ b for a, b in zip(data, stream, strict=True))
