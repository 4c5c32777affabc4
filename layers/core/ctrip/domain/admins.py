"""The people who operate a stage: their roles, what each role may do, and their sessions."""

import re
from dataclasses import dataclass
from enum import StrEnum

from ctrip.domain.bounds import Text

PASSWORD = Text(12, 256)
EMAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?", re.ASCII)


class Role(StrEnum):
    """What somebody is here for."""

    OWNER = "owner"
    OPERATOR = "operator"
    ACCOUNTANT = "accountant"
    VIEWER = "viewer"


class Permission(StrEnum):
    """What the admin API lets somebody do."""

    MERCHANTS_READ = "merchants:read"
    MERCHANTS_WRITE = "merchants:write"
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"
    PAYMENTS_READ = "payments:read"
    PAYMENTS_DECIDE = "payments:decide"
    PAYOUTS_READ = "payouts:read"
    PAYOUTS_APPROVE = "payouts:approve"
    AUDIT_READ = "audit:read"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"


_EVERYBODY = frozenset(Role)

# The whole matrix. A permission that has no row here is nobody's.
MATRIX: dict[Permission, frozenset[Role]] = {
    Permission.MERCHANTS_READ: _EVERYBODY,
    Permission.MERCHANTS_WRITE: frozenset({Role.OWNER, Role.OPERATOR}),
    Permission.KEYS_READ: frozenset({Role.OWNER, Role.OPERATOR}),
    Permission.KEYS_WRITE: frozenset({Role.OWNER, Role.OPERATOR}),
    Permission.PAYMENTS_READ: _EVERYBODY,
    Permission.PAYMENTS_DECIDE: frozenset({Role.OWNER, Role.OPERATOR}),
    Permission.PAYOUTS_READ: _EVERYBODY,
    Permission.PAYOUTS_APPROVE: frozenset({Role.OWNER, Role.OPERATOR, Role.ACCOUNTANT}),
    Permission.AUDIT_READ: frozenset({Role.OWNER, Role.OPERATOR, Role.ACCOUNTANT}),
    Permission.USERS_READ: frozenset({Role.OWNER}),
    Permission.USERS_WRITE: frozenset({Role.OWNER}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """One person; `password` is an argon2id hash, `totp` a encrypted secret that is asked for once `totp_on` is set.

    `totp_step` is the newest step of which a code was taken: none is taken twice. Sessions begun before
    `sessions_from` (unix milliseconds) are over.
    """

    id: str
    email: str
    name: str
    role: Role
    password: str
    totp: str = ""
    totp_on: bool = False
    totp_step: int = 0
    sessions_from: int = 0
    enabled: bool = True
    created_at: int = 0
    updated_at: int = 0
    version: int = 1
    audit_head: str = ""

    def may(self, permission: Permission) -> bool:
        """Whether the matrix lets its role do that."""
        return self.role in MATRIX.get(permission, frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One login; `digest` is the SHA-256 of the refresh token that is good."""

    id: str
    admin_id: str
    digest: str
    created_at: int
    expires_at: int
    revoked: bool = False
    version: int = 1

    def live(self, now: int) -> bool:
        """Whether it may still be used."""
        return not self.revoked and now < self.expires_at


def fold_email(text: str) -> str:
    """Spell an address the one way that it is stored and looked up; raises ValueError for what is none."""
    folded = text.strip().lower()
    if not EMAIL.fullmatch(folded) or ".." in folded:
        raise ValueError("not an e-mail address")
    return folded
