"""A merchant's API keys."""

from pydantic import AwareDatetime, Field

from ctrip.domain.merchants.access import Scope
from functions.schemas.shared import NextCursor, Shown


class KeyVersion(Shown):
    """One pair of secrets that is good."""

    created_at: AwareDatetime
    expires_at: AwareDatetime | None


class Key(Shown):
    """An API key, without its secrets."""

    id: str
    name: str
    scopes: list[Scope]
    signed_only: bool
    allowed_ips: list[str]
    enabled: bool
    expires_at: AwareDatetime | None
    created_at: AwareDatetime
    last_used_at: AwareDatetime | None = Field(description="To ten minutes.")
    versions: list[KeyVersion]


class KeyWithSecrets(Key):
    """An API key with its secrets, this once; a replayed answer has null for them."""

    api_key: str | None = Field(description="The bearer key; null for a signed-only key.")
    signing_secret: str | None


class KeyPage(Shown):
    """API keys."""

    data: list[Key]
    next_cursor: NextCursor
