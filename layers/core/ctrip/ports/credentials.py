"""Secrets at rest, passwords, access tokens and one-time codes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class Cipher(Protocol):
    """Envelope for secrets at rest, bound to who they belong to."""

    def encrypt(self, secret: str, owner: str) -> str:
        """Encrypt."""
        ...

    def decrypt(self, encrypted: str, owner: str) -> str:
        """Decrypt; raises `DecryptionRefused` for another owner's secret, and for what is no ciphertext."""
        ...


class Passwords(Protocol):
    """Hashes passwords slowly."""

    def hash(self, password: str) -> str:
        """Hash with a salt of its own."""
        ...

    def verify(self, digest: str | None, password: str) -> bool:
        """Compare; without a digest it takes as long and is false."""
        ...


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says; times are unix seconds."""

    subject: str
    session: str
    token_id: str
    issued_at: int
    expires_at: int


class Tokens(Protocol):
    """Signs and reads access tokens."""

    def issue(self, claims: Claims, *, key_id: str, key: str) -> str:
        """Sign."""
        ...

    def read(self, token: str, keys: Mapping[str, str], now: int) -> Claims | None:
        """Verify at `now` (unix seconds) by the key that the token names; None for whatever is not right."""
        ...


class OneTimeCodes(Protocol):
    """Codes of an authenticator app."""

    def new_secret(self) -> str:
        """Return a new secret."""
        ...

    def uri(self, secret: str, account: str) -> str:
        """Return the address that an app scans."""
        ...

    def step(self, secret: str, code: str, now: int) -> int | None:
        """Return the step of a right code at `now` (unix seconds), None for a wrong one."""
        ...
