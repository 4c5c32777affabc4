"""`ctrip rpc`: a stage's own RPC endpoints, with their providers' keys, in its secret."""

from __future__ import annotations

import json
import os
from typing import Annotated, Any

import typer

from infra.cli import deployed, endpoints
from infra.cli.shared import EXIT_REFUSED
from infra.cli.show import shown

rpc = typer.Typer(help="RPC endpoints: add one to the stage's secret, test those that it uses.", no_args_is_help=True)


@rpc.command("add")
def add_endpoint(
    chain: Annotated[str, typer.Argument(help="A network of chains.yaml.")],
    url: Annotated[
        str | None,
        typer.Argument(
            help="Its address, or an object of a Tron node's full and solid ones; asked for where it is not given, "
            "and not shown."
        ),
    ] = None,
    untested: Annotated[bool, typer.Option("--untested", help="Add it although it does not answer rightly.")] = False,
) -> None:
    """Test an endpoint and put it before the chain's others. Functions that run use it when they start anew."""
    from ctrip.aws.secrets import read_endpoints
    from ctrip.config import LOCAL
    from ctrip.domain.rpc import written
    from ctrip.domain.settings import endpoints as reading
    from ctrip.networks import check_named, load_networks
    from ctrip.system import SystemClock

    check_named("CHAIN", [chain])
    address = url or typer.prompt("Address", hide_input=True)
    try:
        held = json.loads(address) if address.lstrip().startswith("{") else address
        (entry,) = reading(json.dumps({chain: [held]}))[chain]
    except ValueError as exc:
        raise typer.BadParameter(f"the address {exc}") from None
    found = endpoints.ask(load_networks(local=_stage() == LOCAL)[chain], entry, SystemClock())
    if found.problem and not untested:
        shown([found.view()], endpoints.COLUMNS)
        raise typer.Exit(EXIT_REFUSED)
    known: dict[str, Any] = {name: list(map(written, held)) for name, held in read_endpoints(_stage()).items()}
    mine = written(entry)
    known[chain] = [mine, *(each for each in known.get(chain, []) if each != mine)]
    _secrets().put_secret_value(SecretId=f"ctrip/{_stage()}/rpc", SecretString=json.dumps(known))
    shown({"chain": chain, "host": found.host, "endpoints": len(known[chain])})


@rpc.command("test")
def ask_endpoints(
    chains: Annotated[list[str] | None, typer.Argument(help="Networks; without any, those of the stage.")] = None,
) -> None:
    """Ask every endpoint of the stage's chains what it can do; 1 where a chain has none that can do all."""
    found = tested(chains)
    shown([each.view() for each in found], endpoints.COLUMNS)
    good = {each.chain for each in found if not each.problem}
    if {each.chain for each in found} - good:
        raise typer.Exit(EXIT_REFUSED)


def tested(chains: list[str] | None) -> list[endpoints.Found]:
    """Ask the endpoints that a stage would use, in their order."""
    from ctrip.aws.secrets import read_endpoints
    from ctrip.networks import check_named, load_networks
    from ctrip.system import SystemClock

    settings = deployed.settings()
    names = tuple(chains) if chains else settings.chains
    check_named("CHAINS", names)
    secret, networks = read_endpoints(_stage()), load_networks(local=settings.local)
    return [
        endpoints.ask(networks[name], url, SystemClock())
        for name in names
        for url in dict.fromkeys((*settings.rpc.get(name, ()), *secret.get(name, ()), *networks[name].rpc))
    ]


def _secrets() -> Any:
    from ctrip.aws.clients import client

    return client("secretsmanager")


def _stage() -> str:
    return os.environ["CTRIP_STAGE"]
