"""The ledger: entries by owner and time, and the sums of older ones."""

import re
from collections.abc import Iterator

from pynamodb.expressions.operand import Path

from ctrip.domain.ledger.balances import Fold
from ctrip.domain.ledger.entries import Entry
from ctrip.ports.ledger import EntryFilter, EntryPage
from ctrip.store import tables
from ctrip.store.engine.codec import decode, encode
from ctrip.store.engine.database import Store, keyed, number, put, read_document, text
from ctrip.store.engine.errors import ConditionFailed
from ctrip.store.layout import entries_of

_POSITION = re.compile(r"[0-9]{13}#[^~]{1,300}", re.ASCII)
_FOLD_KEYS = frozenset({"owner", "until"})


class DynamoLedger(Store):
    """The `ports.LedgerStore` on DynamoDB."""

    own = "money"

    def entries(self, owner: str, since: int = 0) -> Iterator[Entry]:
        """Yield an owner's entries from a time on, oldest first."""
        place = (Path("pk") == tables.ledger_partition(owner)) & (Path("sk") >= tables.since(since))
        for item in self._db.each(self._table, place, consistent=True):
            yield from entries_of(item)

    def page(self, owner: str, wanted: EntryFilter) -> EntryPage:
        """List an owner's entries, newest first."""
        cursor = tables.open_cursor(owner, wanted.cursor, _POSITION)
        first = tables.since(wanted.created_after or 0)
        last = tables.until(wanted.created_before if wanted.created_before is not None else 10**13 - 1)
        last = min(last, cursor) if cursor is not None else last
        if first > last:
            return EntryPage((), None)
        place = (Path("pk") == tables.ledger_partition(owner)) & Path("sk").between(first, last)
        # One more than wanted, so that a full last page knows that it is the last, and one for the cursor's own.
        rows = self._db.query(self._table, place, limit=wanted.limit + 2, forward=False)
        items = [item for item in rows.items if tables.key_of(item).sk != cursor]
        page = items[: wanted.limit]
        found = tuple(entry for item in page for entry in reversed(entries_of(item)))
        more = rows.more or len(items) > wanted.limit
        return EntryPage(found, tables.cursor_of(owner, tables.key_of(page[-1]).sk) if more and page else None)

    def fold(self, owner: str) -> Fold:
        """Return the sum of an owner's older entries."""
        item = self._db.get(self._table, tables.fold_key(owner))
        if item is None:
            return Fold(owner=owner)
        return decode(Fold, read_document(item, "doc"), owner=owner, until=int(tables.plain(item, "until")))

    def keep_fold(self, before: Fold, after: Fold) -> bool:
        """Keep a newer sum, unless somebody else has."""
        until = Path("until")
        # Holds while the sum is the one that was read, or there is none yet.
        unmoved = until == before.until if before.until else until.does_not_exist()
        doc = text(encode(after, without=_FOLD_KEYS))
        item = keyed(tables.fold_key(after.owner), until=number(after.until), doc=doc)
        try:
            self._db.write(put(self._table, item, unmoved), ours=lambda: self.fold(after.owner) == after)
        except ConditionFailed:
            return False
        return True
