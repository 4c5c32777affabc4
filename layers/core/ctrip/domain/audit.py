"""Audit chains: one per payment, merchant and admin; each record carries the hash of the one before it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ctrip.domain.payments.payment import Flag, Payment


@dataclass(frozen=True, slots=True)
class Origin:
    """Who decided something: `actor` names it, `address` and `request_id` say where it was asked for, if it was."""

    actor: str
    address: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """What changed at one version of a subject; `hash` seals `body` and `previous`."""

    subject: str
    version: int
    body: str
    previous: str
    hash: str


def record(
    subject: str,
    version: int,
    previous: str,
    *,
    action: str,
    origin: Origin,
    at: int,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> AuditRecord:
    """Write the record of one change; `before` and `after` are cut down to what differs."""
    changed = [name for name in after if before.get(name, _NOTHING) != after[name]]
    facts = {
        "action": action,
        "actor": origin.actor,
        "address": origin.address,
        "request_id": origin.request_id,
        "at": at,
        "before": {name: before[name] for name in changed if name in before},
        "after": {name: after[name] for name in changed},
    }
    body = json.dumps({name: fact for name, fact in facts.items() if fact != ""}, separators=(",", ":"))
    return AuditRecord(subject, version, body, previous, _digest(previous, subject, version, body))


def payment_record(before: Payment | None, after: Payment, event: str | None, origin: Origin) -> AuditRecord:
    """Write the record of one change of a payment; `after` must then carry its hash as `audit_head`."""
    return record(
        after.id,
        after.version,
        before.audit_head if before else "",
        action=event or "payment.noted",
        origin=origin,
        at=after.times.updated_at,
        before=_facts(before) if before else {},
        after=_facts(after) | (_terms(after) if _new_terms(before, after) else {}),
    )


def holds(record: AuditRecord) -> bool:
    """Check that a record's hash is that of its contents."""
    return _digest(record.previous, record.subject, record.version, record.body) == record.hash


def broken(chain: list[AuditRecord]) -> int | None:
    """Return the version at which a chain, oldest first, does not hold; None where it does."""
    previous = ""
    for number, each in enumerate(chain, 1):
        if each.version != number or each.previous != previous or not holds(each):
            return each.version
        previous = each.hash
    return None


_NOTHING = object()


def _digest(previous: str, subject: str, version: int, body: str) -> str:
    return hashlib.sha256(f"{previous}\n{subject}\n{version}\n{body}".encode()).hexdigest()


def _facts(payment: Payment) -> dict[str, Any]:
    approved = {"sweep_approved": str(payment.review.sweep_approved)} if payment.review.sweep_approved else {}
    return approved | {
        "status": payment.status.value,
        "flags": [flag.value for flag in Flag if flag in payment.flags],
        "received": str(payment.seen.amount_received),
        "confirmed": str(payment.seen.amount_confirmed),
        "credited": str(payment.own.credited),
        "accept_requested": payment.review.accept_requested,
    }


def _new_terms(before: Payment | None, after: Payment) -> bool:
    """Whether what is due is news: of a new payment, and of a choice."""
    return before is None or before.due != after.due


def _terms(payment: Payment) -> dict[str, Any]:
    if not payment.is_chosen:
        price = payment.choice.price
        return {"price": f"{price.decimal} {price.currency}" if price else payment.choice.whole, "to": ""}
    return {
        "chain": payment.due.chain,
        "asset": payment.due.asset_key,
        "amount": str(payment.due.amount),
        "to": payment.due.address,
    }
