"""Payments, and the one transaction in which a decision about one of them commits."""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial

from pynamodb.expressions.operand import Path

from ctrip.domain.audit import AuditRecord
from ctrip.domain.chains.chain import Transfer
from ctrip.domain.detection.watch import Watch
from ctrip.domain.errors import AlreadyExists, CtripError, FenceLost, Stale
from ctrip.domain.payments.payment import Payment, Tier
from ctrip.domain.sweeping.sweep import OutgoingTransaction
from ctrip.ports.idempotency import Remembered
from ctrip.ports.money import Counted
from ctrip.ports.payments import Commit, Page, PaymentFilter
from ctrip.store import tables
from ctrip.store.changes import read_remembered
from ctrip.store.clauses import Clauses, refuse_late, reservation, reservations, unmoved
from ctrip.store.engine.codec import decode
from ctrip.store.engine.database import Item, Store, put, read_document
from ctrip.store.engine.errors import ConditionFailed
from ctrip.store.layout import payment_item, payment_of, transaction_of, transfer_item, transfer_of, watch_of
from ctrip.store.tables import Key

# What reading an item raises that something has mangled.
UNREADABLE = (LookupError, TypeError, ValueError)
INDEX_PAGES = 5
RESERVED_AT_ONCE = 99  # a transaction of DynamoDB's has 100 items, of which one is the outgoing transaction
TAKEOVERS = 3


_POSITION = re.compile(r"[0-9]{13}#[^#]{1,64}", re.ASCII)
_ID = re.compile(r"[0-9a-zA-Z_-]{1,64}", re.ASCII)
_TRANSFER = re.compile(r"TR#[0-9]{12}#[0-9]*#[^~]{1,200}", re.ASCII)


