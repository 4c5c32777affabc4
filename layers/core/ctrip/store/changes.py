"""Changes of merchants, keys and admins: each one transaction with its audit record and its idempotency record."""

from collections.abc import Sequence

from pynamodb.expressions.operand import Path

from ctrip.domain.audit import AuditRecord
from ctrip.domain.errors import AlreadyExists, CtripError, Stale
from ctrip.ports.idempotency import Idempotency, Remembered
from ctrip.store import tables
from ctrip.store.engine.codec import decode, encode
from ctrip.store.engine.database import Database, Item, Write, keyed, number, put, read_document, text
from ctrip.store.engine.errors import ConditionFailed
from ctrip.store.layout import IDEMPOTENCY_SECONDS

ABSENT = Path("pk").does_not_exist()
_AUDIT_KEYS = frozenset({"subject", "version"})


def perform(db: Database, table: str, writes: Sequence[Write], audit: AuditRecord) -> None:
    """Write all of it or nothing; raises `AlreadyExists` or `Stale` named after the first clause that failed."""
    record = access_audit_item(audit)
    # Holds unless the version has been written: two changes cannot both follow the same one.
    every = [*writes, put(table, record, ABSENT, name="stale audit")]
    try:
        db.transact(every, ours=lambda: audit in read_audit(db, table, audit.subject, audit.version - 1, 1))
    except ConditionFailed as exc:
        raise _refusal(every[min(exc.places)].name) from exc


def access_audit_item(audit: AuditRecord) -> Item:
    """Lay a record out that stands in a chain of the table of access."""
    return keyed(tables.access_audit_key(audit.subject, audit.version), doc=text(encode(audit, without=_AUDIT_KEYS)))


def read_audit(db: Database, table: str, subject: str, after: int, limit: int) -> list[AuditRecord]:
    """Return a subject's records after a version, oldest first."""
    key = tables.access_audit_key(subject, after)
    rows = db.query(table, (Path("pk") == key.pk) & (Path("sk") > key.sk), limit=limit, consistent=True)
    return [
        decode(AuditRecord, read_document(item, "doc"), subject=subject, version=int(tables.key_of(item).sk))
        for item in rows.items
    ]


def remember(table: str, idempotency: Idempotency, first: Remembered, now: int) -> Write:
    """Keep what an idempotency key answered first."""
    item = keyed(
        tables.idempotency_key(idempotency.owner, idempotency.route, idempotency.key),
        doc=text(encode(first)),
        ttl=number(now // 1000 + IDEMPOTENCY_SECONDS),
    )
    # Holds where the key is new, or so old that only DynamoDB's sweeper has not come yet.
    return put(table, item, ABSENT | (Path("ttl") < now // 1000), name="idempotency")


def read_remembered(db: Database, table: str, owner: str, route: str, key: str) -> Remembered | None:
    """Return what an idempotency key answered first, read consistently."""
    item = db.get(table, tables.idempotency_key(owner, route, key))
    return decode(Remembered, read_document(item, "doc")) if item else None


def _refusal(name: str) -> CtripError:
    if name.startswith("stale "):
        return Stale(f"the {name.removeprefix('stale ')} has moved on")
    return AlreadyExists(name)
