"""The people who operate the stage."""

from typing import TYPE_CHECKING

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.admins import Permission
from functions.admin.root import ROOT
from functions.http.answers import answer, answered
from functions.http.resource import Call, Resource

if TYPE_CHECKING:
    from functions.requests.users import UserRequest

routes = Resource(__name__)
USER = f"{ROOT}/users/{{user_id}}"


@routes.on("GET", f"{ROOT}/users", requires=Permission.USERS_READ, query="pages.Paged", response="UserPage")
def list_users(call: Call) -> Response:
    """List the users of this API."""
    return answer(stage().admins.manager.page(call.query.cursor or "", call.query.limit))


@routes.on(
    "POST",
    f"{ROOT}/users",
    requires=Permission.USERS_WRITE,
    body="users.UserRequest",
    response="UserWithPassword",
    status=201,
    codes=("email_in_use",),
)
def create_user(call: Call) -> Response:
    """Make a user, with a random password that is shown this once."""
    body: UserRequest = call.body
    made = stage().admins.manager.create(body.email, body.name, body.role, call.origin, call.idempotency)
    return answered(made, 201)


@routes.on("GET", USER, requires=Permission.USERS_READ, response="User", codes=("user_not_found",))
def read_user(call: Call, user_id: str) -> Response:
    """Show a user."""
    return answer(stage().admins.manager.one(user_id))


@routes.on(
    "PATCH",
    USER,
    requires=Permission.USERS_WRITE,
    body="users.UserPatch",
    response="User",
    codes=("user_not_found", "own_account", "user_changed"),
)
def update_user(call: Call, user_id: str) -> Response:
    """Change a user's name or role, or switch them off; a new role ends their sessions."""
    body, manager = call.body.model_dump(), stage().admins.manager
    return answer(manager.update(user_id, call.origin, call.user.admin.id, **body))


@routes.on(
    "POST",
    f"{USER}/reset",
    requires=Permission.USERS_WRITE,
    response="UserWithPassword",
    codes=("user_not_found", "own_account", "user_changed"),
)
def reset_user(call: Call, user_id: str) -> Response:
    """Give a user a random password, shown this once, and no second factor; their sessions end."""
    manager = stage().admins.manager
    return answered(manager.reset(user_id, call.origin, call.user.admin.id, call.idempotency))
