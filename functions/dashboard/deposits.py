"""Money that came and belongs to no payment by itself: assigned, or refunded."""

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.settlement.deposits import UnmatchedDeposit
from ctrip.services.merchants.manage_merchants import find_merchant
from functions.dashboard import lists
from functions.dashboard.visit import Visit
from functions.http.answers import base_url

COLUMNS = (
    *("id", "payment_id", "order_id", "chain", "symbol", "amount_decimal", "refunded_decimal", "assigned_decimal"),
    *("amount_str", "decimals", "tx_hash", "from"),
)


def list_all(visit: Visit) -> Response:
    """List a merchant's unmatched deposits of which something is left."""
    known = lists.merchants()
    merchant = lists.chosen(visit.query.merchant_id, known)

    def read(limit: int, cursor: str | None) -> lists.Rows:
        if merchant is None:
            return [], None
        found = stage().settlement.reader.unmatched(merchant["id"], cursor, limit)
        return [dict(each) for each in found["data"]], found["next_cursor"]

    rows, cursor = lists.page(visit, read)
    if visit.query.format == "csv":
        return visit.csv("unmatched-deposits", COLUMNS, rows)
    return visit.show("deposits.html", rows=rows, next_cursor=cursor, merchants=known, merchant=merchant)


def _deposit(deposit_id: str) -> UnmatchedDeposit:
    payment = stage().payments.reader.find(None, deposit_id.partition(".")[0])
    return stage().settlement.reader.deposit(payment.merchant_id, deposit_id)


def assign(visit: Visit, deposit_id: str) -> Response:
    """Have an unmatched deposit count for a payment, whole or in part."""
    deposit = _deposit(deposit_id)
    merchant = find_merchant(stage().adapters.access, deposit.payment.merchant_id)
    wanted = visit.form.command(deposit)
    stage().settlement.asker.assign(merchant, deposit.payment.id, wanted, visit.origin, visit.idempotency)
    return visit.go(f"/payments/{deposit.payment.id}", "assigned")


def refund(visit: Visit, deposit_id: str) -> Response:
    """Ask for a refund of an unmatched deposit, whole or in part."""
    deposit = _deposit(deposit_id)
    merchant = find_merchant(stage().adapters.access, deposit.payment.merchant_id)
    wanted, base = visit.form.command(deposit), base_url(visit.request)
    asker, payment_id = stage().settlement.asker, deposit.payment.id
    made = asker.refund(merchant, payment_id, wanted, visit.origin, visit.idempotency, base)
    if link := made.view.get("claim_url"):
        return visit.show("secret.html", title="Refund asked for", back=f"/payments/{payment_id}", claim_url=link)
    return visit.go(f"/payments/{payment_id}", "refund_asked")
