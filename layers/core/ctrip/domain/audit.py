"""A payment's audit chain: each record carries the hash of the one before it."""

import hashlib
import json
from dataclasses import dataclass

from ctrip.domain.payment import Flag, Payment


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """What changed at one version; `hash` seals `body` and `previous`."""

    payment_id: str
    version: int
    body: str
    previous: str
    hash: str


def seal(before: Payment | None, after: Payment, event: str | None, actor: str) -> AuditRecord:
    """Write the record of one change; `after` must then carry its hash as `audit_head`."""
    facts = {
        "event": event,
        "actor": actor,
        "at": after.updated_at,
        "from": before.status.value if before else None,
        "to": after.status.value,
        "flags": [flag.value for flag in Flag if flag in after.flags],
        "received": str(after.amount_received),
        "confirmed": str(after.amount_confirmed),
        "credited": str(after.credited),
    }
    previous = before.audit_head if before else ""
    body = json.dumps(facts, separators=(",", ":"))
    digest = hashlib.sha256(f"{previous}\n{after.id}\n{after.version}\n{body}".encode()).hexdigest()
    return AuditRecord(after.id, after.version, body, previous, digest)


def holds(record: AuditRecord) -> bool:
    """Check that a record's hash is that of its contents."""
    text = f"{record.previous}\n{record.payment_id}\n{record.version}\n{record.body}"
    return hashlib.sha256(text.encode()).hexdigest() == record.hash
