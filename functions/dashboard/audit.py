"""The audit trail of a payment, a merchant, a user or a chain's books."""

import json

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.audit import AuditRecord
from ctrip.views.audit import audit_view
from functions.dashboard import lists
from functions.dashboard.visit import MOST_EXPORTED, Visit

COLUMNS = (
    "subject",
    "version",
    "at",
    "action",
    "actor",
    "address",
    "request_id",
    "before",
    "after",
    "previous",
    "hash",
)
PAGE = 50


def show(visit: Visit) -> Response:
    """Show what was done, oldest first: by whom, from where, what."""
    query = visit.query
    kind, subject = query.kind or "merchant_id", query.id
    known = lists.merchants()
    if subject is None and kind == "merchant_id" and known:
        subject = known[0]["id"]
    exported = query.format == "csv"
    records: list[AuditRecord] = []
    more: int | None = None
    if subject is not None:
        records, more = stage().audit.reader.page(kind, subject, query.after, MOST_EXPORTED if exported else PAGE)
    rows = [audit_view(each) for each in records]
    if exported:
        flat = [{**each, "before": json.dumps(each["before"]), "after": json.dumps(each["after"])} for each in rows]
        return visit.csv("audit", COLUMNS, flat)
    return visit.show("audit.html", rows=rows, more=more, kind=kind, subject=subject or "", merchants=known)
