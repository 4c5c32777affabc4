"""Signed requests: what is signed, and the signature. Vectors: tests/vectors/signing.json."""

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

SKEW_SECONDS = 300
NONCE = re.compile(r"[\x21-\x7e]{16,64}", re.ASCII)
TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
SIGNATURE = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """A request as its signature covers it: `path` follows the public base address, `query` are decoded pairs."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    key_id: str
    timestamp: str
    nonce: str
    body: bytes

    def canonical(self) -> bytes:
        """Spell what is signed."""
        parts = (
            "v1",
            self.method.upper(),
            self.path,
            canonical_query(self.query),
            self.key_id,
            self.timestamp,
            self.nonce,
            hashlib.sha256(self.body).hexdigest(),
        )
        return "\n".join(parts).encode("utf-8", "surrogatepass")

    def signature(self, secret: str) -> str:
        """Sign, by the whole secret as UTF-8; hex."""
        return hmac.digest(secret.encode(), self.canonical(), "sha256").hex()


def canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    """Encode decoded pairs by RFC 3986, sorted, as they stand encoded, by name, then value."""
    return "&".join(
        f"{name}={value}" for name, value in sorted((_encode(name), _encode(value)) for name, value in pairs)
    )


def _encode(text: str) -> str:
    return quote(text, safe="-._~", errors="surrogatepass")
