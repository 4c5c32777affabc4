"""`ctrip sweeps`: payments whose money is not in the treasury yet: list them with the reason, approve large ones."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.shared import every, signed_in
from infra.cli.show import Output, shown

if TYPE_CHECKING:
    from ctrip.domain.sweeping.standing import SweepState
    from ctrip.services.sweeping.read_sweeps import SweepReader

COLUMNS = ("payment_id", "chain", "symbol", "amount_decimal", "state", "reason", "since", "tries", "next_try_at")
DETAILED = (*COLUMNS, "detail")
sweeps = typer.Typer(
    help="Payments whose money is not in the treasury yet: list, approve large ones.", no_args_is_help=True
)


@sweeps.command("list")
def list_sweeps(
    chain: Annotated[str | None, typer.Argument(help="A network of the stage; none: all of them.")] = None,
    stuck: Annotated[bool, typer.Option("--stuck", help="Only those at which somebody should look.")] = False,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those that go on by themselves.")] = False,
    parked: Annotated[bool, typer.Option("--parked", help="Only those that are worth less than their gas.")] = False,
) -> None:
    """List the sweeps that are not over, with the reason; those that are parked only where they are asked for."""
    from ctrip.bootstrap import stage
    from ctrip.domain.sweeping.standing import SweepState

    flags = {SweepState.STUCK: stuck, SweepState.WAITING: waiting, SweepState.PARKED: parked}
    states = [state for state, asked in flags.items() if asked] or [SweepState.STUCK, SweepState.WAITING]
    reader = stage().sweeping.reader
    found: list[Mapping[str, Any]] = []
    for state in states:
        found += every(partial(_page, reader, state, chain))
    parked_sums = reader.page(SweepState.STUCK, chain, None, 1)["parked"]
    if Output.as_json:
        shown({"data": found, "parked": parked_sums})
        return
    shown(found, DETAILED if any(each["detail"] for each in found) else COLUMNS)
    for each in parked_sums:
        typer.echo(
            f"Parked on {each['chain']}: {each['payments']} payments hold {each['amount_decimal']} {each['symbol']}, "
            f"worth less than their gas (counted {each['counted_at']})"
        )


def _page(reader: SweepReader, state: SweepState, chain: str | None, cursor: str, size: int) -> Mapping[str, Any]:
    return reader.page(state, chain, cursor or None, size)


@sweeps.command("approve")
def approve_sweep(
    payment_id: Annotated[str, typer.Argument(help="The payment's id.")],
    email: Annotated[
        str, typer.Option("--as", help="Your e-mail address as a user of the admin API; you are asked to sign in.")
    ],
) -> None:
    """Approve in your own name the sweep of what lies at a payment's address now."""
    from ctrip.bootstrap import stage

    shown(stage().sweeping.approver.approve(payment_id, signed_in(email)).view)
