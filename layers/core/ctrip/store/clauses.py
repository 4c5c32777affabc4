"""The clauses of a decision's transaction: what each demands, and what it is called when it does not hold."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import cast

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path

from ctrip.domain.errors import Stale
from ctrip.domain.ledger.entries import LATEST_MS, Entry, EntryType
from ctrip.domain.payments.payment import Custody, Payment
from ctrip.domain.sweeping.sweep import OutgoingTransaction
from ctrip.ports.gates import Fence
from ctrip.ports.idempotency import Remembered
from ctrip.ports.money import Counted
from ctrip.ports.payments import Commit
from ctrip.store import tables
from ctrip.store.changes import ABSENT, remember
from ctrip.store.engine.database import Database, Write, check, keyed, put, text
from ctrip.store.layout import (
    audit_item,
    event_items,
    former_item,
    payment_item,
    posting_item,
    swept_day_item,
    transaction_item,
)


class Clauses:
    """A commit as writes. Where several conditions fail, the first of them in this order is the answer."""

    def __init__(self, names: tables.Tables, commit: Commit, dead_holder: Payment | None) -> None:
        self._names = names
        self._commit = commit
        self._dead_holder = dead_holder
        self.writes: list[Write] = [*self._guards(), *self._payment(), *self._money(), *self._facts(), *self._former()]
        if commit.beside is not None:
            from ctrip.store.bills import beside_write

            self.writes.append(beside_write(names.payments, commit.beside))

    def first(self, places: tuple[int, ...]) -> str:
        """Name the clause that failed."""
        return self.writes[min(places)].name

    def _guards(self) -> Iterator[Write]:
        commit, payment = self._commit, self._commit.after
        if (fence := commit.fence) is not None:
            yield fence_check(self._names.money, fence)
        if (idempotency := commit.idempotency) is not None:
            event = commit.event.ulid if commit.event else ""
            first = Remembered(idempotency.body_hash, payment.id, event, commit.answer)
            yield remember(self._names.payments, idempotency, first, payment.times.updated_at)
        if payment.order.order_id is not None:
            yield from self._order(tables.order_key(payment.merchant_id, payment.order.order_id))

    def _order(self, key: tables.Key) -> Iterator[Write]:
        payment, dead, holder = self._commit.after, self._dead_holder, Path("payment_id")
        if self._commit.holds_order:
            # Holds while no other payment has taken the order since this one died.
            yield check(self._names.payments, key, holder == payment.id, name="stale order")
        if self._commit.before is not None:
            return
        # Holds where nobody has the order, or still the payment that the caller found dead.
        free = ABSENT if dead is None else ABSENT | (holder == dead.id)
        yield put(self._names.payments, keyed(key, payment_id=text(payment.id)), free, name="order")
        if dead is not None:
            # Holds while that payment is as dead as it was: money that came late may revive it meanwhile.
            yield check(self._names.payments, tables.payment_key(dead.id), unmoved(dead), name="order")

    def _payment(self) -> Iterator[Write]:
        before, after = self._commit.before, self._commit.after
        item = payment_item(after)
        if before is None:
            # Hold where neither the id nor, below, the address has ever been given out.
            yield put(self._names.payments, item, ABSENT, name="id")
        else:
            yield put(self._names.payments, item, unmoved(before), name="stale payment")
        if after.is_chosen and (before is None or before.due.address != after.due.address):
            owner = keyed(tables.address_key(after.due.address), payment_id=text(after.id))
            # Holds where nobody has the address, or this payment, whose payer has come back to it.
            free = ABSENT if before is None else ABSENT | (Path("payment_id") == after.id)
            yield put(self._names.payments, owner, free, name="address")

    def _former(self) -> Iterator[Write]:
        before, after = self._commit.before, self._commit.after
        if before is not None and before.is_chosen and before.due.chain != after.due.chain:
            yield put(self._names.payments, former_item(before))

    def _money(self) -> Iterator[Write]:
        for before, after in self._commit.transactions:
            yield transaction_write(self._names.money, before, after)
        yield from postings(self._names.money, self._commit.entries)

    def _facts(self) -> Iterator[Write]:
        # Without conditions: their keys belong to the version, or to the fact, that the clauses above decide about.
        commit, event = self._commit, self._commit.event
        yield put(self._names.payments, audit_item(commit.audit, event))
        for item in event_items(event) if event is not None else ():
            yield put(self._names.events, item)
        if any(entry.type is EntryType.UNMATCHED for entry in commit.entries) or _unmatched_outside(commit):
            yield put(self._names.payments, keyed(tables.unmatched_key(commit.after.merchant_id, commit.after.id)))


def _unmatched_outside(commit: Commit) -> bool:
    """Whether unmatched money came to an address under the merchant's own key: the ledger is silent of that."""
    before, after = commit.before, commit.after
    if after.policy.custody is not Custody.XPUB or before is None:
        return False
    return (after.own.unmatched, after.seen.strays) != (before.own.unmatched, before.seen.strays)


