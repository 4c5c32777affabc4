"""The hourly seals of the audit chains."""

import json
from collections.abc import Sequence

from pynamodb.expressions.operand import Path

from ctrip.domain.errors import AlreadyExists
from ctrip.ports import AuditCheckpoint
from ctrip.store import tables
from ctrip.store.changes import ABSENT
from ctrip.store.engine.codec import decode, encode
from ctrip.store.engine.database import Store, keyed, put, read_document, text
from ctrip.store.engine.errors import ConditionFailed

CHUNK = 2_000  # heads in an item: 64 characters each, and an item holds 400 KB


class DynamoCheckpoints(Store):
    """The `ports.SealStore` on DynamoDB."""

    own = "access"

    def last(self) -> AuditCheckpoint | None:
        """Return the newest seal."""
        condition = Path("pk") == tables.SEALS_PARTITION
        rows = self._db.query(self._table, condition, limit=1, forward=False, consistent=True)
        return decode(AuditCheckpoint, read_document(rows.items[0], "doc")) if rows.items else None

    def seal(self, hour: str) -> AuditCheckpoint | None:
        """Return an hour's seal."""
        item = self._db.get(self._table, tables.seal_key(hour))
        return decode(AuditCheckpoint, read_document(item, "doc")) if item else None

    def leaves(self, seal: AuditCheckpoint) -> list[str]:
        """Return the heads that a seal covers, sorted."""
        condition = Path("pk") == tables.seal_leaves_key(seal.hour, seal.root, 0).pk
        chunks = self._db.each(self._table, condition, consistent=True)
        return [leaf for item in chunks for leaf in json.loads(read_document(item, "doc"))]

    def put(self, seal: AuditCheckpoint, leaves: Sequence[str]) -> None:
        """Store an hour's seal after its heads, once; a run that died in between has left nothing that counts."""
        for number, start in enumerate(range(0, len(leaves), CHUNK)):
            held = json.dumps(list(leaves[start : start + CHUNK]), separators=(",", ":"))
            key = tables.seal_leaves_key(seal.hour, seal.root, number)
            self._db.write(put(self._table, keyed(key, doc=text(held))))
        try:
            # Holds where the hour has not been sealed.
            item = keyed(tables.seal_key(seal.hour), doc=text(encode(seal)))
            self._db.write(put(self._table, item, ABSENT), ours=lambda: self.seal(seal.hour) == seal)
        except ConditionFailed as exc:
            raise AlreadyExists("seal") from exc
