"""Outgoing transactions, ledger entries, and the fences that keep two scanners apart."""

from collections.abc import Sequence

from pynamodb.expressions.operand import Path

from ctrip.domain.detection.gates import Tip
from ctrip.domain.errors import AlreadyExists, FenceLost, Stale
from ctrip.domain.ledger.entries import Entry
from ctrip.domain.settlement.floor import PayoutCosts
from ctrip.domain.sweeping.policy import LoudGas, SweptDay
from ctrip.domain.sweeping.sweep import OutgoingTransaction, Setback
from ctrip.ports.gates import Fence
from ctrip.ports.money import Counted
from ctrip.store import tables
from ctrip.store.clauses import count, refuse_late, settlement, transaction_write
from ctrip.store.engine.codec import decode, encode
from ctrip.store.engine.database import Item, Store, keyed, put, read_document, text, update
from ctrip.store.engine.errors import ConditionFailed
from ctrip.store.layout import setback_item, setback_of, swept_day_of, transaction_of, unreadable_transaction

_SWEEPING = ("sweeping_to", "sweeping_refused", "sweeping_alone")
_TIP_KEYS = frozenset({"chain", "fence", *_SWEEPING})


class DynamoMoney(Store):
    """The `ports.MoneyStore` on DynamoDB."""

    own = "money"

    def take(self, chain: str) -> Fence:
        """Take a chain: increment its fence unconditionally."""
        taken = self._db.write(
            update(self._table, tables.tip_key(chain), [Path("fence").add(1)]), returns="UPDATED_NEW"
        )
        return Fence(chain, int(tables.plain(taken, "fence")))

    def beat(self, tip: Tip) -> None:
        """Store how far the scanner has come; raises `FenceLost`."""
        actions = [Path("doc").set(encode(tip, without=_TIP_KEYS))]
        try:
            # Holds while no newer scanner has taken the chain.
            self._db.write(update(self._table, tables.tip_key(tip.chain), actions, Path("fence") == tip.fence))
        except ConditionFailed as exc:
            raise FenceLost("a newer scanner has taken the chain") from exc

    def tips(self, chains: Sequence[str]) -> dict[str, Tip]:
        """Read the tips of chains in one call."""
        items = self._db.batch(self._table, [tables.tip_key(chain) for chain in chains])
        return {key.pk.removeprefix("F#"): _tip(key.pk.removeprefix("F#"), item) for key, item in items.items()}

    def note_sweeping(self, chain: str, to: str, refused: str, alone: str = "") -> None:
        """Note beside a chain's tip the treasury that was checked, and why nothing, or no batch, is swept there."""
        actions = [Path(name).set(held) for name, held in zip(_SWEEPING, (to, refused, alone), strict=True)]
        self._db.write(update(self._table, tables.tip_key(chain), actions))

    def payout_costs(self, chains: Sequence[str]) -> dict[str, PayoutCosts]:
        """Read in one call what payouts cost on chains, as it was noted last."""
        keys = {chain: tables.payout_costs_key(chain) for chain in chains}
        items = self._db.batch(self._table, list(keys.values()))
        return {
            chain: decode(PayoutCosts, read_document(items[key], "doc"), chain=chain)
            for chain, key in keys.items()
            if key in items
        }

    def note_payout_costs(self, costs: PayoutCosts) -> None:
        """Note what payouts cost on a chain; the newest stands."""
        doc = text(encode(costs, without=frozenset({"chain"})))
        self._db.write(put(self._table, keyed(tables.payout_costs_key(costs.chain), doc=doc)))

    def write_transaction(
        self, before: OutgoingTransaction | None, after: OutgoingTransaction, counted: Counted | None = None
    ) -> None:
        """Store a transaction; raises `AlreadyExists` for a taken (chain, sender, slot), `Stale` when it moved on."""
        own, counting = transaction_write(self._table, before, after), count(self._table, counted, after.updated_at)

        def ours() -> bool:
            return self.transaction(after.chain, after.sender, after.slot) == after

        try:
            if counting:
                self._db.transact([own, *counting], ours=ours)
            else:
                self._db.write(own, ours=ours)
        except ConditionFailed as exc:
            if min(exc.places, default=0):
                raise Stale("the count of the day has moved on") from exc
            raise (
                AlreadyExists("transaction") if before is None else Stale("the outgoing transaction has moved on")
            ) from exc

    def transaction(self, chain: str, sender: str, slot: str) -> OutgoingTransaction | None:
        """Read an outgoing transaction, consistently."""
        item = self._db.get(self._table, tables.transaction_key(chain, sender, slot))
        return transaction_of(item) if item else None

    def transactions_of(self, chain: str, sender: str) -> list[OutgoingTransaction]:
        """Return every outgoing transaction of a sender on a chain, by slot, read consistently."""
        condition = Path("pk") == tables.sender_partition(chain, sender)
        return [transaction_of(item) for item in self._db.each(self._table, condition, consistent=True)]

    def last_transaction(self, chain: str, sender: str) -> OutgoingTransaction | None:
        """Return the outgoing transaction of the last slot of a sender, read consistently."""
        condition = Path("pk") == tables.sender_partition(chain, sender)
        rows = self._db.query(self._table, condition, limit=1, forward=False, consistent=True)
        return transaction_of(rows.items[0]) if rows.items else None

    def unfinished(self, chain: str) -> list[OutgoingTransaction]:
        """Return the outgoing transactions of a chain that have not ended, by sender and slot."""
        condition = Path("due_pk") == tables.unfinished_partition(chain)
        keys = [tables.key_of(item) for item in self._db.each(self._table, condition, index="due")]
        items = self._db.batch(self._table, keys)
        found = [_readable(items[key], chain) for key in keys if key in items]
        return [transaction for transaction in found if transaction.unfinished]

    def settle(
        self, before: OutgoingTransaction, after: OutgoingTransaction, entries: Sequence[Entry], fence: Fence
    ) -> None:
        """Store a transaction and what it posts, all or nothing; raises `FenceLost`, `Stale` or `AlreadyExists`."""
        refuse_late(self._db, entries)
        writes = settlement(self._table, before, after, entries, fence)
        try:
            self._db.transact(writes, ours=lambda: self.transaction(after.chain, after.sender, after.slot) == after)
        except ConditionFailed as exc:
            name = writes[min(exc.places)].name
            if name == "fence":
                raise FenceLost("a newer scanner has taken the chain") from exc
            raise (
                AlreadyExists("entry") if name == "entry" else Stale("the outgoing transaction has moved on")
            ) from exc

    def setbacks(self, chain: str) -> dict[str, Setback]:
        """Return by payment why sweeps of a chain are not tried before some time."""
        rows = self._db.each(self._table, Path("pk") == tables.setbacks_partition(chain), consistent=True)
        return {tables.key_of(item).sk: setback_of(item) for item in rows}

    def set_back(self, chain: str, payment_id: str, setback: Setback) -> None:
        """Keep why, and until when, a payment's sweep is not tried; the newest stands."""
        self._db.write(put(self._table, setback_item(chain, payment_id, setback)))

    def swept_day(self, chain: str, asset: str, day: str) -> SweptDay:
        """Read how much of an asset was swept on a day, consistently."""
        item = self._db.get(self._table, tables.swept_day_key(chain, asset, day))
        return swept_day_of(item, chain, asset, day) if item else SweptDay(chain=chain, asset=asset, day=day)

    def loud_gas(self, chain: str) -> dict[str, LoudGas]:
        """Return by asset that sweeps of a chain wait for cheaper gas, read consistently."""
        place = (Path("pk") == tables.sweeps_partition(chain)) & Path("sk").startswith(tables.LOUD_PREFIX)
        found = {
            tables.key_of(item).sk.removeprefix(tables.LOUD_PREFIX): decode(LoudGas, read_document(item, "doc"))
            for item in self._db.each(self._table, place, consistent=True)
        }
        return {asset: loud for asset, loud in found.items() if loud.price}

    def note_gas(self, chain: str, asset: str, loud: LoudGas) -> None:
        """Keep that an asset's sweeps wait for cheaper gas, or that they do not."""
        self._db.write(put(self._table, keyed(tables.loud_gas_key(chain, asset), doc=text(encode(loud)))))


def _readable(item: Item, chain: str) -> OutgoingTransaction:
    try:
        return transaction_of(item)
    except Exception:  # whatever is wrong with one document must not hide the others
        return unreadable_transaction(item, chain)


def _tip(chain: str, item: Item) -> Tip:
    # A chain that was taken and never scanned has a fence and no document.
    held = read_document(item, "doc") if "doc" in item else "{}"
    fence = int(tables.plain(item, "fence")) if "fence" in item else 0
    noted = {name: tables.plain(item, name) for name in _SWEEPING if name in item}
    return decode(Tip, held, chain=chain, fence=fence, **noted)
