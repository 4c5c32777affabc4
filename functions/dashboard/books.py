"""The books: a merchant's ledger, what reconciliation found, and where the operator's money lies."""

from typing import Any

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.chains.kinds import address_path, rules_of, shown
from ctrip.domain.sweeping.treasury import OPERATORS_OWN
from ctrip.ports.ledger import EntryFilter
from ctrip.views.fields import rfc3339_if
from ctrip.views.holdings import holding_views
from ctrip.views.ledger import COLUMNS as ENTRY_COLUMNS
from functions.dashboard import lists
from functions.dashboard.visit import Visit

DIFFERENCES = ("chain", "account", "payment_id", "symbol", "booked", "seen", "amount", "block", "since", "means")
ADDRESSES = ("chain", "kind", "address", "path", "symbol", "amount_decimal", "amount_str", "at_block")


def ledger(visit: Visit) -> Response:
    """Show a merchant's balances and the entries that they are made of, newest first."""
    known = lists.merchants()
    merchant = lists.chosen(visit.query.merchant_id, known)
    reader = stage().ledger.reader

    def read(limit: int, cursor: str | None) -> lists.Rows:
        if merchant is None:
            return [], None
        found = reader.page(merchant["id"], EntryFilter(limit=limit, cursor=cursor))
        return [dict(each) for each in found["data"]], found["next_cursor"]

    rows, cursor = lists.page(visit, read)
    if visit.query.format == "csv":
        return visit.csv("ledger", ENTRY_COLUMNS, rows)
    balances = reader.balances(merchant["id"])["data"] if merchant else []
    return visit.show(
        "ledger.html", rows=rows, next_cursor=cursor, balances=balances, merchants=known, merchant=merchant
    )


def compared(visit: Visit) -> Response:
    """Show the last look of reconciliation at each chain, and what it could not explain."""
    explainer = stage().ledger.explainer
    looks = explainer.looks()
    found = [(look, each) for look in looks for each in explainer.explain(look)]
    if visit.query.format == "csv":
        rows = [
            {
                "chain": look.chain,
                "account": each.difference.account,
                "payment_id": each.difference.payment_id,
                "symbol": each.symbol,
                "booked": each.booked,
                "seen": each.seen,
                "amount": each.amount,
                "block": each.difference.block,
                "since": rfc3339_if(each.difference.since),
                "means": each.means,
            }
            for look, each in found
        ]
        return visit.csv("differences", DIFFERENCES, rows)
    return visit.show("books.html", looks=looks, found=found)


def wallets(visit: Visit) -> Response:
    """Show the treasury and the gas station of each chain, and where merchants' addresses are derived."""
    rows = [row for name in stage().networks for row in _of_chain(name)]
    if visit.query.format == "csv":
        return visit.csv("wallets", ADDRESSES, rows)
    return visit.show("wallets.html", rows=rows, merchants=lists.merchants())


def _of_chain(name: str) -> list[dict[str, Any]]:
    """List the operator's own addresses on a chain, with what the last reconciliation saw there."""
    network, store = stage().networks[name], stage().adapters.reconciliations
    look = store.reconciliations([name])[name]
    treasury = stage().settings.treasury_of(network)
    stations = store.operators_addresses(network.kind)
    seen = holding_views(network, look)
    rows: list[dict[str, Any]] = []
    for account, kind, addresses in (("treasury", "treasury", [treasury]), ("gas_station", "gas station", stations)):
        own = {
            "chain": name,
            "kind": kind,
            "address": " ".join(shown(each) for each in addresses if each),
            "path": _path(network, account),
        }
        held = [each for each in seen if each["account"] == account]
        rows += [{**own, **each} for each in held] or [own | dict.fromkeys(ADDRESSES[4:])]
    return rows


def _path(network: Any, account: str) -> str:
    if account != "gas_station":
        return ""
    return " ".join(address_path(rules_of(network), 0, index) for index in OPERATORS_OWN)
