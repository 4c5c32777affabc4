"""`ctrip keys`: a merchant's API keys."""

from __future__ import annotations

from typing import Annotated

import typer

from ctrip.domain.bounds import NAME
from ctrip.domain.merchants.access import ALLOWED_IPS, OVERLAP, OVERLAP_SECONDS, Scope
from infra.cli.merchants import MerchantId
from infra.cli.options import counted, metavar_of, parser_of
from infra.cli.shared import origin
from infra.cli.show import shown

KeyId = Annotated[str, typer.Argument(help="The key's id.")]
keys = typer.Typer(help="A merchant's API keys: make, list, rotate, revoke.", no_args_is_help=True)


@keys.command("list")
def list_keys(merchant_id: MerchantId) -> None:
    """List a merchant's keys."""
    from ctrip.bootstrap import stage

    found = stage().merchants.keys.page(merchant_id)["data"]
    shown(found, ("id", "name", "scopes", "signed_only", "enabled", "expires_at", "last_used_at"))


@keys.command("create")
def create_key(
    merchant_id: MerchantId,
    name: Annotated[str, typer.Argument(parser=parser_of(NAME), metavar="name", help="What it is for.")],
    scope: Annotated[list[str], typer.Option(help=", ".join(Scope))],
    signed_only: Annotated[bool, typer.Option("--signed-only", help="No bearer key; signed requests alone.")] = False,
    allow: Annotated[
        list[str] | None,
        typer.Option(callback=counted(ALLOWED_IPS), help="An address or network it may be used from."),
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="When it ends.")] = None,
) -> None:
    """Make a key, and print its secrets, this once."""
    from ctrip.bootstrap import stage
    from ctrip.services.merchants.manage_keys import NewKey

    try:
        scopes = frozenset(map(Scope, scope))
    except ValueError as exc:
        raise typer.BadParameter(f"{exc}; there are {', '.join(Scope)}", param_hint="--scope") from exc
    wanted = NewKey(
        name=name,
        scopes=scopes,
        signed_only=signed_only,
        allowed_ips=tuple(allow or ()),
        expires_at=stage().clock.now() + days * 86_400_000 if days else None,
    )
    shown(stage().merchants.keys.create(merchant_id, wanted, origin()).view)


@keys.command("rotate")
def rotate_key(
    merchant_id: MerchantId,
    key_id: KeyId,
    overlap: Annotated[
        int,
        typer.Option(
            parser=parser_of(OVERLAP), metavar=metavar_of(OVERLAP), help="Seconds the old ones stay good; 0: leaked."
        ),
    ] = OVERLAP_SECONDS,
) -> None:
    """Give a key new secrets, and print them, this once."""
    from ctrip.bootstrap import stage

    shown(stage().merchants.keys.rotate(merchant_id, key_id, origin(), overlap_seconds=overlap).view)


@keys.command("revoke")
def revoke_key(merchant_id: MerchantId, key_id: KeyId) -> None:
    """End a key for good."""
    from ctrip.bootstrap import stage

    stage().merchants.keys.revoke(merchant_id, key_id, origin())
    typer.echo(f"{key_id} is revoked; it opens nothing within {stage().settings.key_cache_seconds} s.", err=True)
