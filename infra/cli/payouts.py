"""`ctrip payouts`: settlements and refunds that are not over: list, approve, reject, complete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ctrip.domain.bounds import Choice
from ctrip.domain.settlement.payout import PayoutState
from infra.cli.options import parser_of
from infra.cli.show import shown

if TYPE_CHECKING:
    from ctrip.domain.audit import Origin

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

    shown(stage().settlement.decider.approve(merchant_id, payout_id, _signed_in(email)).view)


@payouts.command("reject")
def reject_payout(
    merchant_id: MerchantId,
    payout_id: PayoutId,
    email: As,
    reason: Annotated[str, typer.Option(help="Why; the merchant reads it.")],
) -> None:
    """Reject one that is not being sent; its amount is the merchant's again."""
    from ctrip.bootstrap import stage

    shown(stage().settlement.decider.reject(merchant_id, payout_id, reason, _signed_in(email)).view)


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

    shown(payout_view(stage().payouts.completer.complete(merchant_id, payout_id, tx_hash, _signed_in(email))))


def _signed_in(email: str) -> Origin:
    """Have somebody prove who they are: two persons approve, and no name is worth more than a password."""
    from ctrip.bootstrap import stage
    from ctrip.domain.admins import Permission

    password = typer.prompt("Password", hide_input=True, err=True)
    code = typer.prompt("Code (empty without a second factor)", default="", show_default=False, err=True)
    sessions = stage().admins.sessions
    session = sessions.sign_in(email, password, code.strip() or None, "", "")
    who = sessions.authenticate(f"Bearer {session['access_token']}", "", "")
    sessions.sign_out(who)
    return who.may(Permission.PAYOUTS_APPROVE).origin
