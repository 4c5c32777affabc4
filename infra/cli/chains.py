"""`ctrip chains`: stop a chain, and let it go on."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.cli.show import shown

ChainName = Annotated[str, typer.Argument(help="A network of the stage.")]
chains = typer.Typer(help="Chains: pause one, resume it.", no_args_is_help=True)


@chains.command("pause")
def pause_chain(chain: ChainName) -> None:
    """Stop a chain: it is not scanned, nothing of it is swept, and it takes no new payments. No money is lost by it."""
    _set(chain, paused=True)


@chains.command("resume")
def resume_chain(chain: ChainName) -> None:
    """Scan a chain again, one too that a deep reorganisation has paused; what came meanwhile is found."""
    _set(chain, paused=False)


def _set(chain: str, *, paused: bool) -> None:
    from ctrip.bootstrap import stage
    from ctrip.networks import check_named

    check_named("CHAIN", [chain])
    stage().adapters.access.pause(chain, paused)
    shown({"chain": chain, "paused": paused})
