"""What the groups of commands share: who acts, and how lists are read to their end."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from ctrip.domain.audit import Origin

EXIT_REFUSED, EXIT_UNREACHABLE = 1, 2


def origin() -> Origin:
    """Name the operator in the audit trail."""
    from ctrip.domain.audit import Origin

    return Origin(f"operator:{getpass.getuser()}")


def signed_in(email: str) -> Origin:
    """Have somebody who may approve prove who they are: no name is worth more than a password."""
    from ctrip.bootstrap import stage
    from ctrip.domain.admins import Permission

    password = typer.prompt("Password", hide_input=True, err=True)
    code = typer.prompt("Code (empty without a second factor)", default="", show_default=False, err=True)
    sessions = stage().admins.sessions
    session = sessions.sign_in(email, password, code.strip() or None, "", "")
    who = sessions.authenticate(f"Bearer {session['access_token']}", "", "")
    sessions.sign_out(who)
    return who.may(Permission.PAYOUTS_APPROVE).origin


def every(page: Callable[[str, int], Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Read a list to its end; `page` takes the cursor of a page and its size."""
    found: list[Mapping[str, Any]] = []
    after: str | None = ""
    while after is not None:
        answer = page(after, 100)
        found, after = found + answer["data"], answer["next_cursor"]
    return found
