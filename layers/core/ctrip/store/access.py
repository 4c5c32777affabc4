"""Merchants, keys, counters and gates."""

from collections.abc import Callable, Sequence

from pynamodb.connection import Connection
from pynamodb.expressions.operand import Path

from ctrip.domain.access import ApiKey, Gate, Merchant, Round
from ctrip.domain.errors import Busy
from ctrip.ports import Clock
from ctrip.store import tables
from ctrip.store.codec import decode, encode
from ctrip.store.database import Database, Item, document, keyed, put, read_document, update
from ctrip.store.errors import ConditionFailed
from ctrip.store.tables import Key

RACES = 8
DAY_MS = 86_400_000

_GATE_NUMBERS = ("hot_until", "warm_until", "daily_at")


class DynamoAccess:
    """The `ports.AccessStore` on DynamoDB."""

    def __init__(
        self,
        stage: str,
        *,
        clock: Clock | None = None,
        jitter: Callable[[], float] | None = None,
        connected: Connection | None = None,
    ) -> None:
        self._db = Database(stage, clock=clock, jitter=jitter, connected=connected)
        self._table = self._db.tables.access

    def merchant(self, merchant_id: str) -> Merchant | None:
        """Read a merchant."""
        item = self._db.get(self._table, tables.merchant_key(merchant_id))
        return decode(Merchant, read_document(item, "doc")) if item else None

    def put_merchant(self, merchant: Merchant) -> None:
        """Store a merchant; its row in the list of merchants comes first, and harms nobody alone."""
        self._db.write(put(self._table, keyed(tables.merchant_pointer_key(merchant.id))))
        self._db.write(put(self._table, keyed(tables.merchant_key(merchant.id), doc=document(encode(merchant)))))

    def api_key(self, key_id: str) -> ApiKey | None:
        """Read a key by its id."""
        item = self._db.get(self._table, tables.api_key_key(key_id))
        return decode(ApiKey, read_document(item, "doc")) if item else None

    def put_api_key(self, key: ApiKey) -> None:
        """Store a key."""
        self._db.write(put(self._table, keyed(tables.api_key_key(key.id), doc=document(encode(key)))))

    def take_indexes(self, merchant_id: str, curve: str, count: int) -> range:
        """Take a merchant's next address indexes, from 0; one may be skipped, none is given twice."""
        following = self._count(tables.index_key(merchant_id, curve), count)
        return range(following - count, following)

    def next_account(self) -> int:
        """Take the next merchant account, from 1; account 0 is the operator's."""
        return self._count(tables.ACCOUNTS_KEY)

    def raise_gate(self, chain: str, *, hot_until: int, warm_until: int, now: int) -> bool:
        """Keep a chain open at least until those times; True when it was closed (not hot) at `now`.

        The first to do so makes the chain's daily round due a day later.
        """
        key = tables.gate_key(chain)
        daily = Path("daily_at").set(Path("daily_at") | (now + DAY_MS))
        actions = [Path("hot_until").set(hot_until), Path("warm_until").set(warm_until), daily]
        # Holds where the gate is new, or neither time would go back and one goes forward: all but a few calls.
        forward = Path("hot_until").does_not_exist() | (
            (Path("hot_until") <= hot_until)
            & (Path("warm_until") <= warm_until)
            & ((Path("hot_until") < hot_until) | (Path("warm_until") < warm_until))
        )
        try:
            old = self._db.write(update(self._table, key, actions, forward), returns="ALL_OLD")
        except ConditionFailed:
            old = self._raise_apart(key, hot_until, warm_until)
        return "hot_until" not in old or int(tables.plain(old, "hot_until")) <= now

    def gates(self, chains: Sequence[str]) -> dict[str, Gate]:
        """Read gates in one call, consistently; a chain without one is closed."""
        items = self._db.batch(self._table, [tables.gate_key(chain) for chain in chains])
        return {chain: _gate(chain, items.get(tables.gate_key(chain), {})) for chain in chains}

    def pause(self, chain: str, paused: bool) -> None:
        """Stop or resume a chain."""
        self._db.write(update(self._table, tables.gate_key(chain), [Path("paused").set(paused)]))

    def merchants(self, after: str, limit: int) -> list[Merchant]:
        """List merchants by id, those after one."""
        condition = Path("pk") == tables.MERCHANTS_PARTITION
        if after:
            condition &= Path("sk") > after
        rows = self._db.query(self._table, condition, limit=limit, consistent=True)
        keys = [tables.merchant_key(tables.key_of(item).sk) for item in rows.items]
        items = self._db.batch(self._table, keys)
        return [decode(Merchant, read_document(items[key], "doc")) for key in keys if key in items]

    def indexes(self, merchant_id: str, curve: str) -> int:
        """Return how many address indexes a merchant has been given."""
        item = self._db.get(self._table, tables.index_key(merchant_id, curve))
        return int(tables.plain(item, "next")) if item else 0

    def round(self, chain: str) -> Round:
        """Return how far the daily round of a chain has come."""
        item = self._db.get(self._table, tables.gate_key(chain))
        if item is None or "round_merchant" not in item:
            return Round(chain=chain)
        merchant, index = tables.plain(item, "round_merchant"), int(tables.plain(item, "round_index"))
        return Round(chain=chain, merchant_id=merchant, index=index)

    def advance_round(self, progress: Round, *, next_daily_at: int | None) -> None:
        """Store how far a daily round has come; with `next_daily_at` it is over until then."""
        actions = [Path("round_merchant").set(progress.merchant_id), Path("round_index").set(progress.index)]
        if next_daily_at is not None:
            actions.append(Path("daily_at").set(next_daily_at))
        self._db.write(update(self._table, tables.gate_key(progress.chain), actions))

    def _raise_apart(self, key: Key, hot_until: int, warm_until: int) -> Item:
        """Raise each time to the later one: DynamoDB has no maximum, so the old values are read and held to."""
        for _ in range(RACES):
            old = self._db.get(self._table, key) or {}
            hot, warm = (int(tables.plain(old, name)) for name in ("hot_until", "warm_until"))
            if hot >= hot_until and warm >= warm_until:
                return old
            actions = [Path("hot_until").set(max(hot, hot_until)), Path("warm_until").set(max(warm, warm_until))]
            try:
                # Holds while nobody else has raised the gate since.
                return self._db.write(
                    update(self._table, key, actions, (Path("hot_until") == hot) & (Path("warm_until") == warm)),
                    returns="ALL_OLD",
                )
            except ConditionFailed:
                continue
        raise Busy

    def _count(self, key: Key, by: int = 1) -> int:
        return int(
            tables.plain(
                self._db.write(update(self._table, key, [Path("next").add(by)]), returns="UPDATED_NEW"), "next"
            )
        )


def _gate(chain: str, item: Item) -> Gate:
    numbers = {name: int(tables.plain(item, name)) for name in _GATE_NUMBERS if name in item}
    return Gate(chain=chain, paused="paused" in item and item["paused"]["BOOL"], **numbers)
