"""Payouts, beside the payments: the API writes what is asked for, the worker what became of it."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path

from ctrip.domain.errors import AlreadyExists, CtripError, FenceLost, Stale
from ctrip.domain.settlement.payout import ID_PREFIX, Payout, PayoutKind, PayoutState
from ctrip.domain.settlement.reservation import Refunded, Reservation, SettlementAddress
from ctrip.domain.settlement.schedule import Schedule
from ctrip.domain.webhooks.events import Event
from ctrip.ports.idempotency import Remembered
from ctrip.ports.payouts import Broken, PayoutCommit, PayoutPage
from ctrip.store import tables
from ctrip.store.changes import ABSENT, read_remembered, remember
from ctrip.store.clauses import fence_check, postings, refuse_late, transaction_write
from ctrip.store.engine.codec import decode, encode
from ctrip.store.engine.database import Item, Store, Write, keyed, number, put, read_document, text
from ctrip.store.engine.errors import ConditionFailed
from ctrip.store.layout import event_items, schedule_item, schedule_of

T = TypeVar("T")

_POSITION = re.compile(rf"({'|'.join(ID_PREFIX.values())})[0-9A-Z]{{26}}", re.ASCII)
_PAYOUT_KEYS = frozenset({"id", "merchant_id", "version", "state"})
_VERSION = frozenset({"version"})


class DynamoPayouts(Store):
    """The `ports.PayoutStore` on DynamoDB."""

    own = "payments"

    def commit(self, commit: PayoutCommit) -> None:
        """Write all of it or nothing."""
        self.commit_all([commit])

    def commit_all(self, commits: Sequence[PayoutCommit]) -> None:
        """Write all of several decisions or nothing."""
        refuse_late(self._db, [entry for commit in commits for entry in commit.entries])
        writes = [write for commit in commits for write in self._writes(commit)]
        try:
            self._db.transact(writes, ours=lambda: all(self._is(commit.after) for commit in commits))
        except ConditionFailed as exc:
            raise _refusal(writes[min(exc.places)].name) from exc

    def payout(self, merchant_id: str, payout_id: str) -> Payout | None:
        """Read a payout, consistently."""
        item = self._db.get(self._table, tables.payout_key(merchant_id, payout_id))
        return _payout_of(item) if item else None

    def page(self, merchant_id: str, kind: PayoutKind, cursor: str | None, limit: int) -> PayoutPage:
        """List a merchant's payouts of a kind, newest first."""
        prefix = ID_PREFIX[kind]
        after = tables.open_cursor(f"{merchant_id}#{kind}", cursor, _POSITION)
        place = Path("pk") == tables.payout_key(merchant_id, "").pk
        # One more than wanted, so that a full last page knows that it is the last, and one for the cursor's own.
        place &= Path("sk").between(prefix, after or f"{prefix}~")
        rows = self._db.query(self._table, place, limit=limit + 2, forward=False, consistent=True)
        found = [_payout_of(item) for item in rows.items if tables.key_of(item).sk != after]
        page = found[:limit]
        more = rows.more or len(found) > limit
        following = tables.cursor_of(f"{merchant_id}#{kind}", page[-1].id) if more and page else None
        return PayoutPage(tuple(page), following)

    def of_payment(self, payment_id: str) -> list[Payout]:
        """Return the refunds of a payment, newest first."""
        partition = tables.refund_key(payment_id, "").pk
        place = (Path("pk") == partition) & Path("sk").startswith(tables.REFUND_PREFIX)
        rows = self._db.each(self._table, place, consistent=True, forward=False)
        keys = [
            tables.payout_key(tables.plain(row, "merchant"), tables.key_of(row).sk.removeprefix(tables.REFUND_PREFIX))
            for row in rows
        ]
        items = self._db.batch(self._table, keys)
        return [_payout_of(items[key]) for key in keys if key in items]

    def claimable(self, digest: str) -> Payout | None:
        """Read the refund whose recipient's address the secret of a digest may name, consistently."""
        item = self._db.get(self._table, tables.claim_key(digest))
        return self.payout(tables.plain(item, "merchant"), tables.plain(item, "payout")) if item else None

    def unfinished(self, broken: Broken | None = None) -> list[Payout]:
        """Return the payouts that the worker must look after, oldest first."""
        place = Path("watch_pk") == tables.PAYOUTS_PARTITION
        return [payout for payout in self._watched(place, _payout_of, broken) if payout.unfinished]

    def instructions(self, broken: Broken | None = None) -> list[Payout]:
        """Return the payouts that wait for a transfer which nobody has named yet, oldest first."""
        place = Path("watch_pk") == tables.INSTRUCTIONS_PARTITION
        return [payout for payout in self._watched(place, _payout_of, broken) if payout.instructs]

    def _watched(self, place: Condition, read: Callable[[Item], T], broken: Broken | None) -> list[T]:
        keys = [tables.key_of(row) for row in self._db.each(self._table, place, index="watch")]
        items = self._db.batch(self._table, keys)
        return list(_readable({key: items[key] for key in keys if key in items}, read, broken))

    def reservation(self, merchant_id: str, chain: str, asset: str) -> Reservation:
        """Read what is asked for and not booked yet, consistently."""
        item = self._db.get(self._table, tables.reservation_key(merchant_id, chain, asset))
        if item is None:
            return Reservation(merchant_id=merchant_id, chain=chain, asset=asset)
        return _reservation_of(item)

    def reservations(self, merchant_id: str) -> list[Reservation]:
        """Read what a merchant has asked for of each asset and is not booked yet, consistently."""
        place = Path("pk") == tables.reservation_key(merchant_id, "", "").pk
        return [_reservation_of(item) for item in self._db.each(self._table, place, consistent=True)]

    def refunded(self, payment_id: str, chain: str, asset: str) -> Refunded:
        """Read what was refunded of an asset that came for a payment, consistently."""
        item = self._db.get(self._table, tables.refunded_key(payment_id, chain, asset))
        if item is None:
            return Refunded(payment_id=payment_id, chain=chain, asset=asset)
        return decode(Refunded, read_document(item, "doc"), version=int(tables.plain(item, "version")))

    def settlement_address(self, merchant_id: str, chain: str) -> SettlementAddress | None:
        """Read where a merchant's settlements go, consistently."""
        item = self._db.get(self._table, tables.settlement_address_key(merchant_id, chain))
        return _address_of(item) if item else None

    def keep_settlement_address(
        self, before: SettlementAddress | None, after: SettlementAddress, event: Event | None = None
    ) -> None:
        """Store where a merchant's settlements go."""
        key = tables.settlement_address_key(after.merchant_id, after.chain)
        item = keyed(key, version=number(after.version), doc=text(encode(after, without=_VERSION)))
        if not after.signature:
            item["watch_pk"] = text(tables.UNVOUCHED_PARTITION)
            item["watch_sk"] = text(f"{after.merchant_id}#{after.chain}")
        writes = [put(self._table, item, _unmoved(before.version if before else 0), name="stale address")]
        writes += [put(self._db.tables.events, each) for each in event_items(event)] if event else []
        try:
            self._db.transact(writes, ours=lambda: self.settlement_address(after.merchant_id, after.chain) == after)
        except ConditionFailed as exc:
            raise Stale("the settlement address has moved on") from exc

    def unvouched(self, broken: Broken | None = None) -> list[SettlementAddress]:
        """Return the settlement addresses that the signer does not know of yet; the index lags, they do not."""
        place = Path("watch_pk") == tables.UNVOUCHED_PARTITION
        return [address for address in self._watched(place, _address_of, broken) if not address.signature]

    def schedule(self, merchant_id: str, chain: str, asset: str) -> Schedule | None:
        """Read when settlements of an asset are asked for, consistently."""
        item = self._db.get(self._table, tables.schedule_key(merchant_id, chain, asset))
        return schedule_of(item) if item else None

    def schedules(self, merchant_id: str) -> list[Schedule]:
        """Return a merchant's schedules, by chain and asset."""
        place = Path("pk") == tables.schedule_key(merchant_id, "", "").pk
        return [schedule_of(item) for item in self._db.each(self._table, place, consistent=True)]

    def due_schedules(self, now: int, broken: Broken | None = None) -> list[Schedule]:
        """Return the schedules that go by the calendar alone and may be due."""
        until = Path("watch_sk") <= f"{now:013d}~"
        return self._watched((Path("watch_pk") == tables.SCHEDULES_PARTITION) & until, schedule_of, broken)

    def schedules_by_amount(self, broken: Broken | None = None) -> list[Schedule]:
        """Return the schedules that go by an amount."""
        return self._watched(Path("watch_pk") == tables.THRESHOLDS_PARTITION, schedule_of, broken)

    def keep_schedule(self, before: Schedule | None, after: Schedule) -> None:
        """Store a schedule; raises `Stale` when it has moved on."""
        try:
            self._db.write(
                self._schedule(before, after),
                ours=lambda: self.schedule(after.merchant_id, after.chain, after.asset) == after,
            )
        except ConditionFailed as exc:
            raise Stale("the schedule has moved on") from exc

    def remembered(self, owner: str, route: str, key: str) -> Remembered | None:
        """Return what an idempotency key answered first, read consistently."""
        return read_remembered(self._db, self._table, owner, route, key)

    # -- parts

    def _writes(self, commit: PayoutCommit) -> Iterator[Write]:
        before, after, names = commit.before, commit.after, self._db.tables
        if commit.fence is not None:
            yield fence_check(names.money, commit.fence)
        if commit.idempotency is not None:
            first = Remembered(commit.idempotency.body_hash, after.id, "", commit.answer)
            yield remember(self._table, commit.idempotency, first, after.updated_at)
        # Holds where the id is new, or the payout is as it was when the decision was made.
        unmoved = ABSENT if before is None else Path("version") == before.version
        yield put(self._table, _payout_item(after), unmoved, name="id" if before is None else "stale payout")
        if commit.reservation is not None:
            yield self._reservation(*commit.reservation)
        if commit.schedule is not None:
            yield self._schedule(*commit.schedule)
        if commit.refunded is not None:
            yield self._refunded(*commit.refunded)
        if before is None and after.claim:
            yield put(
                self._table,
                keyed(tables.claim_key(after.claim), merchant=text(after.merchant_id), payout=text(after.id)),
            )
        if before is None and after.kind is PayoutKind.REFUND and after.payment_id is not None:
            key = tables.refund_key(after.payment_id, after.id)
            yield put(self._table, keyed(key, merchant=text(after.merchant_id)))
        if commit.sent_by:
            # Holds unless the transaction has completed another payout.
            yield put(self._table, keyed(tables.sent_by_key(after.chain, commit.sent_by)), ABSENT, name="sent by")
        if commit.transaction is not None:
            yield transaction_write(names.money, *commit.transaction)
        yield from postings(names.money, commit.entries)
        for item in event_items(commit.event) if commit.event else ():
            yield put(names.events, item)

    def _reservation(self, before: Reservation, after: Reservation) -> Write:
        key = tables.reservation_key(after.merchant_id, after.chain, after.asset)
        item = keyed(key, version=number(after.version), doc=text(encode(after, without=_VERSION)))
        # Holds while nobody has asked for, or booked, anything of the asset since the balance was read.
        return put(self._table, item, _unmoved(before.version), name="stale reservation")

    def _schedule(self, before: Schedule | None, after: Schedule) -> Write:
        # Holds while no other worker has answered what was due, and the merchant has not changed it.
        return put(self._table, schedule_item(after), _unmoved(before.version if before else 0), name="schedule")

    def _refunded(self, before: Refunded, after: Refunded) -> Write:
        key = tables.refunded_key(after.payment_id, after.chain, after.asset)
        item = keyed(key, version=number(after.version), doc=text(encode(after, without=_VERSION)))
        # Holds while no other refund of the payment's asset has been asked for, or taken back.
        return put(self._table, item, _unmoved(before.version), name="stale refunds")

    def _is(self, payout: Payout) -> bool:
        return self.payout(payout.merchant_id, payout.id) == payout


