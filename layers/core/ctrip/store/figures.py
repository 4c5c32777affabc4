"""The figures of a stage, beside the events that they are counted from."""

import re
from collections.abc import Sequence

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path

from ctrip.domain.errors import Stale
from ctrip.domain.figures import Day, Totals
from ctrip.domain.payments.payment import Flag
from ctrip.ports.figures import Reviewed
from ctrip.store import tables
from ctrip.store.engine.codec import decode, encode
from ctrip.store.engine.database import Store, Write, keyed, number, put, read_document, text
from ctrip.store.engine.errors import ConditionFailed
from ctrip.store.tables import Key

_OWN = frozenset({"version"})
_PLACE = re.compile(r"[0-9]{13}#[0-9a-f-]{1,64}", re.ASCII)


class DynamoFigures(Store):
    """The `ports.FigureStore` on DynamoDB."""

    own = "events"

    def totals(self) -> Totals:
        """Read the payments by state, and the watermark."""
        item = self._db.get(self._table, tables.totals_key())
        if item is None:
            return Totals()
        return decode(Totals, read_document(item, "doc"), version=int(tables.plain(item, "version")))

    def days(self, numbers: Sequence[int]) -> dict[int, Day]:
        """Read days by their numbers."""
        keys = {each: tables.day_figures_key(each) for each in numbers}
        items = self._db.batch(self._table, list(keys.values()))
        return {
            each: decode(Day, read_document(items[key], "doc"), version=int(tables.plain(items[key], "version")))
            if key in items
            else Day(number=each)
            for each, key in keys.items()
        }

    def keep(self, before: Totals, after: Totals, days: Sequence[tuple[Day, Day]]) -> None:
        """Store further sums, all or nothing."""
        writes = [self._kept(tables.totals_key(), after, before.version)]
        writes += [self._kept(tables.day_figures_key(to.number), to, day.version) for day, to in days]
        try:
            self._db.transact(writes, ours=lambda: self.totals() == after)
        except ConditionFailed as exc:
            raise Stale("the figures have moved on") from exc

    def _kept(self, key: Key, after: Totals | Day, version: int) -> Write:
        item = keyed(key, version=number(after.version), doc=text(encode(after, without=_OWN)))
        # Holds while no other run has added to what this one started from.
        unmoved: Condition = Path("version") == version if version else Path("version").does_not_exist()
        return put(self._table, item, unmoved)

    def note(self, listed: Sequence[Reviewed], gone: Sequence[Reviewed]) -> None:
        """Put payments on the lists of their flags and take others off."""
        items = {_key(each): keyed(_key(each)) for each in listed}
        self._db.put_batch(
            self._table, list(items.values()), [key for each in gone if (key := _key(each)) not in items]
        )

    def reviewed(self, flag: Flag, *, before: str | None, limit: int) -> tuple[list[str], str | None]:
        """Return the ids of payments on a flag's list, newest first, and the cursor of the next page."""
        condition = Path("pk") == tables.reviewed_key(flag, "").pk
        if (place := tables.open_cursor(flag, before, _PLACE)) is not None:
            condition &= Path("sk") < place
        rows = self._db.query(self._table, condition, limit=limit, forward=False)
        places = [tables.key_of(item).sk for item in rows.items]
        return [each.split("#", 1)[1] for each in places], tables.cursor_of(flag, places[-1]) if rows.more else None


def _key(each: Reviewed) -> Key:
    return tables.reviewed_key(each.flag, f"{tables.since(each.created_at)}#{each.payment_id}")
