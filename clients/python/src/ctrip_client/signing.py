"""Signed requests: the secret itself never travels.

`X-Signature` is the hex HMAC-SHA256, keyed by the whole signing secret as UTF-8, over eight lines: `v1`, method, path,
query, key id, timestamp, nonce, hex SHA-256 of the body. Published vectors: `tests/vectors/signing.json`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from urllib.parse import quote

Pairs = Iterable[tuple[str, str]]


def sign_request(
    method: str,
    path: str,
    query: Pairs = (),
    body: bytes = b"",
    *,
    key_id: str,
    secret: str,
    timestamp: int,
    nonce: str,
) -> dict[str, str]:
    """Return the four headers that sign one request.

    `path` is what follows the public base address, as it is sent; `query` the decoded pairs in any order; `body` the
    bytes as they are sent; `timestamp` unix seconds, at most 300 away from the gateway's clock; `nonce` 16 to 64
    characters that were never used before.
    """
    signed = canonical_request(method, path, query, body, key_id=key_id, timestamp=timestamp, nonce=nonce)
    return {
        "X-Key-Id": key_id,
        "X-Timestamp": str(timestamp),
        "X-Nonce": nonce,
        "X-Signature": hmac.digest(secret.encode(), signed.encode(), "sha256").hex(),
    }


def canonical_request(
    method: str, path: str, query: Pairs = (), body: bytes = b"", *, key_id: str, timestamp: int, nonce: str
) -> str:
    """Return the text that is signed."""
    digest = hashlib.sha256(body).hexdigest()
    return "\n".join(["v1", method.upper(), path, encode_query(query), key_id, str(timestamp), nonce, digest])


def encode_query(query: Pairs) -> str:
    """Encode decoded pairs by RFC 3986 (a space is %20), then sort them by name, then value.

    Sorting what is encoded gives the same order in every language, since only ASCII is left.
    """
    return "&".join(f"{name}={value}" for name, value in sorted((encode(name), encode(value)) for name, value in query))


def encode(text: str) -> str:
    """Encode all but the unreserved characters of RFC 3986."""
    return quote(text, safe="")


def new_nonce() -> str:
    """Make a nonce of 128 bits."""
    return secrets.token_hex(16)
