"""The command line's tree: `ctrip [--stage S] merchants|keys|admins|audit ...`."""

from __future__ import annotations

import getpass
import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.addresses import confirm_addresses
from infra.cli.show import Output, shown
from infra.stack import names

if TYPE_CHECKING:
    from ctrip.domain.audit import Origin

EXIT_REFUSED, EXIT_UNREACHABLE = 1, 2
PROVISION_SECONDS = 30

cli = typer.Typer(
    name="ctrip",
    help="Operate a stage of cTrip: merchants, their keys, and the people who may use the admin API.\n\n"
    "It uses your own AWS credentials, and everything it does stands in the audit trail under your name.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
merchants = typer.Typer(help="Merchants: make, list, change, switch off.", no_args_is_help=True)
keys = typer.Typer(help="A merchant's API keys: make, list, rotate, revoke.", no_args_is_help=True)
admins = typer.Typer(help="Users of the admin API; the first one is made here.", no_args_is_help=True)
audit = typer.Typer(help="The audit trail: read and verify.", no_args_is_help=True)
cli.add_typer(merchants, name="merchants")
cli.add_typer(keys, name="keys")
cli.add_typer(admins, name="admins")
cli.add_typer(audit, name="audit")

MerchantId = Annotated[str, typer.Argument(help="The merchant's id.")]
KeyId = Annotated[str, typer.Argument(help="The key's id.")]
Email = Annotated[str, typer.Argument(help="Their e-mail address.")]
OVERLAP = "Seconds that the old ones stay good; 0 where they have leaked."
XPUB = (
    "Its own extended public key of an account (m/44'/60'/n'), which begins with xpub: nothing is swept then. A key "
    "does not tell which coin it is of: its first addresses are shown, to be compared with the wallet's."
)


@cli.callback()
def stage(
    name: Annotated[str, typer.Option("--stage", envvar="CTRIP_STAGE", help="Which stage.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Choose the stage."""
    from ctrip.domain.errors import ConfigurationError

    if wrong := names.unknown(os.environ):
        raise ConfigurationError(wrong)
    os.environ["CTRIP_STAGE"] = name
    Output.as_json = as_json


def _every(page: Callable[[str, int], dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        answer = page(after, 100)
        found, after = found + answer["data"], answer["next_cursor"]
    return found


def _origin() -> Origin:
    from ctrip.domain.audit import Origin

    return Origin(f"operator:{getpass.getuser()}")


@cli.command("verifying-key")
def verifying_key() -> None:
    """Print the public key that CTRIP_VERIFYING_KEY is to hold: it vouches for merchants' extended keys."""
    from ctrip.aws.signer import LambdaSigner

    key = LambdaSigner(os.environ["CTRIP_STAGE"]).verifying_key()
    shown({"verifying_key": key})


# -- merchants


@merchants.command("list")
def list_merchants() -> None:
    """List every merchant."""
    from ctrip import bootstrap

    shown(_every(bootstrap.merchant_manager().page), ("id", "name", "status", "custody", "created_at"))


@merchants.command("show")
def show_merchant(merchant_id: MerchantId) -> None:
    """Show one merchant."""
    from ctrip import bootstrap

    shown(bootstrap.merchant_manager().one(merchant_id))


@merchants.command("create")
def create_merchant(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    xpub: Annotated[str | None, typer.Option(help=XPUB)] = None,
    expires_in: Annotated[int | None, typer.Option(min=60, max=86_400, help="Seconds a payment lives.")] = None,
    tolerance_per_mille: Annotated[int | None, typer.Option(min=0, max=100)] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether the addresses of --xpub are right.")] = False,
) -> None:
    """Make a merchant, wait for its account, and print its webhook secret, this once."""
    from ctrip import bootstrap
    from ctrip.services.merchants.manage_merchants import Terms

    if xpub:
        confirm_addresses(xpub, yes=yes)
    manager = bootstrap.merchant_manager()
    terms = Terms(name=name, expires_in=expires_in, tolerance_per_mille=tolerance_per_mille)
    made = manager.create(terms, xpub, _origin(), None).view
    now, deadline = made, time.monotonic() + PROVISION_SECONDS
    try:
        while now["status"] == "provisioning" and time.monotonic() < deadline:
            typer.echo("waiting for the signer to give it an account ...", err=True)
            time.sleep(1)
            now = manager.one(made["id"])
    finally:
        # Also where somebody does not want to wait: the secret is shown this once.
        shown({**now, "webhook_secret": made["webhook_secret"]})
    if now["status"] == "provisioning":
        typer.echo("It has no account yet; the function `provision` tries again every five minutes.", err=True)


@merchants.command("discover")
def discover_merchant(merchant_id: MerchantId) -> None:
    """Look for used addresses of its account again, after a restore say; until that is done it takes no payments."""
    from ctrip import bootstrap

    shown(bootstrap.merchant_manager().rediscover(merchant_id, _origin()))


@merchants.command("update")
def update_merchant(
    merchant_id: MerchantId,
    name: Annotated[str | None, typer.Option()] = None,
    expires_in: Annotated[int | None, typer.Option(min=60, max=86_400)] = None,
    tolerance_per_mille: Annotated[int | None, typer.Option(min=0, max=100)] = None,
    monitoring_seconds: Annotated[int | None, typer.Option(min=0, max=2_592_000)] = None,
    confirmations: Annotated[int | None, typer.Option(min=0, max=10_000)] = None,
    calls_per_second: Annotated[int | None, typer.Option(min=0, max=10_000, help="0: the stage's own.")] = None,
    open_payments: Annotated[int | None, typer.Option(min=0, max=1_000_000, help="0: the stage's own.")] = None,
) -> None:
    """Change a merchant's terms; payments that exist keep theirs."""
    from ctrip import bootstrap
    from ctrip.services.merchants.manage_merchants import Terms

    terms = Terms(
        name=name,
        expires_in=expires_in,
        tolerance_per_mille=tolerance_per_mille,
        monitoring_seconds=monitoring_seconds,
        confirmations=confirmations,
        calls_per_second=calls_per_second,
        open_payments=open_payments,
    )
    shown(bootstrap.merchant_manager().update(merchant_id, terms, _origin()))


def _switch(merchant_id: str, *, on: bool) -> None:
    from ctrip import bootstrap
    from ctrip.services.merchants.manage_merchants import Terms

    shown(bootstrap.merchant_manager().update(merchant_id, Terms(enabled=on), _origin()))


@merchants.command("disable")
def disable_merchant(merchant_id: MerchantId) -> None:
    """Switch a merchant off: its keys open nothing; its payments are still looked after."""
    _switch(merchant_id, on=False)


@merchants.command("enable")
def enable_merchant(merchant_id: MerchantId) -> None:
    """Switch a merchant on again."""
    _switch(merchant_id, on=True)


# -- keys


@keys.command("list")
def list_keys(merchant_id: MerchantId) -> None:
    """List a merchant's keys."""
    from ctrip import bootstrap

    found = bootstrap.key_manager().page(merchant_id)["data"]
    shown(found, ("id", "name", "scopes", "signed_only", "enabled", "expires_at", "last_used_at"))


@keys.command("create")
def create_key(
    merchant_id: MerchantId,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[list[str], typer.Option(help="payments:read, payments:write, webhooks, settlements, admin:*")],
    signed_only: Annotated[bool, typer.Option("--signed-only", help="No bearer key; signed requests alone.")] = False,
    allow: Annotated[list[str] | None, typer.Option(help="An address or network it may be used from.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="When it ends.")] = None,
) -> None:
    """Make a key, and print its secrets, this once."""
    from ctrip import bootstrap
    from ctrip.domain.merchants.access import Scope
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
        expires_at=bootstrap.clock.now() + days * 86_400_000 if days else None,
    )
    shown(bootstrap.key_manager().create(merchant_id, wanted, _origin()).view)


@keys.command("rotate")
def rotate_key(
    merchant_id: MerchantId,
    key_id: KeyId,
    overlap: Annotated[
        int, typer.Option(min=0, max=604_800, help="Seconds the old ones stay good; 0: leaked.")
    ] = 86_400,
) -> None:
    """Give a key new secrets, and print them, this once."""
    from ctrip import bootstrap

    shown(bootstrap.key_manager().rotate(merchant_id, key_id, _origin(), overlap_seconds=overlap).view)


@keys.command("revoke")
def revoke_key(merchant_id: MerchantId, key_id: KeyId) -> None:
    """End a key for good."""
    from ctrip import bootstrap

    bootstrap.key_manager().revoke(merchant_id, key_id, _origin())
    typer.echo(f"{key_id} is revoked; it opens nothing within {bootstrap.settings().key_cache_seconds} s.", err=True)


# -- admins


@admins.command("list")
def list_admins() -> None:
    """List the users of the admin API."""
    from ctrip import bootstrap

    shown(_every(bootstrap.admin_manager().page), ("id", "email", "name", "role", "enabled", "totp"))


@admins.command("create")
def create_admin(
    email: Email,
    role: Annotated[str, typer.Option(help="owner, operator, accountant or viewer")],
    name: Annotated[str, typer.Option(help="Their name; else the address.")] = "",
) -> None:
    """Make a user, and print a random password, this once. The first one is made so: there is no default."""
    from ctrip import bootstrap
    from ctrip.domain.admins import Role

    try:
        chosen = Role(role)
    except ValueError as exc:
        raise typer.BadParameter(f"there are {', '.join(Role)}", param_hint="--role") from exc
    shown(bootstrap.admin_manager().create(email, name or email, chosen, _origin()).view)


@admins.command("reset")
def reset_admin(email: Email) -> None:
    """Give somebody a new random password and no second factor; their sessions end."""
    from ctrip import bootstrap

    shown(bootstrap.admin_manager().reset(_admin(email), _origin()).view)


@admins.command("disable")
def disable_admin(email: Email) -> None:
    """Switch somebody off, at once."""
    from ctrip import bootstrap

    shown(bootstrap.admin_manager().update(_admin(email), _origin(), None, enabled=False))


@admins.command("enable")
def enable_admin(email: Email) -> None:
    """Switch somebody on again."""
    from ctrip import bootstrap

    shown(bootstrap.admin_manager().update(_admin(email), _origin(), None, enabled=True))


@admins.command("rotate-key")
def rotate_token_key() -> None:
    """Sign access tokens with a new key from now on."""
    from ctrip import bootstrap

    key = bootstrap.doorkeeper().new_token_key()
    typer.echo(f"signing with {key.id} from now on, everywhere within five minutes", err=True)


def _admin(email: str) -> str:
    from ctrip import bootstrap
    from ctrip.domain.admins import fold_email
    from ctrip.domain.errors import NotFound

    try:
        found = bootstrap.admins().by_email(fold_email(email))
    except ValueError:
        found = None
    if found is None:
        raise NotFound(f"There is no user {email}.")
    return found


# -- audit

Kind = Annotated[str, typer.Argument(help="payment, merchant or user")]
Subject = Annotated[str, typer.Argument(help="Its id.")]


@audit.command("show")
def show_audit(kind: Kind, subject: Subject) -> None:
    """Show what was done to it: by whom, from where, when."""
    from ctrip import bootstrap
    from ctrip.views.audit import audit_view

    chain = bootstrap.audit_reader().whole(f"{kind}_id", subject)
    shown([audit_view(each) for each in chain], ("version", "at", "action", "actor", "address", "after"))


@audit.command("verify")
def verify_audit(
    kind: Kind,
    subject: Subject,
    hour: Annotated[str | None, typer.Option(help="Against the seal of an hour too: 2026-01-31T12.")] = None,
) -> None:
    """Check that each record follows from the one before it, and what a seal covered still stands."""
    from ctrip import bootstrap

    chain = bootstrap.audit_reader().whole(f"{kind}_id", subject)
    verdict = bootstrap.audit_verifier().verify(subject, chain, hour)
    if verdict.problem:
        typer.echo(f"BROKEN: {verdict.problem}", err=True)
        raise typer.Exit(EXIT_REFUSED)
    sealed = f", {verdict.sealed} of them sealed in {hour}" if hour else ""
    typer.echo(f"whole: {verdict.records} records{sealed}")


def main() -> int:
    """Run it; a refusal is one line and exit code 1, a stage that is out of reach one line and 2."""
    from botocore.exceptions import BotoCoreError, ClientError

    from ctrip.domain.errors import Busy, ConfigurationError, Refusal

    try:
        cli(standalone_mode=False, prog_name="ctrip")
    except typer.Abort:
        return 130
    except typer.Exit as done:
        return int(done.exit_code)
    except Refusal as exc:
        return _say(exc.detail, EXIT_REFUSED)
    except (ConfigurationError, Busy) as exc:
        return _say(str(exc), EXIT_UNREACHABLE)
    except (BotoCoreError, ClientError) as exc:
        return _say(f"AWS: {str(exc).splitlines()[0]}", EXIT_UNREACHABLE)
    except Exception as exc:
        if hasattr(exc, "show"):  # click's own: a wrong option, a missing argument
            exc.show()
            return int(getattr(exc, "exit_code", EXIT_UNREACHABLE))
        raise
    return 0


def _say(words: str, code: int) -> int:
    print(f"ctrip: {words}", file=sys.stderr)
    return code
