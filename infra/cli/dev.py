"""`ctrip dev`: what a developer moves on the local stage."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.show import shown

dev = typer.Typer(help="Move what the local stage takes for the world outside.", no_args_is_help=True)


class Source(StrEnum):
    """Whose word is moved."""

    ALL = "all"
    CHAINLINK = "chainlink"
    KRAKEN = "kraken"
    COINBASE = "coinbase"


@dev.command("rate")
def move_rate(
    symbol: Annotated[str, typer.Argument(help="An asset or a currency, such as ETH, USDC or EUR.")],
    value: Annotated[str, typer.Argument(help="What one unit is worth in US dollars, such as 2500.50.")],
    source: Annotated[Source, typer.Option(help="Whose word is moved.")] = Source.ALL,
    age: Annotated[
        int, typer.Option(min=0, help="How old the feed says that it is, in seconds: a feed that stalls.")
    ] = 0,
) -> None:
    """Move a rate of the local stage: its price feed, and what the recorded exchange answers."""
    from infra.stack import exchange, feeds

    state, rpc_url = _running()
    if symbol not in feeds.INITIAL:
        raise typer.BadParameter(f"there are {', '.join(feeds.INITIAL)}", param_hint="SYMBOL")
    _check(value)
    moved = [name for name in Source if name is not Source.ALL and source in (Source.ALL, name)]
    for name in moved:
        if name is Source.CHAINLINK:
            feeds.move(rpc_url, symbol, value, age=age)
        else:
            exchange.move(state, name.value, **{symbol: value})
    shown({"symbol": symbol, "usd": value, "sources": ", ".join(moved)})


@dev.command("outage")
def outage(
    name: Annotated[Source, typer.Argument(help="kraken, coinbase, or all: both of them.")],
    end: Annotated[bool, typer.Option("--end", help="It answers again.")] = False,
) -> None:
    """Have the recorded exchange fail in a source's place, until it is ended."""
    from infra.stack import exchange

    state, _ = _running()
    stopped = [each for each in exchange.EXCHANGES if name in (Source.ALL, each)]
    if not stopped:
        raise typer.BadParameter("the feeds on chain are made old instead: ctrip dev rate ... --age", param_hint="NAME")
    for each in stopped:
        exchange.move(state, each, **{exchange.OUT: None if end else "1"})
    shown({"sources": ", ".join(stopped), "state": "answering" if end else "out"})


def _running() -> tuple[Path, str]:
    """Return the folder and the node of the gateway that runs in this checkout."""
    from ctrip import config
    from ctrip.domain.errors import ConfigurationError
    from infra.stack.settings import announced, state_folder
    from infra.tools.errors import Refused

    if (stage := os.environ["CTRIP_STAGE"]) != config.LOCAL:
        raise ConfigurationError(
            f"the stage {stage} takes its rates from the world outside: nothing moves them from here"
        )
    try:
        about = announced()
    except Refused as refusal:
        raise ConfigurationError(str(refusal)) from refusal
    if about is None:
        raise ConfigurationError("no gateway runs here; start one with: make up")
    return state_folder(), about["chains"]["anvil"]["rpc_url"]


def _check(value: str) -> None:
    from ctrip.domain.prices.rate import read_rate
    from infra.stack import feeds

    try:
        read_rate(value)
        feeds.scaled(value)
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint="VALUE") from None