def _readable(items: Mapping[tables.Key, Item], read: Callable[[Item], T], broken: Broken | None) -> Iterator[T]:
    for key, item in items.items():
        try:
            yield read(item)
        except Exception as exc:  # whatever is wrong with one item must not hide the others
            if broken is not None:
                broken(f"{key.pk}/{key.sk}", exc)


def _address_of(item: Item) -> SettlementAddress:
    return decode(SettlementAddress, read_document(item, "doc"), version=int(tables.plain(item, "version")))


def _unmoved(version: int) -> Condition:
    return Path("version") == version if version else ABSENT


def _payout_item(payout: Payout) -> Item:
    """Lay a payout out; an unfinished one stands in the index `watch`, apart from those that wait for a person."""
    item = keyed(
        tables.payout_key(payout.merchant_id, payout.id),
        version=number(payout.version),
        state=text(payout.state.value),
        doc=text(encode(payout, without=_PAYOUT_KEYS)),
    )
    if payout.unfinished or payout.instructs:
        partition = tables.PAYOUTS_PARTITION if payout.unfinished else tables.INSTRUCTIONS_PARTITION
        item["watch_pk"] = text(partition)
        item["watch_sk"] = text(f"{payout.created_at:013d}#{payout.id}")
    return item


def _payout_of(item: Item) -> Payout:
    key = tables.key_of(item)
    return decode(
        Payout,
        read_document(item, "doc"),
        id=key.sk,
        merchant_id=key.pk.removeprefix("PO#"),
        version=int(tables.plain(item, "version")),
        state=PayoutState(tables.plain(item, "state")),
    )


def _reservation_of(item: Item) -> Reservation:
    return decode(Reservation, read_document(item, "doc"), version=int(tables.plain(item, "version")))


def _refusal(name: str) -> CtripError:
    if name == "fence":
        return FenceLost("a newer scanner has taken the chain")
    if name.startswith("stale "):
        return Stale(f"the {name.removeprefix('stale ')} has moved on")
    return AlreadyExists(name)
