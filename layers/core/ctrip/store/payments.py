"""Payments, and the one transaction in which a decision about one of them commits."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pynamodb.expressions.operand import Path

from ctrip.domain.audit import AuditRecord
from ctrip.domain.errors import AlreadyExists, CtripError, FenceLost, InvalidField, Stale
from ctrip.domain.payment import Payment, Status, Tier
from ctrip.domain.sweep import Intent
from ctrip.ports import Commit, Page, PaymentFilter, Remembered
from ctrip.store import tables
from ctrip.store.changes import read_remembered
from ctrip.store.clauses import Clauses, reservation, unmoved
from ctrip.store.codec import decode
from ctrip.store.database import Item, Store, put, read_document
from ctrip.store.errors import ConditionFailed
from ctrip.store.layout import intent_of, payment_item, payment_of
from ctrip.store.tables import Key

DEAD = frozenset({Status.EXPIRED, Status.FAILED})  # a cancelled payment is an expired one
INDEX_PAGES = 5
TAKEOVERS = 3


_POSITION = re.compile(r"[0-9]{13}#[^#]{1,64}", re.ASCII)


class DynamoPayments(Store):
    """The `ports.PaymentStore` on DynamoDB."""

    own = "payments"

    def commit(self, commit: Commit) -> None:
        """Write all of it or nothing."""
        holder: str | None = None
        for _ in range(TAKEOVERS):
            clauses = Clauses(self._db.tables, commit, holder)
            try:
                return self._db.transact(clauses.writes, ours=lambda: self._is_ours(commit))
            except ConditionFailed as exc:
                name = clauses.first(exc.places)
                if name == "order" and (dead := self._dead_holder(commit.after, holder)) is not None:
                    holder = dead
                    continue
                raise _refusal(name) from exc
        raise AlreadyExists("order")

    def reserve(self, before: Payment, intent: Intent) -> Payment:
        """Put an own transaction under way; return the payment that names it."""
        writes = reservation(self._db.tables, before, intent)
        try:
            self._db.transact(writes, ours=lambda: self._stands(intent))
        except ConditionFailed as exc:
            raise _refusal(writes[min(exc.places)].name) from exc
        return replace(before, pending=intent.key)

    def retier(self, before: Payment, tier: Tier, now: int) -> Payment:
        """Move a payment to a tier, raised now; no version of it."""
        after = replace(before, tier=tier, raised_at=now)
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
        position = _position(merchant_id, wanted.cursor)
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

    def watched(
        self, chain: str, tier: Tier, *, raised_after: int = 0, known: Mapping[str, int] | None = None
    ) -> list[Payment]:
        """Return what stands in a tier and was raised after that time, less what is `known`."""
        keys: list[Key] = []
        places = {tables.watch_place(raised_at, payment_id) for payment_id, raised_at in (known or {}).items()}
        for shard in range(tables.WATCH_SHARDS):
            condition = Path("watch_pk") == tables.watch_partition(chain, tier, shard)
            if raised_after:
                condition &= Path("watch_sk") >= tables.since(raised_after + 1)
            rows = self._db.each(self._table, condition, index="watch")
            keys += [tables.key_of(row) for row in rows if tables.plain(row, "watch_sk") not in places]
        payments = map(payment_of, self._db.batch(self._table, keys).values())
        # The index may still show a payment where it no longer stands.
        return [each for each in payments if each.tier is tier and each.raised_at > raised_after]

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

    def _stands(self, intent: Intent) -> bool:
        """Whether this very transaction is under way already: the same bytes, whoever signed them."""
        item = self._db.get(self._db.tables.money, tables.intent_key(intent.chain, intent.sender, intent.nonce))
        return item is not None and intent_of(item).attempts[:1] == intent.attempts[:1]

    def _dead_holder(self, payment: Payment, tried: str | None) -> str | None:
        """Return who holds the order and may lose it; None where the holder lives."""
        holder_id = self.by_order(payment.merchant_id, payment.order_id or "")
        if holder_id is None or holder_id == tried:
            return holder_id
        holder = self.get(holder_id)
        return holder_id if holder is None or holder.status in DEAD else None

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


def _matches(payment: Payment, wanted: PaymentFilter) -> bool:
    return wanted.status in (None, payment.status) and wanted.chain in (None, payment.chain)


def _position(merchant_id: str, cursor: str | None) -> str | None:
    if cursor is None:
        return None
    try:
        position = tables.cursor_position(merchant_id, cursor)
    except ValueError:
        position = ""
    if not _POSITION.fullmatch(position):
        raise InvalidField("cursor", "invalid_cursor", "is not a cursor that this list gave out")
    return position


def _refusal(name: str) -> CtripError:
    if name == "fence":
        return FenceLost("a newer scanner has taken the chain")
    if name.startswith("stale "):
        return Stale(f"the {name.removeprefix('stale ')} has moved on")
    return AlreadyExists(name)
