"""Merchants: listed, made, shown, and their terms changed."""

from typing import Any

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.errors import Conflict, NotFound
from ctrip.domain.merchants.terms import TERMS
from ctrip.domain.payments.payment import Custody, Late
from functions.dashboard import lists
from functions.dashboard.visit import Visit

COLUMNS = (
    *("id", "name", "status", "custody", "account_path", "xpub", "expires_in", "tolerance_per_mille"),
    *("monitoring_seconds", "late", "confirmations", "calls_per_second", "open_payments", "created_at"),
)


def list_all(visit: Visit) -> Response:
    """List merchants."""
    manager = stage().merchants.manager
    rows, cursor = lists.page(visit, lists.paged(lambda limit, cursor: manager.page(cursor or "", limit)))
    if visit.query.format == "csv":
        return visit.csv("merchants", COLUMNS, rows)
    return visit.show("merchants.html", rows=rows, next_cursor=cursor, custodies=list(Custody))


def create(visit: Visit) -> Response:
    """Make a merchant; its webhook secret is shown this once."""
    form, manager = visit.form, stage().merchants.manager
    custody = Custody.XPUB if form.xpub else form.custody
    made = manager.create(form.terms(), form.xpub, visit.origin, visit.idempotency, custody=custody)
    return visit.show(
        "secret.html",
        title=f"{form.name} is a merchant now",
        back=f"/merchants/{made.view['id']}",
        secrets=[("Webhook secret", made.view["webhook_secret"])],
    )


def show(visit: Visit, merchant_id: str) -> Response:
    """Show a merchant: its terms, what it has, and where its money goes."""
    merchant = stage().merchants.manager.one(merchant_id)
    return visit.show(
        "merchant.html",
        merchant=merchant,
        terms=TERMS,
        lates=list(Late),
        balances=stage().ledger.reader.balances(merchant_id)["data"],
        addresses=[(name, _goes_to(merchant_id, merchant["custody"], name)) for name in stage().networks],
        schedules=stage().settlement.schedules.all(merchant_id)["data"],
    )


def _goes_to(merchant_id: str, custody: str, chain: str) -> Any:
    """Return where a merchant's money of a chain goes, None where nothing is set."""
    addresses = stage().settlement.addresses
    try:
        direct = custody == Custody.DIRECT
        return addresses.show_treasury(merchant_id, chain) if direct else addresses.show(merchant_id, chain)
    except (NotFound, Conflict):
        return None


def update(visit: Visit, merchant_id: str) -> Response:
    """Change a merchant's terms, or switch it off."""
    stage().merchants.manager.update(merchant_id, visit.form.terms(), visit.origin)
    return visit.go(f"/merchants/{merchant_id}", "changed")
