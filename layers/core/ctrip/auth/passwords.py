"""Passwords, hashed by argon2id."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY


class Argon2Passwords:
    """The `ports.Passwords` with argon2id, in the second recommended setting of RFC 9106 (64 MiB, three passes)."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._nobody = self._hasher.hash("nobody has this password")

    def hash(self, password: str) -> str:
        """Hash with a salt of its own."""
        return self._hasher.hash(password)

    def verify(self, digest: str | None, password: str) -> bool:
        """Compare; without a digest it takes as long and is false."""
        try:
            return self._hasher.verify(digest or self._nobody, password) and digest is not None
        except (VerificationError, InvalidHashError):
            return False
