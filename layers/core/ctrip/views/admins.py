"""Users of the admin API and their sessions as the world sees them."""

from typing import Annotated, Literal, TypedDict

from ctrip.domain.admins import Admin, Role
from ctrip.views.fields import Id, NextCursor, Shape, Time, rfc3339


class UserView(TypedDict):
    """A user of the admin API."""

    id: Id
    email: str
    name: str
    role: Annotated[str, Shape(values=Role)]
    enabled: bool
    totp: Annotated[bool, "Whether a second factor is asked for."]
    created_at: Time
    updated_at: Time


class UserWithPassword(UserView):
    """A user with a random password, this once; a replayed answer has null for it."""

    password: str | None


class UserPage(TypedDict):
    """Users, by id."""

    data: list[UserView]
    next_cursor: NextCursor


class SessionView(TypedDict):
    """What signing in gives."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str
    user: UserView


class TotpView(TypedDict):
    """A second factor that waits for its first code."""

    secret: str
    uri: Annotated[str, "What an authenticator app scans."]


def admin_view(admin: Admin) -> UserView:
    """Render an admin."""
    return {
        "id": admin.id,
        "email": admin.email,
        "name": admin.name,
        "role": admin.role.value,
        "enabled": admin.enabled,
        "totp": admin.totp_on,
        "created_at": rfc3339(admin.created_at),
        "updated_at": rfc3339(admin.updated_at),
    }
