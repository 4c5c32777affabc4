"""`ctrip merchants`: make, list, change, switch off."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ctrip.domain.bounds import NAME, Choice
from ctrip.domain.merchants.terms import XPUB, Terms
from ctrip.domain.payments.payment import Custody
from infra.cli.addresses import confirm_addresses
from infra.cli.options import metavar_of, parser_of, with_terms
from infra.cli.shared import every, origin
from infra.cli.show import shown

PROVISION_SECONDS = 30
ABOUT_XPUB = (
    "Its own extended public key of an account (m/44'/60'/n'), which begins with xpub: nothing is swept then. A key "
    "does not tell which coin it is of: its first addresses are shown, to be compared with the wallet's."
)
ABOUT_KEY = (
    "Its own extended public key of an account at the chain's own coin (Tron: m/44'/195'/n'), which begins with xpub. "
    "Its first addresses are shown, to be compared with the wallet's."
)
ABOUT_CUSTODY = (
    "Where what it receives goes, for good: hot, to the stage's treasury; direct, to its own treasury of each chain, "
    "which `ctrip merchants treasury` sets; xpub, nowhere, with --xpub. Without it: xpub with --xpub, else hot."
)
MerchantId = Annotated[str, typer.Argument(help="The merchant's id.")]
merchants = typer.Typer(help="Merchants: make, list, change, switch off.", no_args_is_help=True)


@merchants.command("list")
def list_merchants() -> None:
    """List every merchant."""
    from ctrip.bootstrap import stage

    shown(every(stage().merchants.manager.page), ("id", "name", "status", "custody", "created_at"))


@merchants.command("show")
def show_merchant(merchant_id: MerchantId) -> None:
    """Show one merchant."""
    from ctrip.bootstrap import stage

    shown(stage().merchants.manager.one(merchant_id))


@merchants.command("create")
@with_terms(defaults=True)
def create_merchant(
    name: Annotated[str, typer.Argument(parser=parser_of(NAME), metavar="name", help="What it is called.")],
    xpub: Annotated[str | None, typer.Option(parser=parser_of(XPUB), metavar="XPUB", help=ABOUT_XPUB)] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether the addresses of --xpub are right.")] = False,
    custody: Annotated[
        Custody | None,
        typer.Option(parser=parser_of(Choice(Custody)), metavar=metavar_of(Choice(Custody)), help=ABOUT_CUSTODY),
    ] = None,
    *,
    terms: dict[str, Any],
) -> None:
    """Make a merchant, wait for its account, and print its webhook secret, this once."""
    from ctrip.bootstrap import stage

    if xpub:
        confirm_addresses(xpub, yes=yes)
    manager = stage().merchants.manager
    made = manager.create(Terms(name=name, **terms), xpub, origin(), None, custody=custody).view
    now: Mapping[str, Any] = made
    deadline = time.monotonic() + PROVISION_SECONDS
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
    from ctrip.bootstrap import stage

    shown(stage().merchants.manager.rediscover(merchant_id, origin()))


@merchants.command("update")
@with_terms(defaults=False)
def update_merchant(
    merchant_id: MerchantId,
    name: Annotated[str | None, typer.Option(parser=parser_of(NAME), metavar="NAME", help="What it is called.")] = None,
    *,
    terms: dict[str, Any],
) -> None:
    """Change a merchant's terms; payments that exist keep theirs."""
    from ctrip.bootstrap import stage

    shown(stage().merchants.manager.update(merchant_id, Terms(name=name, **terms), origin()))


@merchants.command("brand")
def merchant_brand(
    merchant_id: MerchantId,
    name: Annotated[str | None, typer.Option(help="The shop's name; empty: the merchant's.")] = None,
    colour: Annotated[str | None, typer.Option(help="Of the band at the top and of buttons, as #rrggbb.")] = None,
    contact: Annotated[str | None, typer.Option(help="Whom payers ask: an e-mail or https address.")] = None,
    origin_: Annotated[
        list[str] | None, typer.Option("--origin", help="A web site that may embed the pages; repeat it for more.")
    ] = None,
    logo: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A PNG or WebP file of at most 64 KiB.")
    ] = None,
    no: Annotated[
        list[str] | None, typer.Option("--no", help="Take it away: colour, contact, logo or origins.")
    ] = None,
) -> None:
    """Show or set how a merchant's shop looks on the pages of its payers; what is not named stays."""
    from ctrip.bootstrap import stage
    from ctrip.services.merchants.set_brand import BrandWish

    held: dict[str, Any] = dict(stage().merchants.manager.one(merchant_id)["brand"])
    given = {"name": name, "colour": colour, "contact": contact, "origins": origin_}
    if not (no or logo or any(each is not None for each in given.values())):
        shown(held)
        return
    held |= {field: value for field, value in given.items() if value is not None}
    gone = set(no or ())
    wish = BrandWish(
        name=held["name"] or None,
        colour=None if "colour" in gone else held["colour"],
        contact=None if "contact" in gone else held["contact"],
        origins=() if "origins" in gone else tuple(held["origins"]),
        logo=b64encode(logo.read_bytes()).decode() if logo else None,
        keeps_logo=logo is None and "logo" not in gone,
    )
    shown(stage().merchants.brands.set(merchant_id, wish, origin())["brand"])


@merchants.command("key")
def merchant_key(
    merchant_id: MerchantId,
    chain: Annotated[str, typer.Argument(help="A network of the stage; the key counts for all of its kind.")],
    xpub: Annotated[str, typer.Argument(parser=parser_of(XPUB), metavar="XPUB", help=ABOUT_KEY)],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether the addresses of the key are right.")] = False,
) -> None:
    """Bring a merchant's own extended key for the chains of another kind, such as Tron (custody xpub)."""
    from ctrip.bootstrap import stage

    confirm_addresses(xpub, yes=yes, chain=chain)
    shown(stage().merchants.manager.add_key(merchant_id, chain, xpub, origin()))


@merchants.command("treasury")
def merchant_treasury(
    merchant_id: MerchantId,
    chain: Annotated[str, typer.Argument(help="A network of the stage.")],
    address: Annotated[str | None, typer.Argument(help="The new treasury; without it the one that is set.")] = None,
) -> None:
    """Show or set the treasury of its own that a merchant's deposits are swept to (custody direct).

    The first one counts at once; a change after the delay of settlement addresses, and the merchant is told at once.
    """
    from ctrip.bootstrap import stage

    addresses = stage().settlement.addresses
    if address is None:
        shown(addresses.show_treasury(merchant_id, chain))
    else:
        shown(addresses.set_treasury(merchant_id, chain, address, origin()))


@merchants.command("disable")
def disable_merchant(merchant_id: MerchantId) -> None:
    """Switch a merchant off: its keys open nothing; its payments are still looked after."""
    _switch(merchant_id, on=False)


@merchants.command("enable")
def enable_merchant(merchant_id: MerchantId) -> None:
    """Switch a merchant on again."""
    _switch(merchant_id, on=True)


def _switch(merchant_id: str, *, on: bool) -> None:
    from ctrip.bootstrap import stage

    shown(stage().merchants.manager.update(merchant_id, Terms(enabled=on), origin()))
