"""Requests about the people who operate a stage."""

from typing import Annotated

from pydantic import (
    Field,
    StringConstraints,
)

from ctrip.domain.admins import PASSWORD, Role
from functions.http.bounded import Bounded
from functions.http.models import Email, Name, Password, Strict, example

Digits6 = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class Credentials(Strict):
    """Sign in; `code` where a second factor is set up."""

    email: Email
    password: Password
    code: Digits6 | None = None


class SessionRefresh(Strict):
    """Go on with a session."""

    refresh_token: Annotated[str, StringConstraints(min_length=1, max_length=128)]


class UserRequest(Strict):
    """Make a user of the admin API."""

    model_config = example(email="ada@ops.example", name="Ada", role="operator")

    email: Email
    name: Name
    role: Annotated[Role, Field(strict=False)]


class UserPatch(Strict):
    """Change a user; what is left out stays."""

    name: Name | None = None
    role: Annotated[Role, Field(strict=False)] | None = None
    enabled: bool | None = None


class PasswordChange(Strict):
    """Change one's own password."""

    password: Password
    new_password: Annotated[str, Bounded(PASSWORD)]


class PasswordOnly(Strict):
    """Prove it with one's password."""

    password: Password


class CodeOnly(Strict):
    """Prove it with the authenticator app's code."""

    code: Digits6
