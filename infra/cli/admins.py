"""`ctrip admins`: users of the admin API."""

from __future__ import annotations

from typing import Annotated

import typer

from ctrip.domain.admins import Role, fold_email
from ctrip.domain.bounds import NAME
from infra.cli.options import parser_of
from infra.cli.shared import every, origin
from infra.cli.show import shown

Email = Annotated[str, typer.Argument(help="Their e-mail address.")]
admins = typer.Typer(help="Users of the admin API; the first one is made here.", no_args_is_help=True)


@admins.command("list")
def list_admins() -> None:
    """List the users of the admin API."""
    from ctrip.bootstrap import stage

    shown(every(stage().admins.manager.page), ("id", "email", "name", "role", "enabled", "totp"))


@admins.command("create")
def create_admin(
    email: Email,
    role: Annotated[str, typer.Option(help="owner, operator, accountant or viewer")],
    name: Annotated[
        str | None, typer.Option(parser=parser_of(NAME), metavar="NAME", help="Their name; else the address.")
    ] = None,
) -> None:
    """Make a user, and print a random password, this once. The first one is made so: there is no default."""
    from ctrip.bootstrap import stage

    try:
        chosen = Role(role)
    except ValueError as exc:
        raise typer.BadParameter(f"there are {', '.join(Role)}", param_hint="--role") from exc
    shown(stage().admins.manager.create(email, name or email, chosen, origin()).view)


@admins.command("reset")
def reset_admin(email: Email) -> None:
    """Give somebody a new random password and no second factor; their sessions end."""
    from ctrip.bootstrap import stage

    shown(stage().admins.manager.reset(_admin(email), origin()).view)


@admins.command("disable")
def disable_admin(email: Email) -> None:
    """Switch somebody off, at once."""
    from ctrip.bootstrap import stage

    shown(stage().admins.manager.update(_admin(email), origin(), None, enabled=False))


@admins.command("enable")
def enable_admin(email: Email) -> None:
    """Switch somebody on again."""
    from ctrip.bootstrap import stage

    shown(stage().admins.manager.update(_admin(email), origin(), None, enabled=True))


@admins.command("rotate-key")
def rotate_token_key() -> None:
    """Sign access tokens with a new key from now on."""
    from ctrip.bootstrap import stage

    key = stage().admins.sessions.new_token_key()
    typer.echo(f"signing with {key.id} from now on, everywhere within five minutes", err=True)


def _admin(email: str) -> str:
    from ctrip.bootstrap import stage
    from ctrip.domain.errors import NotFound

    try:
        found = stage().adapters.admins.by_email(fold_email(email))
    except ValueError:
        found = None
    if found is None:
        raise NotFound(f"There is no user {email}.")
    return found
