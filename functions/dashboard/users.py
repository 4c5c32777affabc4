"""The people who operate the stage, and their roles."""

from collections.abc import Mapping
from typing import Any

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.admins import MATRIX, Permission, Role
from functions.dashboard import lists
from functions.dashboard.visit import Visit

COLUMNS = ("id", "email", "name", "role", "enabled", "totp", "created_at", "updated_at")


def list_all(visit: Visit) -> Response:
    """List the users, and what each role may do."""
    manager = stage().admins.manager
    rows, cursor = lists.page(visit, lists.paged(lambda limit, cursor: manager.page(cursor or "", limit)))
    if visit.query.format == "csv":
        return visit.csv("users", COLUMNS, rows)
    matrix = [(each, MATRIX[each]) for each in Permission]
    return visit.show("users.html", rows=rows, next_cursor=cursor, roles=list(Role), matrix=matrix)


def create(visit: Visit) -> Response:
    """Make a user, with a random password that is shown this once."""
    form = visit.form
    made = stage().admins.manager.create(form.email, form.name, form.role, visit.origin, visit.idempotency)
    return _password(visit, made.view, f"{form.name} is a user now")


def update(visit: Visit, user_id: str) -> Response:
    """Change a user's role, or switch them on or off."""
    form = visit.form
    enabled = None if form.enabled is None else form.enabled == "yes"
    manager, mine = stage().admins.manager, visit.user.admin.id
    manager.update(user_id, visit.origin, mine, name=None, role=form.role, enabled=enabled)
    return visit.go("/users", "changed")


def reset(visit: Visit, user_id: str) -> Response:
    """Give a user a random password, shown this once, and no second factor."""
    made = stage().admins.manager.reset(user_id, visit.origin, visit.user.admin.id, visit.idempotency)
    return _password(visit, made.view, "A new password")


def _password(visit: Visit, view: Mapping[str, Any], title: str) -> Response:
    secrets = [("E-mail", view["email"]), ("Password", view["password"])]
    return visit.show("secret.html", title=title, back="/users", secrets=secrets)
