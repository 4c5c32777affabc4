"""What operators work with: merchants, users, their sessions, and the audit trail."""

from typing import Any, Literal

from pydantic import AwareDatetime, Field

from ctrip.domain.admins import Role
from ctrip.domain.payments.payment import Custody, Late
from functions.schemas.shared import Id, NextCursor, Shown


class Merchant(Shown):
    """A merchant."""

    id: Id
    name: str
    status: Literal["provisioning", "active", "disabled"]
    enabled: bool
    custody: Custody
    xpub: str | None
    account_path: str | None
    expires_in: int
    tolerance_per_mille: int
    monitoring_seconds: int
    late: Late
    confirmations: int
    calls_per_second: int | None = Field(description="Null: as many as the stage gives.")
    open_payments: int | None = Field(description="Null: as many as the stage gives.")
    created_at: AwareDatetime
    updated_at: AwareDatetime
    version: int


class MerchantWithSecret(Merchant):
    """A merchant with its webhook secret, this once; a replayed answer has null for it."""

    webhook_secret: str | None


class MerchantPage(Shown):
    """Merchants, by id."""

    data: list[Merchant]
    next_cursor: NextCursor


class User(Shown):
    """A user of the admin API."""

    id: Id
    email: str
    name: str
    role: Role
    enabled: bool
    totp: bool = Field(description="Whether a second factor is asked for.")
    created_at: AwareDatetime
    updated_at: AwareDatetime


class UserWithPassword(User):
    """A user with a random password, this once; a replayed answer has null for it."""

    password: str | None


class UserPage(Shown):
    """Users, by id."""

    data: list[User]
    next_cursor: NextCursor


class Session(Shown):
    """What signing in gives."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str
    user: User


class Totp(Shown):
    """A second factor that waits for its first code."""

    secret: str
    uri: str = Field(description="What an authenticator app scans.")


class AuditEntry(Shown):
    """What was done once; `hash` covers it and `previous`."""

    subject: str
    version: int
    action: str
    actor: str = Field(description="`key:<id>`, `admin:<id>`, `operator` or a function's name.")
    address: str | None
    request_id: str | None
    at: AwareDatetime
    before: dict[str, Any]
    after: dict[str, Any]
    previous: str | None
    hash: str


class AuditPage(Shown):
    """Audit records, oldest first."""

    data: list[AuditEntry]
    next_after: int | None = Field(description="`after` of the next page; null: there is none.")
