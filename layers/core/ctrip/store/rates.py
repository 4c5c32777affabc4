"""The rates that all functions share: an item for each asset and currency, in US dollars."""

from collections.abc import Collection, Sequence

from pynamodb.expressions.operand import Path

from ctrip.domain.prices.record import RateRecord
from ctrip.store import tables
from ctrip.store.changes import ABSENT
from ctrip.store.engine.codec import decode, encode
from ctrip.store.engine.database import Item, Store, keyed, number, put, read_document, text
from ctrip.store.engine.errors import ConditionFailed

KEPT_SECONDS = 7 * 86_400  # after the last try
_KEYS = frozenset({"symbol", "value", "tried_at"})


class DynamoRates(Store):
    """The `ports.RateStore` on DynamoDB."""

    own = "access"

    def rates(self, symbols: Collection[str]) -> dict[str, RateRecord]:
        """Read the records of some symbols; what was never asked for is left out."""
        items = self._db.batch(self._table, [tables.rate_key(symbol) for symbol in symbols])
        found = map(_record, items.values())
        return {record.symbol: record for record in found}

    def every_rate(self) -> list[RateRecord]:
        """Read all records."""
        return [_record(item) for item in self._db.each(self._table, Path("pk") == tables.RATES_PARTITION)]

    def keep_rates(self, records: Sequence[RateRecord]) -> None:
        """Store records; one that a later try has replaced already is left as it is."""
        for record in records:
            item = keyed(
                tables.rate_key(record.symbol),
                value=text(record.value),
                tried_at=number(record.tried_at),
                doc=text(encode(record, without=_KEYS)),
                ttl=number(record.tried_at // 1000 + KEPT_SECONDS),
            )
            try:
                # Holds unless somebody else has asked later.
                self._db.write(put(self._table, item, ABSENT | (Path("tried_at") <= record.tried_at)))
            except ConditionFailed:
                continue


def _record(item: Item) -> RateRecord:
    return decode(
        RateRecord,
        read_document(item, "doc"),
        symbol=tables.key_of(item).sk,
        value=tables.plain(item, "value"),
        tried_at=int(tables.plain(item, "tried_at")),
    )
