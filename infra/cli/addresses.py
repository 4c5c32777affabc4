"""Shows whoever makes a merchant with its own extended key what lies at the first addresses of that key, and asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from infra.cli.show import table

if TYPE_CHECKING:
    from ctrip.services.merchants.discover_account import AccountDiscoverer

SHOWN = 3


def confirm_addresses(xpub: str, *, yes: bool, chain: str | None = None) -> None:
    """Show the first addresses with their balances on each enabled chain; ends the command unless they are confirmed.

    With a `chain` the key is of its kind, else of the first. It is all said on standard error, so that programs still
    read JSON.
    """
    from ctrip.bootstrap import stage
    from ctrip.domain.chains.kinds import FIRST, address_at, rules_of
    from ctrip.domain.errors import InvalidField
    from ctrip.domain.merchants.account_key import parse_account_xpub
    from ctrip.services.shared.choose_asset import chosen_network

    networks = stage().networks
    rules = rules_of(chosen_network(networks, chain)) if chain else FIRST
    try:
        xpub = parse_account_xpub(xpub, rules)
    except ValueError as exc:
        raise InvalidField("xpub", "invalid_xpub", str(exc)) from None
    addresses = [address_at(rules, xpub, index) for index in range(SHOWN)]
    discoverer = stage().merchants.discoverer()
    alike = [name for name, network in networks.items() if rules_of(network).curve == rules.curve]
    rows = [row for name in alike for row in _rows(discoverer, name, addresses)]
    typer.echo("The first addresses of this key, which must be those that the merchant's own wallet shows:\n", err=True)
    typer.echo(table(rows, ("path", "address", "chain", "holds")), err=True)
    typer.echo(
        "\nA key does not tell which coin or path it is of; these addresses do. Used ones are not given out again.",
        err=True,
    )
    if not yes:
        typer.confirm("Are they the merchant's?", abort=True, err=True)


def _rows(discoverer: AccountDiscoverer, name: str, addresses: list[str]) -> list[dict[str, Any]]:
    holds = _holdings(discoverer, name, addresses)
    return [
        {"path": f"M/0/{index}", "address": address, "chain": name, "holds": held}
        for index, (address, held) in enumerate(zip(addresses, holds, strict=True))
    ]


def _holdings(discoverer: AccountDiscoverer, name: str, addresses: list[str]) -> list[str]:
    from botocore.exceptions import BotoCoreError, ClientError

    from ctrip.domain.errors import ChainError, ConfigurationError
    from ctrip.domain.money import format_decimal

    try:
        seen = discoverer.look(name, addresses)
    except (ChainError, ConfigurationError, BotoCoreError, ClientError) as exc:
        return [f"unknown ({type(exc).__name__}: the chain could not be asked)"] * len(addresses)
    network = discoverer.networks[name]
    decimals = {asset.symbol: asset.decimals for asset in (network.coin, *network.tokens)}
    found = []
    for each in seen:
        held = [f"{format_decimal(amount, decimals[symbol])} {symbol}" for symbol, amount in each.balances if amount]
        sent = [f"{each.sent} transactions sent"] if each.sent else []
        found.append(", ".join([*held, *sent]) or "nothing, never used")
    return found
