"""`ctrip webhooks`: deliveries that went wrong by a fault of the gateway's own."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from infra.cli.show import shown

webhooks = typer.Typer(help="Webhooks: move what our own code failed on back to its queue.", no_args_is_help=True)


@webhooks.callback()
def group() -> None:
    """Keep `redrive` a command of its own."""


@webhooks.command("redrive")
def redrive_webhooks(
    most: Annotated[int, typer.Option(min=1, help="At most this many messages.")] = 1_000,
) -> None:
    """Move messages from the dead-letter queue back to be delivered; run it once the fault is mended."""
    from ctrip.aws import dead_letters

    done = dead_letters.redrive_webhooks(os.environ["CTRIP_STAGE"], most)
    shown({"moved": done.moved, "unreadable": done.unreadable})
