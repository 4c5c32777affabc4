"""`ctrip audit`: the audit trail."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.cli.shared import EXIT_REFUSED
from infra.cli.show import shown

Kind = Annotated[str, typer.Argument(help="payment, merchant, user or chain")]
Subject = Annotated[str, typer.Argument(help="Its id.")]
audit = typer.Typer(help="The audit trail: read and verify.", no_args_is_help=True)


@audit.command("show")
def show_audit(kind: Kind, subject: Subject) -> None:
    """Show what was done to it: by whom, from where, when."""
    from ctrip.bootstrap import stage
    from ctrip.views.audit import audit_view

    chain = stage().audit.reader.whole(_kind(kind), subject)
    shown([audit_view(each) for each in chain], ("version", "at", "action", "actor", "address", "after"))


@audit.command("verify")
def verify_audit(
    kind: Kind,
    subject: Subject,
    hour: Annotated[str | None, typer.Option(help="Against the checkpoint of an hour too: 2026-01-31T12.")] = None,
) -> None:
    """Check that each record follows from the one before it, and what a checkpoint covered still stands."""
    from ctrip.bootstrap import stage

    reader, of = stage().audit.reader, _kind(kind)
    chain = reader.whole(of, subject)
    verdict = stage().audit.verifier.verify(reader.name(of, subject), chain, hour)
    if verdict.problem:
        typer.echo(f"BROKEN: {verdict.problem}", err=True)
        raise typer.Exit(EXIT_REFUSED)
    covered = f", {verdict.covered} of them covered by the checkpoint of {hour}" if hour else ""
    typer.echo(f"whole: {verdict.records} records{covered}")


def _kind(kind: str) -> str:
    return "chain" if kind == "chain" else f"{kind}_id"
