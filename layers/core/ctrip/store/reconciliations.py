"""What reconciliation remembers of each chain, beside the ledger that it compares."""

import json
from collections.abc import Sequence

from pynamodb.expressions.operand import Path

from ctrip.domain.audit import AuditRecord
from ctrip.domain.errors import Stale
from ctrip.domain.ledger.entries import Entry
from ctrip.domain.ledger.reconcile import Reconciliation
from ctrip.store import tables
from ctrip.store.changes import ABSENT, access_audit_item
from ctrip.store.clauses import postings, refuse_late
from ctrip.store.engine.codec import decode, encode
from ctrip.store.engine.database import Store, keyed, number, put, read_document, text
from ctrip.store.engine.errors import ConditionFailed

_KEYS = frozenset({"chain", "version"})


class DynamoReconciliations(Store):
    """The `ports.ReconciliationStore` on DynamoDB."""

    own = "money"

    def reconciliations(self, chains: Sequence[str]) -> dict[str, Reconciliation]:
        """Read the last look of chains in one call."""
        keys = {chain: tables.reconciliation_key(chain) for chain in chains}
        items = self._db.batch(self._table, list(keys.values()))
        return {
            chain: decode(
                Reconciliation,
                read_document(items[key], "doc"),
                chain=chain,
                version=int(tables.plain(items[key], "version")),
            )
            if key in items
            else Reconciliation(chain=chain)
            for chain, key in keys.items()
        }

    def operators_addresses(self, kind: str) -> tuple[str, ...]:
        """Return the addresses that pay for the operator's transactions."""
        item = self._db.get(self._table, tables.operators_addresses_key(kind))
        return tuple(json.loads(read_document(item, "doc"))) if item else ()

    def note_operators_addresses(self, kind: str, addresses: Sequence[str]) -> None:
        """Note these addresses."""
        item = keyed(tables.operators_addresses_key(kind), doc=text(json.dumps(list(addresses))))
        self._db.write(put(self._table, item))

    def keep(
        self,
        before: Reconciliation,
        after: Reconciliation,
        entries: Sequence[Entry] = (),
        audit: AuditRecord | None = None,
    ) -> None:
        """Store a look, what it posts and who decided it, all or nothing."""
        refuse_late(self._db, entries)
        # Holds while no other look, and no person, has changed what this one started from.
        unmoved = Path("version") == before.version if before.version else Path("version").does_not_exist()
        doc = text(encode(after, without=_KEYS))
        item = keyed(tables.reconciliation_key(after.chain), version=number(after.version), doc=doc)
        writes = [put(self._table, item, unmoved), *postings(self._table, entries)]
        if audit is not None:
            writes.append(put(self._db.tables.access, access_audit_item(audit), ABSENT))
        try:
            self._db.transact(writes, ours=lambda: self.reconciliations([after.chain])[after.chain] == after)
        except ConditionFailed as exc:
            raise Stale("the reconciliation has moved on") from exc