class DynamoPayments(Store):
    """The `ports.PaymentStore` on DynamoDB."""

    own = "payments"

    def commit(self, commit: Commit) -> None:
        """Write all of it or nothing."""
        refuse_late(self._db, commit.entries)
        holder: Payment | None = None
        for _ in range(TAKEOVERS):
            clauses = Clauses(self._db.tables, commit, holder)
            try:
                return self._db.transact(clauses.writes, ours=lambda: self._is_ours(commit))
            except ConditionFailed as exc:
                name = clauses.first(exc.places)
                if name == "order" and (dead := self._dead_holder(commit.after)) is not None:
                    holder = dead
                    continue
                raise _refusal(name) from exc
        raise AlreadyExists("order")

    def reserve(self, before: Payment, transaction: OutgoingTransaction, counted: Counted | None = None) -> Payment:
        """Put an own transaction under way; return the payment that names it."""
        writes = reservation(self._db.tables, before, transaction, counted)
        try:
            self._db.transact(writes, ours=lambda: self._stands(transaction))
        except ConditionFailed as exc:
            raise _refusal(writes[min(exc.places)].name) from exc
        return before.changed(pending=transaction.key)

    def reserve_many(
        self, payments: Sequence[Payment], before: OutgoingTransaction | None, transaction: OutgoingTransaction
    ) -> list[Payment]:
        """Put a transaction for many payments under way, part after part; return the payments that name it."""
        reserved: list[Payment] = []
        for start in range(0, len(payments), RESERVED_AT_ONCE):
            first = not reserved
            part = self._reserve_part(payments[start : start + RESERVED_AT_ONCE], before, transaction, first=first)
            reserved += [each.changed(pending=transaction.key) for each in part]
        return reserved

    def _reserve_part(
        self,
        part: Sequence[Payment],
        before: OutgoingTransaction | None,
        transaction: OutgoingTransaction,
        *,
        first: bool,
    ) -> Sequence[Payment]:
        """Reserve those of a part that have not moved on: all of these, or none."""
        while part:
            writes = reservations(self._db.tables, part, before, transaction, first=first)
            try:
                self._db.transact(writes, ours=partial(self._reserved, part[0].id, transaction))
            except ConditionFailed as exc:
                failed = {writes[place].name for place in exc.places} - {"stale payment"}
                if failed:
                    raise _refusal(failed.pop()) from exc
                part = [each for place, each in enumerate(part, 1) if place not in exc.places]
                continue
            return part
        return part

    def _reserved(self, payment_id: str, transaction: OutgoingTransaction) -> bool:
        """Whether this very transaction stands, of whose kind nothing is signed yet, and the payment names it."""
        held, key = self.get(payment_id), (transaction.chain, transaction.sender, transaction.slot)
        item = self._db.get(self._db.tables.money, tables.transaction_key(*key))
        ours = item is not None and transaction_of(item) == transaction
        return ours and held is not None and held.own.pending == transaction.key

    def release(self, before: Payment) -> Payment:
        """Take back a reservation; no version of the payment."""
        return self._put(before, before.changed(pending=None))

    def retier(self, before: Payment, tier: Tier, now: int) -> Payment:
        """Move a payment to a tier, raised now; no version of it."""
        return self._put(before, before.changed(tier=tier, raised_at=now))

    def _put(self, before: Payment, after: Payment) -> Payment:
        write = put(self._table, payment_item(after), unmoved(before), name="stale payment")
        try:
            self._db.write(write, ours=lambda: self.get(before.id) == after)
        except ConditionFailed as exc:
            raise _refusal(write.name) from exc
        return after

    def longest_in(self, chain: str, tier: Tier, limit: int) -> list[Payment]:
        """Return at most `limit` payments of a tier, those first that were raised to it first."""
        rows: list[Item] = []
        for shard in range(1 if tier is Tier.PARKED else tables.WATCH_SHARDS):
            condition = Path("watch_pk") == tables.watch_partition(chain, tier, shard)
            rows += self._db.query(self._table, condition, index="watch", limit=limit).items
        keys = [tables.key_of(row) for row in sorted(rows, key=lambda row: tables.plain(row, "watch_sk"))[:limit]]
        items = self._db.batch(self._table, keys)
        found = [payment_of(items[key]) for key in keys if key in items]
        return [each for each in found if each.tier is tier]

    def unchosen(self, until: int, limit: int, *, after: str = "") -> tuple[list[Payment], str]:
        """Return at most `limit` payments that nobody has chosen for and that expire by then, and the next position."""
        # Nothing lies between a place and the same with a blank: both bounds of `between` belong to it.
        places = Path("watch_sk").between(f"{after} ", tables.watch_place(until, "~"))
        due = (Path("watch_pk") == tables.UNCHOSEN_PARTITION) & places
        rows = self._db.query(self._table, due, index="watch", limit=limit)
        found = self.read([tables.key_of(row).pk.removeprefix("P#") for row in rows.items])
        return list(found.values()), tables.plain(rows.items[-1], "watch_sk") if rows.more else ""

    def former(self, chain: str, now: int) -> list[Watch]:
        """Return what payers had chosen on a chain before another one, while anybody may still pay it."""
        names: dict[str, str] = {}
        place = (Path("watch_pk") == tables.former_partition(chain)) & (Path("watch_sk") > tables.watch_place(now, "~"))
        return _readable(self._db.each(self._table, place, index="watch"), Tier.MONITORED, names)

    def get(self, payment_id: str) -> Payment | None:
        """Read a payment, consistently."""
        item = self._db.get(self._table, tables.payment_key(payment_id))
        return payment_of(item) if item else None

    def by_order(self, merchant_id: str, order_id: str) -> str | None:
        """Return the id of the payment that holds the merchant's order, dead ones included."""
        item = self._db.get(self._table, tables.order_key(merchant_id, order_id))
        return tables.plain(item, "payment_id") if item else None

    def by_address(self, address: str) -> str | None:
        """Return the id of the payment that owns a deposit address."""
        item = self._db.get(self._table, tables.address_key(address))
        return tables.plain(item, "payment_id") if item else None

    def page(self, merchant_id: str, wanted: PaymentFilter) -> Page:
        """List a merchant's payments, newest first; reads at most five pages of the index, then answers short."""
        position = tables.open_cursor(merchant_id, wanted.cursor, _POSITION)
        found: list[Payment] = []
        for _ in range(INDEX_PAGES):
            keys, more = self._list_keys(merchant_id, wanted, position)
            items = self._db.batch(self._table, [key for key, _ in keys], consistent=False)
            for key, position in keys:
                payment = payment_of(items[key]) if key in items else None
                if payment is None or not _matches(payment, wanted):
                    continue
                found.append(payment)
                if len(found) == wanted.limit:
                    last = not more and position == keys[-1][1]
                    return Page(tuple(found), None if last else tables.cursor_of(merchant_id, position))
            if not more:
                return Page(tuple(found), None)
        return Page(tuple(found), tables.cursor_of(merchant_id, position) if position else None)

    def watched(self, chain: str, tier: Tier) -> list[Payment]:
        """Return the payments of a tier."""
        payments = self.read([row.id for row in self.rows(chain, tier)]).values()
        # The index may still show a payment where it no longer stands.
        return [each for each in payments if each.tier is tier]

    def rows(self, chain: str, tier: Tier, *, raised_after: int = 0) -> list[Watch]:
        """Return what the index shows of a tier, raised after that time."""
        found: list[Watch] = []
        names: dict[str, str] = {}
        for shard in range(tables.WATCH_SHARDS):
            condition = Path("watch_pk") == tables.watch_partition(chain, tier, shard)
            if raised_after:
                condition &= Path("watch_sk") >= tables.since(raised_after + 1)
            found += _readable(self._db.each(self._table, condition, index="watch"), tier, names)
        return found

    def slice(self, chain: str, tier: Tier, *, after: str, limit: int) -> tuple[list[Watch], str]:
        """Return about `limit` rows of a tier from a position on, and the next position: a shard and its last place."""
        first, _, place = after.partition(":")
        found: list[Watch] = []
        for shard in range(int(first or 0), tables.WATCH_SHARDS):
            condition = Path("watch_pk") == tables.watch_partition(chain, tier, shard)
            if place:
                condition &= Path("watch_sk") > place
            rows = self._db.query(self._table, condition, index="watch", limit=limit - len(found))
            found += _readable(rows.items, tier, {})
            if rows.more:
                return found, f"{shard}:{tables.plain(rows.items[-1], 'watch_sk')}"
            if len(found) >= limit:
                return found, f"{shard + 1}:" if shard + 1 < tables.WATCH_SHARDS else ""
            place = ""
        return found, ""

    def read(self, payment_ids: Sequence[str]) -> dict[str, Payment]:
        """Read payments by their ids, consistently; what does not exist, or cannot be read, is left out."""
        items = self._db.batch(self._table, [tables.payment_key(each) for each in payment_ids])
        found: dict[str, Payment] = {}
        for item in items.values():
            try:
                payment = payment_of(item)
            except UNREADABLE:
                continue  # whoever asked misses it, and says so
            found[payment.id] = payment
        return found

    def add_transfers(self, payment_id: str, transfers: Sequence[Transfer]) -> None:
        """Keep a row for each transfer: facts of the chain, which no decision's transaction has to hold."""
        for transfer in transfers:
            self._db.write(put(self._table, transfer_item(payment_id, transfer)))

    def drop_transfers(self, payment_id: str, transfers: Sequence[Transfer]) -> None:
        """Mark the rows of transfers whose blocks are gone: no list shows them any more."""
        for transfer in transfers:
            self._db.write(put(self._table, transfer_item(payment_id, transfer) | {"gone": {"BOOL": True}}))

    def transfers(
        self, payment_id: str, *, before: str | None = None, limit: int = 20
    ) -> tuple[list[Transfer], str | None]:
        """Return a payment's transfers, newest first, and the position after the page, None at the end."""
        pk, low = tables.payment_key(payment_id).pk, tables.TRANSFER_PREFIX
        before = tables.open_cursor(payment_id, before, _TRANSFER)
        condition = (Path("pk") == pk) & Path("sk").between(low, before or f"{low}~")
        # One more than wanted, so that a full last page knows that it is the last, and one for the position's own.
        rows = self._db.query(self._table, condition, limit=limit + 2, forward=False, consistent=True)
        items = [item for item in rows.items if tables.key_of(item).sk != before]
        page = items[:limit]
        more = rows.more or len(items) > limit
        shown = [transfer_of(item) for item in page if "gone" not in item]
        return shown, tables.cursor_of(payment_id, tables.key_of(page[-1]).sk) if more and page else None

    def unmatched(self, merchant_id: str, cursor: str | None, limit: int) -> tuple[list[Payment], str | None]:
        """Return a merchant's payments to which unmatched money came, by id, and the cursor of the next page."""
        place = Path("pk") == tables.unmatched_key(merchant_id, "").pk
        if (after := tables.open_cursor(merchant_id, cursor, _ID)) is not None:
            place &= Path("sk") > after
        rows = self._db.query(self._table, place, limit=limit, consistent=True)
        keys = [tables.payment_key(tables.key_of(item).sk) for item in rows.items]
        items = self._db.batch(self._table, keys)
        last = tables.key_of(rows.items[-1]).sk if rows.items else ""
        found = [payment_of(items[key]) for key in keys if key in items]
        return found, tables.cursor_of(merchant_id, last) if rows.more else None

    def remembered(self, owner: str, route: str, key: str) -> Remembered | None:
        """Return what an idempotency key answered first, read consistently."""
        return read_remembered(self._db, self._table, owner, route, key)

    def audit(self, payment_id: str) -> list[AuditRecord]:
        """Return a payment's audit chain, oldest first."""
        partition = tables.payment_key(payment_id).pk
        condition = (Path("pk") == partition) & Path("sk").startswith(tables.AUDIT_PREFIX)
        items = self._db.each(self._table, condition, consistent=True)
        return [decode(AuditRecord, read_document(item, "doc"), subject=payment_id) for item in items]

    def events_of(self, payment_id: str) -> list[str]:
        """Return the ULIDs of a payment's events, oldest first, as its audit chain names them."""
        partition = tables.payment_key(payment_id).pk
        condition = (Path("pk") == partition) & Path("sk").startswith(tables.AUDIT_PREFIX)
        named = (tables.plain(item, "event") for item in self._db.each(self._table, condition))
        return [ulid for ulid in named if ulid]

    def heads(self, payment_ids: Sequence[str]) -> dict[str, tuple[int, str]]:
        """Return the version and audit head of payments, read consistently."""
        items = self._db.batch(self._table, [tables.payment_key(each) for each in payment_ids])
        found = map(payment_of, items.values())
        return {each.id: (each.version, each.audit_head) for each in found}

    def _is_ours(self, commit: Commit) -> bool:
        """Whether this very commit has been done already; the payment may have moved on since."""
        item = self._db.get(self._table, tables.audit_key(commit.after.id, commit.after.version))
        if item is None:
            return False
        event = commit.event.ulid if commit.event else ""
        same = decode(AuditRecord, read_document(item, "doc"), subject=commit.after.id).hash == commit.audit.hash
        return same and tables.plain(item, "event") == event

    def _stands(self, transaction: OutgoingTransaction) -> bool:
        """Whether this very transaction is under way already: the same bytes, whoever signed them."""
        item = self._db.get(
            self._db.tables.money, tables.transaction_key(transaction.chain, transaction.sender, transaction.slot)
        )
        return item is not None and transaction_of(item).attempts[:1] == transaction.attempts[:1]

    def _dead_holder(self, payment: Payment) -> Payment | None:
        """Return who holds the order and may lose it; None where the holder lives."""
        holder_id = self.by_order(payment.merchant_id, payment.order.order_id or "")
        holder = self.get(holder_id) if holder_id else None
        return holder if holder and holder.is_dead else None

    def _list_keys(
        self, merchant_id: str, wanted: PaymentFilter, position: str | None
    ) -> tuple[list[tuple[Key, str]], bool]:
        partition = tables.list_partition(merchant_id)
        first = tables.since(wanted.created_after or 0)
        last = tables.until(wanted.created_before if wanted.created_before is not None else 10**13 - 1)
        if position is not None:
            last = min(last, position)
        if first > last:
            return [], False
        filtered = wanted.status is not None or wanted.chain is not None
        condition = (Path("list_pk") == partition) & Path("list_sk").between(first, last)
        # One more than wanted, so that a full last page knows that it is the last, and one for the cursor's own.
        limit = 100 if filtered else min(wanted.limit + 2, 100)
        rows = self._db.query(self._table, condition, index="list", limit=limit, forward=False)
        keys = [(tables.key_of(item), tables.plain(item, "list_sk")) for item in rows.items]
        return [pair for pair in keys if pair[1] != position], rows.more


def _readable(rows: Iterable[Item], tier: Tier, names: dict[str, str]) -> list[Watch]:
    """Read rows of the index `watch`; one that cannot be read hides no other."""
    found: list[Watch] = []
    for row in rows:
        with suppress(*UNREADABLE):
            found.append(watch_of(row, tier, names))
    return found


def _matches(payment: Payment, wanted: PaymentFilter) -> bool:
    return wanted.status in (None, payment.status) and wanted.chain in (None, payment.due.chain)


def _refusal(name: str) -> CtripError:
    if name == "fence":
        return FenceLost("a newer scanner has taken the chain")
    if name.startswith("stale "):
        return Stale(f"the {name.removeprefix('stale ')} has moved on")
    return AlreadyExists(name)
