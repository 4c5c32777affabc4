"""Audit records as the world sees them."""

import json
from typing import Annotated, Any, TypedDict

from ctrip.domain.audit import AuditRecord
from ctrip.views.fields import Time, rfc3339


class AuditEntry(TypedDict):
    """What was done once; `hash` covers it and `previous`."""

    subject: str
    version: int
    action: str
    actor: Annotated[str, "`key:<id>`, `admin:<id>`, `operator`, `payer` or a function's name."]
    address: str | None
    request_id: str | None
    at: Time
    before: dict[str, Any]
    after: dict[str, Any]
    previous: str | None
    hash: str


class AuditPage(TypedDict):
    """Audit records, oldest first."""

    data: list[AuditEntry]
    next_after: Annotated[int | None, "`after` of the next page; null: there is none."]


def audit_view(record: AuditRecord) -> AuditEntry:
    """Render an audit record, with the hashes that chain it."""
    facts = json.loads(record.body)
    return {
        "subject": record.subject,
        "version": record.version,
        "action": facts["action"],
        "actor": facts["actor"],
        "address": facts.get("address"),
        "request_id": facts.get("request_id"),
        "at": rfc3339(facts["at"]),
        "before": facts["before"],
        "after": facts["after"],
        "previous": record.previous or None,
        "hash": record.hash,
    }
