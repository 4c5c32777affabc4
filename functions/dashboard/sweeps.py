"""Sweeps that are not over, and the approval of those that wait for one."""

from typing import Any

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.sweeping.standing import SweepState
from functions.dashboard import lists
from functions.dashboard.visit import Visit

COLUMNS = (
    *("payment_id", "merchant_id", "chain", "symbol", "amount_decimal", "amount_str", "decimals", "address"),
    *("state", "reason", "detail", "since", "tries", "next_try_at", "approved_str"),
)


def list_all(visit: Visit) -> Response:
    """List payments whose money is not in the treasury yet, with the reason."""
    query, parked = visit.query, list[Any]()

    def read(limit: int, cursor: str | None) -> lists.Rows:
        found = stage().sweeping.reader.page(query.state, query.chain, cursor, limit)
        parked[:] = found["parked"]
        return [dict(each) for each in found["data"]], found["next_cursor"]

    rows, cursor = lists.page(visit, read)
    if query.format == "csv":
        return visit.csv("sweeps", COLUMNS, rows)
    return visit.show("sweeps.html", rows=rows, next_cursor=cursor, parked=parked, states=list(SweepState), asked=query)


def approve(visit: Visit, payment_id: str) -> Response:
    """Approve the sweep of what lies at a payment's address now."""
    stage().sweeping.approver.approve(payment_id, visit.origin, visit.idempotency)
    return visit.go("/sweeps", "approved")
