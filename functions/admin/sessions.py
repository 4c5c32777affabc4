"""Signing in and out, and what everybody may change of themselves."""

from typing import TYPE_CHECKING

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.views.admins import admin_view
from functions.admin.root import ROOT
from functions.http.answers import address_of, answer, nothing, request_id
from functions.http.resource import Call, Resource

if TYPE_CHECKING:
    from functions.requests.users import Credentials, PasswordChange

routes = Resource(__name__)
OF_PASSWORDS = ("user_changed", "too_many_attempts")


@routes.on(
    "POST",
    f"{ROOT}/login",
    body="users.Credentials",
    response="Session",
    codes=("unauthorized", "too_many_attempts"),
)
def sign_in(call: Call) -> Response:
    """Sign in: a token for 15 minutes, and one to refresh it with for 12 hours."""
    body: Credentials = call.body
    address, asked = address_of(call.request), request_id(call.request)
    return answer(stage().admins.sessions.sign_in(body.email, body.password, body.code, address, asked))


@routes.on(
    "POST",
    f"{ROOT}/refresh",
    body="users.SessionRefresh",
    response="Session",
    codes=("unauthorized",),
)
def refresh(call: Call) -> Response:
    """Exchange a refresh token for the next pair; one that comes twice ends the session."""
    return answer(stage().admins.sessions.refresh(call.body.refresh_token))


@routes.on("POST", f"{ROOT}/logout", signed_in=True, status=204)
def sign_out(call: Call) -> Response:
    """End the session, at once."""
    stage().admins.sessions.sign_out(call.user)
    return nothing()


@routes.on("GET", f"{ROOT}/me", signed_in=True, response="User")
def read_me(call: Call) -> Response:
    """Show who is signed in."""
    return answer(admin_view(call.user.admin))


@routes.on(
    "POST",
    f"{ROOT}/me/password",
    signed_in=True,
    body="users.PasswordChange",
    response="User",
    codes=OF_PASSWORDS,
)
def change_my_password(call: Call) -> Response:
    """Change one's own password; every session ends."""
    body: PasswordChange = call.body
    manager = stage().admins.manager
    return answer(manager.change_password(call.user.admin.id, body.password, body.new_password, call.origin))


@routes.on(
    "POST",
    f"{ROOT}/me/totp",
    signed_in=True,
    body="users.PasswordOnly",
    response="Totp",
    codes=("totp_on", "user_changed", "too_many_attempts"),
)
def begin_totp(call: Call) -> Response:
    """Begin to set up a second factor: a secret for an authenticator app, shown this once."""
    return answer(stage().admins.manager.begin_totp(call.user.admin.id, call.body.password, call.origin))


@routes.on(
    "POST",
    f"{ROOT}/me/totp/confirm",
    signed_in=True,
    body="users.CodeOnly",
    response="User",
    codes=("totp_not_begun", "user_changed"),
)
def confirm_totp(call: Call) -> Response:
    """Switch the second factor on, with the app's current code."""
    return answer(stage().admins.manager.confirm_totp(call.user.admin.id, call.body.code, call.origin))


@routes.on(
    "POST",
    f"{ROOT}/me/totp/end",
    signed_in=True,
    body="users.PasswordOnly",
    response="User",
    codes=("user_changed", "too_many_attempts"),
)
def end_totp(call: Call) -> Response:
    """Switch the second factor off."""
    return answer(stage().admins.manager.end_totp(call.user.admin.id, call.body.password, call.origin))
