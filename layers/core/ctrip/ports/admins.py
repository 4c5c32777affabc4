"""Admins and their sessions, as the services keep them."""

from dataclasses import dataclass
from typing import Protocol

from ctrip.domain.admins import Admin, Session
from ctrip.domain.audit import AuditRecord
from ctrip.ports.idempotency import Idempotency


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminChange:
    """What one decision about an admin changes, in one transaction; before is None for a new one."""

    admin: tuple[Admin | None, Admin]
    audit: AuditRecord
    idempotency: Idempotency | None = None
    answer: str = ""


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key that signs access tokens: `id` is a ULID, `encrypted` the secret; unix milliseconds."""

    id: str
    encrypted: str
    created_at: int


class AdminStore(Protocol):
    """Admins, their sessions, and the keys that sign their tokens."""

    def admin(self, admin_id: str) -> Admin | None:
        """Read an admin, consistently."""
        ...

    def by_email(self, email: str) -> str | None:
        """Return the id of the admin with an e-mail address, in the spelling it is stored in."""
        ...

    def admins(self, after: str, limit: int) -> list[Admin]:
        """List admins by id, those after one."""
        ...

    def change(self, change: AdminChange) -> None:
        """Write all of it or nothing; raises `AlreadyExists` ("admin", "email" or "idempotency"), `Stale`, `Busy`."""
        ...

    def session(self, session_id: str) -> Session | None:
        """Read a session, consistently."""
        ...

    def save_session(self, before: Session | None, after: Session) -> None:
        """Store a session; raises `AlreadyExists` ("session") or `Stale`."""
        ...

    def token_keys(self) -> list[TokenKey]:
        """Return the keys that sign access tokens, newest first, bounded."""
        ...

    def put_token_key(self, key: TokenKey) -> None:
        """Store one more."""
        ...