def reservation(
    names: tables.Tables, before: Payment, transaction: OutgoingTransaction, counted: Counted | None
) -> list[Write]:
    """Put an own transaction under way, and its name beside the payment: a reservation, and no new version of it."""
    item = payment_item(before.changed(pending=transaction.key))
    return [
        put(names.payments, item, unmoved(before), name="stale payment"),
        transaction_write(names.money, None, transaction),
        *count(names.money, counted, transaction.updated_at),
    ]


def count(table: str, counted: Counted | None, now: int) -> list[Write]:
    """Count a sweep among its day's."""
    if counted is None:
        return []
    before, after = counted
    # Holds while nobody has counted another sweep since the count was read.
    unmoved_since = Path("version") == before.version if before.version else ABSENT
    return [put(table, swept_day_item(after, now), unmoved_since, name="stale count of the day")]


def reservations(
    names: tables.Tables,
    payments: Sequence[Payment],
    before: OutgoingTransaction | None,
    transaction: OutgoingTransaction,
    *,
    first: bool,
) -> list[Write]:
    """Put an own transaction for many payments under way, with the first part of them; or one more part of them."""
    key = tables.transaction_key(transaction.chain, transaction.sender, transaction.slot)
    # Holds while nobody has taken the transaction over: what is reserved for it would otherwise be forgotten.
    unmoved_since = check(names.money, key, Path("version") == transaction.version, name="stale outgoing transaction")
    own = transaction_write(names.money, before, transaction) if first else unmoved_since
    items = [(payment, payment_item(payment.changed(pending=transaction.key))) for payment in payments]
    return [own, *(put(names.payments, item, unmoved(payment), name="stale payment") for payment, item in items)]


def settlement(
    table: str, before: OutgoingTransaction, after: OutgoingTransaction, entries: Sequence[Entry], fence: Fence
) -> list[Write]:
    """Move an outgoing transaction on with what it posts, where no payment changes."""
    return [fence_check(table, fence), transaction_write(table, before, after), *postings(table, entries)]


def fence_check(table: str, fence: Fence) -> Write:
    """Demand that no newer scanner has taken the chain."""
    return check(table, tables.tip_key(fence.chain), Path("fence") == fence.number, name="fence")


def postings(table: str, entries: Sequence[Entry]) -> Iterator[Write]:
    """Post entries, those of one owner in one item."""
    for _, each in groupby(entries, lambda entry: entry.owner):
        # Holds unless the same cause has posted already.
        yield put(table, posting_item(list(each)), ABSENT, name="entry")


def refuse_late(db: Database, entries: Sequence[Entry]) -> None:
    """Refuse entries that were decided too long ago, as `Stale`: sums of older ones are kept, and must be complete."""
    if any(db.is_late(entry.at, LATEST_MS) for entry in entries):
        raise Stale("the decision is too old to be stored")


def unmoved(before: Payment) -> Condition:
    """Demand that a payment is as it was when the decision was made, with the same transaction under way, or none."""
    pending = Path("pending")
    same = pending.does_not_exist() if before.own.pending is None else pending == before.own.pending
    return cast("Condition", (Path("version") == before.version) & (Path("status") == before.status.value) & same)


def transaction_write(table: str, before: OutgoingTransaction | None, after: OutgoingTransaction) -> Write:
    """Write an outgoing transaction, alone or within a decision."""
    if before is None:
        # Holds where (chain, sender, slot) is free.
        return put(table, transaction_item(after), ABSENT, name="transaction")
    # Holds while the outgoing transaction is as it was read.
    return put(table, transaction_item(after), Path("version") == before.version, name="stale outgoing transaction")
