"""`ctrip payouts`: settlements and refunds that are not over: list, approve, reject, complete."""

from __future__ import annotations

from typing import Annotated

import typer

from ctrip.domain.bounds import Choice
from ctrip.domain.settlement.payout import PayoutState
from infra.cli.options import parser_of
from infra.cli.shared import signed_in
from infra.cli.show import shown

COLUMNS = (
    *("id", "merchant_id", "status", "chain", "symbol", "net_decimal", "address", "treasury"),
    *("approvals", "approvals_needed"),
)
MerchantId = Annotated[str, typer.Argument(help="The merchant's id.")]
PayoutId = Annotated[str, typer.Argument(help="The settlement's or refund's id.")]
As = Annotated[
    str, typer.Option("--as", help="Your e-mail address as a user of the admin API; you are asked to sign in.")
]
payouts = typer.Typer(
    help="Settlements and refunds that are not over: list, approve, reject, complete.", no_args_is_help=True
)


@payouts.command("list")
def list_payouts(
    status: Annotated[
        PayoutState | None,
        typer.Option(
            parser=parser_of(Choice(PayoutState)),
            metavar="STATUS",
            help="Only those of a status: awaiting_transfer is what somebody has to send from the treasury shown.",
        ),
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """List the settlements and refunds of all merchants that are not over, oldest first."""
    from ctrip.bootstrap import stage

    reader = stage().settlement.reader
    if csv:
        typer.echo(reader.export_unfinished(status), nl=False)
        return
    shown(reader.unfinished(status)["data"], COLUMNS)


@payouts.command("approve")
def approve_payout(merchant_id: MerchantId, payout_id: PayoutId, email: As) -> None:
    """Approve one in your own name; above the asset's threshold two persons must."""
    from ctrip.bootstrap import stage

    shown(stage().settlement.decider.approve(merchant_id, payout_id, signed_in(email)).view)


@payouts.command("reject")
def reject_payout(
    merchant_id: MerchantId,
    payout_id: PayoutId,
    email: As,
    reason: Annotated[str, typer.Option(help="Why; the merchant reads it.")],
) -> None:
    """Reject one that is not being sent; its amount is the merchant's again."""
    from ctrip.bootstrap import stage

    shown(stage().settlement.decider.reject(merchant_id, payout_id, reason, signed_in(email)).view)


@payouts.command("complete")
def complete_payout(
    merchant_id: MerchantId,
    payout_id: PayoutId,
    tx_hash: Annotated[str, typer.Argument(help="The hash of the transaction that sent it.")],
    email: As,
) -> None:
    """Complete one that you have sent from a treasury whose key is not here, once its transaction is final."""
    from ctrip.bootstrap import stage
    from ctrip.views.payouts import payout_view

    shown(payout_view(stage().payouts.completer.complete(merchant_id, payout_id, tx_hash, signed_in(email))))
