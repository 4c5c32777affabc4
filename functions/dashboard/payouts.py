"""Settlements, refunds and assignments that are not over: approved, rejected, and their transfers named."""

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.settlement.payout import ENDED, PayoutState
from functions.dashboard import lists
from functions.dashboard.visit import Visit

COLUMNS = (
    *("created_at", "id", "kind", "merchant_id", "status", "chain", "symbol", "net_decimal", "fee_decimal"),
    *("amount_str", "net_str", "decimals", "address", "treasury", "approvals", "approvals_needed", "asked_by"),
    *("payment_id", "tx_hash", "reason"),
)


def list_all(visit: Visit) -> Response:
    """List what of all merchants is not over, oldest first; what waits for an approval comes first."""
    rows = [dict(each) for each in stage().settlement.reader.unfinished(visit.query.status)["data"]]
    if visit.query.format == "csv":
        return visit.csv("payouts", COLUMNS, rows)
    rows.sort(key=lambda each: each["status"] != PayoutState.AWAITING_APPROVAL)
    return visit.show(
        "payouts.html",
        rows=rows,
        names=lists.names(lists.merchants()),
        states=[each for each in PayoutState if each not in ENDED],
        asked=visit.query,
    )


def approve(visit: Visit, merchant_id: str, payout_id: str) -> Response:
    """Approve it; once enough persons have, it is sent."""
    stage().settlement.decider.approve(merchant_id, payout_id, visit.origin, visit.idempotency)
    return visit.go("/payouts", "approved")


def reject(visit: Visit, merchant_id: str, payout_id: str) -> Response:
    """Reject it, with the reason that its merchant reads."""
    decider = stage().settlement.decider
    decider.reject(merchant_id, payout_id, visit.form.reason, visit.origin, visit.idempotency)
    return visit.go("/payouts", "rejected")


def complete(visit: Visit, merchant_id: str, payout_id: str) -> Response:
    """Name the transaction that has sent it."""
    stage().settlement.namer.by_operator(merchant_id, payout_id, visit.form.tx_hash, visit.idempotency)
    return visit.go("/payouts", "named")
