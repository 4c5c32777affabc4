"""The hourly checkpoints of the audit chains."""

import json
from collections.abc import Sequence

from pynamodb.expressions.operand import Path

from ctrip.domain.errors import AlreadyExists
from ctrip.ports.audit import AuditCheckpoint
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
        """Return the newest checkpoint."""
        condition = Path("pk") == tables.CHECKPOINTS_PARTITION
        rows = self._db.query(self._table, condition, limit=1, forward=False, consistent=True)
        return decode(AuditCheckpoint, read_document(rows.items[0], "doc")) if rows.items else None

    def checkpoint(self, hour: str) -> AuditCheckpoint | None:
        """Return an hour's checkpoint."""
        item = self._db.get(self._table, tables.checkpoint_key(hour))
        return decode(AuditCheckpoint, read_document(item, "doc")) if item else None

    def leaves(self, checkpoint: AuditCheckpoint) -> list[str]:
        """Return the heads that a checkpoint covers, sorted."""
        condition = Path("pk") == tables.checkpoint_leaves_key(checkpoint.hour, checkpoint.root, 0).pk
        chunks = self._db.each(self._table, condition, consistent=True)
        return [leaf for item in chunks for leaf in json.loads(read_document(item, "doc"))]

    def put(self, checkpoint: AuditCheckpoint, leaves: Sequence[str]) -> None:
        """Store an hour's checkpoint after its heads, once; a run that died in between has left nothing that counts."""
        for number, start in enumerate(range(0, len(leaves), CHUNK)):
            held = json.dumps(list(leaves[start : start + CHUNK]), separators=(",", ":"))
            key = tables.checkpoint_leaves_key(checkpoint.hour, checkpoint.root, number)
            self._db.write(put(self._table, keyed(key, doc=text(held))))
        try:
            # Holds where the hour has not been checkpointed.
            item = keyed(tables.checkpoint_key(checkpoint.hour), doc=text(encode(checkpoint)))
            self._db.write(put(self._table, item, ABSENT), ours=lambda: self.checkpoint(checkpoint.hour) == checkpoint)
        except ConditionFailed as exc:
            raise AlreadyExists("checkpoint") from exc
