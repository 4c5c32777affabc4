"""`ctrip reconcile`: what the ledger and the chain do not agree on, and what a person knows of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.shared import EXIT_REFUSED, origin
from infra.cli.show import Output, shown

if TYPE_CHECKING:
    from ctrip.domain.ledger.entries import Entry
    from ctrip.domain.ledger.reconcile import Reconciliation
    from ctrip.services.ledger.explain_differences import Explained

reconcile = typer.Typer(help="Ledger and chain: where they differ, and why.", no_args_is_help=True)


@reconcile.command("explain")
def explain_differences(
    chain: Annotated[str | None, typer.Argument(help="A network of the stage; none: all of them.")] = None,
) -> None:
    """Explain each difference between the ledger and the chain; 1 where there is one."""
    from ctrip.bootstrap import stage

    explainer = stage().ledger.explainer
    found = [(look, explainer.explain(look)) for look in explainer.looks(chain)]
    if Output.as_json:
        shown([_facts(look) | {"differences": [_difference(each) for each in pages]} for look, pages in found])
    for look, pages in () if Output.as_json else found:
        typer.echo("\n".join(_page(look, pages)))
    if any(pages for _, pages in found):
        raise typer.Exit(EXIT_REFUSED)


@reconcile.command("post")
def post_difference(
    chain: Annotated[str, typer.Argument(help="The network.")],
    place: Annotated[str, typer.Argument(help="treasury or gas_station")],
    asset: Annotated[str, typer.Argument(help='"native", or the token\'s id.')],
    amount: Annotated[int, typer.Option(help="The difference in base units, as `explain` shows it.")],
    reason: Annotated[str, typer.Option(prompt=True, help="What happened; it stands in the audit trail.")],
) -> None:
    """Record a difference as the operator's capital: money that you put there yourself, or took."""
    from ctrip.bootstrap import stage

    entry = stage().ledger.explainer.post(chain, place, asset, amount, reason, origin())
    shown({"entry": entry.id, "debit": entry.debit, "credit": entry.credit, "amount": str(entry.amount)})


def _page(look: Reconciliation, pages: list[Explained]) -> list[str]:
    when = f"block {look.block}, {_time(look.looked_at)}" if look.looked_at else "not looked at yet"
    unknown = f", {look.unknown} unknown" if look.unknown else ""
    head = f"{look.chain}: {when}; {look.compared} places compared{unknown}, {len(pages) or 'no'} differences"
    return [head, *(line for each in pages for line in ("", *_lines(look.chain, each)))]


def _lines(chain: str, page: Explained) -> list[str]:
    each = page.difference
    place = f"the address of payment {each.payment_id}" if each.payment_id else each.account
    lines = [
        f"  {place}, {page.symbol}: booked {page.booked}, on the chain {page.seen} ({page.amount})",
        f"  since {_time(each.since)}",
        f"  {page.means}",
    ]
    lines += [f"  An own transaction that is under way explains a part of it: {key}" for key in each.because]
    lines += [f"    {_entry(entry)}" for entry in page.entries]
    if page.recordable:
        command = f"ctrip reconcile post {chain} {each.account} {each.asset} --amount {each.amount}"
        lines.append(f"  If this was you: {command}")
    return lines


def _entry(entry: Entry) -> str:
    return f"{_time(entry.at)}  {entry.type}  {entry.credit} -> {entry.debit}  {entry.amount}  {entry.tx_hash or '-'}"


def _facts(look: Reconciliation) -> dict[str, Any]:
    names = ("chain", "block", "looked_at", "compared", "unknown")
    return {name: getattr(look, name) for name in names}


def _difference(page: Explained) -> dict[str, Any]:
    each = page.difference
    names = ("account", "payment_id", "asset", "since", "alarmed_at")
    amounts = {name: str(getattr(each, name)) for name in ("booked", "seen", "amount")}
    told = {"symbol": page.symbol, "means": page.means, "because": list(each.because)}
    return {name: getattr(each, name) for name in names} | amounts | told


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
