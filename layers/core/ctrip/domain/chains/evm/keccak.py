"""Keccak-256, as Ethereum uses it: pycryptodome's, bound to its compiled code by ctypes.

pycryptodome prefers cffi, which would parse declarations of C at each start of a function: a twentieth of all its CPU.
"""

import sys
from collections.abc import Callable
from typing import Any


def keccak(data: bytes) -> bytes:
    """Return the digest, 32 bytes."""
    digest: bytes = _new(digest_bits=256, data=data).digest()
    return digest


def _without_cffi() -> Callable[..., Any]:
    # Where a module is None, importing it fails as if it were not installed. Whoever imports cffi later gets it.
    hidden = "cffi" not in sys.modules
    if hidden:
        sys.modules["cffi"] = None  # type: ignore[assignment]
    try:
        from Crypto.Hash import keccak as hashes
    finally:
        if hidden:
            del sys.modules["cffi"]
    return hashes.new


_new = _without_cffi()
