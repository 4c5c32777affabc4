"""eth_account without its key files (keystores), which the signer never reads or writes.

eth_account imports eth_keyfile for them, and that py_ecc, which computes constants of validators' curve while it is
imported: 0.4 s of CPU, more than all else of a signer's cold start.
"""

import sys
from types import ModuleType
from typing import Any

_KEY_FILES = ("eth_keyfile", "eth_keyfile.keyfile")


def account() -> Any:
    """Import eth_account and return its `Account`, which then can neither encrypt nor decrypt a key file."""
    left_out = [name for name in _KEY_FILES if name not in sys.modules]
    sys.modules.update({name: _NoKeyFiles(name) for name in left_out})
    try:
        from eth_account import Account
    finally:
        # Whoever imports eth_keyfile itself gets the real one.
        for name in left_out:
            del sys.modules[name]
    return Account


class _NoKeyFiles(ModuleType):
    """Has every name that is imported from it; each can stand in a type, and raises when it is called."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Refused


class _Refused:
    def __init__(self, *_: object, **__: object) -> None:
        raise NotImplementedError("eth_account was imported without key files")
