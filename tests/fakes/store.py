"""The four stores in memory; they pass the contract suite that the real ones pass (tests/contract/test_store.py)."""

import re
import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from ctrip.domain.admins import Admin, Session
from ctrip.domain.audit import AuditRecord
from ctrip.domain.chains.bip32 import fingerprint
from ctrip.domain.chains.chain import Transfer
from ctrip.domain.detection.gates import Gate, Round, Tip
from ctrip.domain.detection.watch import Watch
from ctrip.domain.errors import AlreadyExists, FenceLost, InvalidField, Stale
from ctrip.domain.figures import Day, Totals
from ctrip.domain.invoices.invoice import Invoice
from ctrip.domain.jobs import WebhookJob
from ctrip.domain.ledger.balances import Fold
from ctrip.domain.ledger.entries import Entry, EntryType
from ctrip.domain.ledger.reconcile import Reconciliation
from ctrip.domain.links.link import Link
from ctrip.domain.merchants.access import ApiKey, Merchant
from ctrip.domain.payments.payment import Custody, Flag, Payment, Status, Tier
from ctrip.domain.prices.record import RateRecord
from ctrip.domain.settlement.floor import PayoutCosts
from ctrip.domain.settlement.payout import Payout, PayoutKind
from ctrip.domain.settlement.reservation import Refunded, Reservation, SettlementAddress
from ctrip.domain.settlement.schedule import Schedule, next_at
from ctrip.domain.sweeping.policy import LoudGas, SweptDay
from ctrip.domain.sweeping.sweep import OutgoingTransaction, Setback
from ctrip.domain.webhooks.endpoint import Endpoint
from ctrip.domain.webhooks.events import Event
from ctrip.ports.admins import AdminChange, TokenKey
from ctrip.ports.audit import AuditCheckpoint
from ctrip.ports.events import Delivery, DeliveryPage, Due, EventFilter, EventPage, Place, Prepared, Waiting
from ctrip.ports.figures import Reviewed
from ctrip.ports.gates import Fence
from ctrip.ports.idempotency import Idempotency, Remembered
from ctrip.ports.ledger import EntryFilter, EntryPage
from ctrip.ports.merchants import WATCHED_FOR_EACH, AccessChange
from ctrip.ports.money import Counted
from ctrip.ports.payments import Commit, Page, PaymentFilter
from ctrip.ports.payouts import PayoutCommit, PayoutPage
from ctrip.store import tables

_DAY_MS = 86_400_000
_STALE_MS = 900_000
_DEAD = (Status.EXPIRED, Status.FAILED)


@dataclass(slots=True)
class _State:
    """What the four stores share, as the tables do."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    payments: dict[str, Payment] = field(default_factory=dict)
    audits: dict[str, list[AuditRecord]] = field(default_factory=lambda: defaultdict(list))
    addresses: dict[str, str] = field(default_factory=dict)
    orders: dict[tuple[str, str], str] = field(default_factory=dict)
    remembered: dict[tuple[str, str, str], Remembered] = field(default_factory=dict)
    events: dict[tuple[str, str], Event] = field(default_factory=dict)
    outbox: dict[tuple[str, str], Waiting] = field(default_factory=dict)
    deliveries: dict[tuple[str, str, str, int], Delivery] = field(default_factory=dict)
    due: dict[tuple[int, str, int, str], Due] = field(default_factory=dict)
    leased_until: dict[tuple[int, str, int, str], int] = field(default_factory=dict)
    causes: dict[tuple[str, int, str], tuple[Entry, ...]] = field(default_factory=dict)
    folds: dict[str, Fold] = field(default_factory=dict)
    payouts: dict[tuple[str, str], Payout] = field(default_factory=dict)
    reservations: dict[tuple[str, str, str], Reservation] = field(default_factory=dict)
    refunded: dict[tuple[str, str, str], Refunded] = field(default_factory=dict)
    settlement_addresses: dict[tuple[str, str], SettlementAddress] = field(default_factory=dict)
    transactions: dict[str, OutgoingTransaction] = field(default_factory=dict)
    schedules: dict[tuple[str, str, str], Schedule] = field(default_factory=dict)
    payout_costs: dict[str, PayoutCosts] = field(default_factory=dict)
    tips: dict[str, Tip] = field(default_factory=dict)
    transfers: dict[str, dict[str, Transfer]] = field(default_factory=lambda: defaultdict(dict))
    setbacks: dict[str, dict[str, Setback]] = field(default_factory=lambda: defaultdict(dict))
    swept_days: dict[tuple[str, str, str], SweptDay] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    invoices: dict[str, Invoice] = field(default_factory=dict)
    loud_gas: dict[tuple[str, str], LoudGas] = field(default_factory=dict)


class FakeStores:
    """The four stores over one memory."""

    def __init__(self) -> None:
        state = _State()
        self.payments = FakePayments(state)
        self.events = FakeEvents(state)
        self.money = FakeMoney(state)
        self.endpoints = FakeEndpoints(state)
        self.access = FakeAccess(self.endpoints)
        self.admins = FakeAdmins(self.access)
        self.limits = FakeLimits()
        self.checkpoints = FakeCheckpoints()
        self.ledger = FakeLedger(state)
        self.payouts = FakePayouts(state)
        self.signer_book = FakeSignerBook()
        self.reconciliations = FakeReconciliations(state, self.access)
        self.rates = FakeRates()
        self.figures = FakeFigures()
        self.links = FakeBills(state, state.links)
        self.invoices = FakeBills(state, state.invoices)


def _count(state: _State, counted: Counted | None) -> None:
    if counted is None:
        return
    before, after = counted
    key = (after.chain, after.asset, after.day)
    if state.swept_days.get(key, replace(before, version=0)).version != before.version:
        raise Stale("the count of the day has moved on")
    state.swept_days[key] = after


def _causes(entries: Sequence[Entry]) -> dict[tuple[str, int, str], tuple[Entry, ...]]:
    grouped = (tuple(each) for _, each in groupby(entries, lambda entry: entry.owner))
    return {(each[0].owner, each[0].at, each[0].id): each for each in grouped}


def _check_entries(state: _State, entries: Sequence[Entry]) -> None:
    if any(cause in state.causes for cause in _causes(entries)):
        raise AlreadyExists("entry")


def _add_event(state: _State, event: Event) -> None:
    state.events[event.merchant_id, event.ulid] = event
    for endpoint in event.endpoints:
        waiting = Waiting(merchant_id=event.merchant_id, ulid=event.ulid, endpoint=endpoint, at=event.at)
        state.outbox[event.ulid, endpoint] = waiting


class FakePayments:
    """The `ports.PaymentStore` in memory; `commits` lists what was committed."""

    def __init__(self, state: _State) -> None:
        self._state = state
        self.commits: list[Commit] = []
        self._former: dict[tuple[str, str], Watch] = {}

    def commit(self, commit: Commit) -> None:
        with self._state.lock:
            self._check(commit)
            self._apply(commit)
            self.commits.append(commit)

    def reserve(self, before: Payment, transaction: OutgoingTransaction, counted: Counted | None = None) -> Payment:
        with self._state.lock:
            _check_unmoved(self._state, before)
            _check_transaction(self._state, None, transaction)
            _count(self._state, counted)
            reserved = self._state.payments[before.id].changed(pending=transaction.key)
            self._state.payments[before.id] = reserved
            self._state.transactions[_folded_key(transaction)] = transaction
            return reserved

    def reserve_many(
        self, payments: Sequence[Payment], before: OutgoingTransaction | None, transaction: OutgoingTransaction
    ) -> list[Payment]:
        reserved: list[Payment] = []
        for start in range(0, len(payments), 99):
            reserved += self._reserve_part(payments[start : start + 99], before, transaction, first=not reserved)
        return reserved

    def _reserve_part(
        self,
        part: Sequence[Payment],
        before: OutgoingTransaction | None,
        transaction: OutgoingTransaction,
        *,
        first: bool,
    ) -> list[Payment]:
        with self._state.lock:
            if first:
                _check_transaction(self._state, before, transaction)
            elif self._state.transactions[_folded_key(transaction)].version != transaction.version:
                raise Stale("the outgoing transaction has moved on")
            able = [each for each in part if _is_unmoved(self._state, each)]
            reserved = [self._state.payments[each.id].changed(pending=transaction.key) for each in able]
            self._state.payments |= {each.id: each for each in reserved}
            if reserved and first:
                self._state.transactions[_folded_key(transaction)] = transaction
            return reserved

    def release(self, before: Payment) -> Payment:
        with self._state.lock:
            _check_unmoved(self._state, before)
            self._state.payments[before.id] = before.changed(pending=None)
            return self._state.payments[before.id]

    def retier(self, before: Payment, tier: Tier, now: int) -> Payment:
        with self._state.lock:
            _check_unmoved(self._state, before)
            moved = before.changed(tier=tier, raised_at=now)
            self._state.payments[before.id] = moved
            return moved

    def longest_in(self, chain: str, tier: Tier, limit: int) -> list[Payment]:
        return sorted(self.watched(chain, tier), key=lambda each: (each.times.raised_at, each.id))[:limit]

    def get(self, payment_id: str) -> Payment | None:
        return self._state.payments.get(payment_id)

    def by_order(self, merchant_id: str, order_id: str) -> str | None:
        return self._state.orders.get((merchant_id, order_id))

    def by_address(self, address: str) -> str | None:
        return self._state.addresses.get(_folded(address))

    def page(self, merchant_id: str, wanted: PaymentFilter) -> Page:
        listed = sorted(
            (each for each in self._state.payments.values() if each.merchant_id == merchant_id),
            key=lambda each: (-each.times.created_at, each.id),
        )
        listed = [each for each in listed if _matches(each, wanted)]
        start = self._start(listed, wanted.cursor) if wanted.cursor is not None else 0
        found = listed[start : start + wanted.limit]
        more = start + wanted.limit < len(listed)
        return Page(tuple(found), f"after-{found[-1].id}" if more else None)

    def watched(self, chain: str, tier: Tier) -> list[Payment]:
        if tier is Tier.CLOSED:
            return []
        return [each for each in self._state.payments.values() if each.due.chain == chain and each.tier is tier]

    def former(self, chain: str, now: int) -> list[Watch]:
        return [row for (_, held), row in self._former.items() if held == chain and row.window_ends > now]

    def unchosen(self, until: int, limit: int, *, after: str = "") -> tuple[list[Payment], str]:
        found = [each for each in self._state.payments.values() if each.is_open and not each.is_chosen]
        found = sorted((each for each in found if each.due.expires_at <= until), key=_expires)
        left = [each for each in found if _expires(each) > after]
        return left[:limit], _expires(left[limit - 1]) if len(left) > limit else ""

    def rows(self, chain: str, tier: Tier, *, raised_after: int = 0) -> list[Watch]:
        return [Watch.of(each) for each in self.watched(chain, tier) if each.times.raised_at > raised_after]

    def slice(self, chain: str, tier: Tier, *, after: str, limit: int) -> tuple[list[Watch], str]:
        rows = sorted(self.rows(chain, tier), key=lambda row: (row.raised_at, row.id))
        rows = [row for row in rows if f"{row.raised_at:013d}#{row.id}" > after.partition(":")[2]]
        page = rows[:limit]
        return page, f"0:{page[-1].raised_at:013d}#{page[-1].id}" if len(rows) > limit else ""

    def read(self, payment_ids: Sequence[str]) -> dict[str, Payment]:
        return {each: self._state.payments[each] for each in payment_ids if each in self._state.payments}

    def add_transfers(self, payment_id: str, transfers: Sequence[Transfer]) -> None:
        self._state.transfers[payment_id] |= {_place(each): each for each in transfers}

    def drop_transfers(self, payment_id: str, transfers: Sequence[Transfer]) -> None:
        for each in transfers:
            self._state.transfers[payment_id].pop(_place(each), None)

    def transfers(
        self, payment_id: str, *, before: str | None = None, limit: int = 20
    ) -> tuple[list[Transfer], str | None]:
        held = self._state.transfers[payment_id]
        if before is not None and before.removeprefix("after-") not in held:
            raise InvalidField("cursor", "invalid_cursor", "is not a cursor that this list gave out")
        places = [place for place in sorted(held, reverse=True) if before is None or f"after-{place}" < before]
        page = places[:limit]
        return [held[place] for place in page], f"after-{page[-1]}" if len(places) > limit else None

    def unmatched(self, merchant_id: str, cursor: str | None, limit: int) -> tuple[list[Payment], str | None]:
        entries = (each for cause in self._state.causes.values() for each in cause)
        posted = {e.payment_id or "" for e in entries if e.owner == merchant_id and e.type is EntryType.UNMATCHED}
        mine = (each for each in self._state.payments.values() if each.merchant_id == merchant_id)
        own = (each for each in mine if each.policy.custody is Custody.XPUB)
        ids = sorted(posted | {each.id for each in own if each.own.unmatched or each.seen.strays})
        if cursor is not None:
            if cursor.removeprefix("after-") not in ids:
                raise InvalidField("cursor", "invalid_cursor", "is not a cursor that this list gave out")
            ids = [each for each in ids if f"after-{each}" > cursor]
        page = ids[:limit]
        return [self._state.payments[each] for each in page], f"after-{page[-1]}" if len(ids) > limit else None

    def remembered(self, merchant_id: str, route: str, key: str) -> Remembered | None:
        return self._state.remembered.get((merchant_id, route, key))

    def audit(self, payment_id: str) -> list[AuditRecord]:
        return list(self._state.audits.get(payment_id, ()))

    def events_of(self, payment_id: str) -> list[str]:
        held = sorted(self._state.events.values(), key=lambda event: event.ulid)
        return [event.ulid for event in held if event.payment_id == payment_id]

    def heads(self, payment_ids: Sequence[str]) -> dict[str, tuple[int, str]]:
        found = [self._state.payments[each] for each in payment_ids if each in self._state.payments]
        return {each.id: (each.version, each.audit_head) for each in found}

    def _check(self, commit: Commit) -> None:
        state, before, after = self._state, commit.before, commit.after
        if commit.fence and _fence(state, commit.fence.chain) != commit.fence.number:
            raise FenceLost
        if commit.idempotency and _asked(commit.idempotency) in state.remembered:
            raise AlreadyExists("idempotency")
        if before is None:
            holder = state.orders.get((after.merchant_id, after.order.order_id or ""))
            if after.order.order_id is not None and holder and state.payments[holder].status not in _DEAD:
                raise AlreadyExists("order")
            if after.id in state.payments:
                raise AlreadyExists("id")
        else:
            _check_unmoved(state, before)
        moved = after.is_chosen and (before is None or before.due.address != after.due.address)
        if moved and state.addresses.get(_folded(after.due.address), after.id) != after.id:
            raise AlreadyExists("address")
        order = (after.merchant_id, after.order.order_id or "")
        if before is not None and commit.holds_order and state.orders.get(order) != after.id:
            raise Stale
        for old, new in commit.transactions:
            _check_transaction(state, old, new)
        _check_entries(state, commit.entries)
        if commit.beside and _bills(state, commit.beside[1])[commit.beside[0].id].version != commit.beside[0].version:
            raise Stale

    def _apply(self, commit: Commit) -> None:
        state, after = self._state, commit.after
        if commit.beside:
            _bills(state, commit.beside[1])[commit.beside[1].id] = commit.beside[1]
        if commit.before and commit.before.is_chosen and commit.before.due.chain != after.due.chain:
            row = replace(Watch.of(commit.before), tier=Tier.MONITORED)
            self._former[after.id, commit.before.due.chain] = row
        state.payments[after.id] = after
        state.audits[after.id].append(commit.audit)
        if after.is_chosen:
            state.addresses[_folded(after.due.address)] = after.id
        if commit.before is None and after.order.order_id is not None:
            state.orders[after.merchant_id, after.order.order_id] = after.id
        state.causes |= _causes(commit.entries)
        for _, transaction in commit.transactions:
            state.transactions[_folded_key(transaction)] = transaction
        if (event := commit.event) is not None:
            _add_event(state, event)
        if commit.idempotency:
            ulid = event.ulid if event else ""
            answer = Remembered(commit.idempotency.body_hash, after.id, ulid, commit.answer)
            state.remembered[_asked(commit.idempotency)] = answer

    def _start(self, listed: list[Payment], cursor: str) -> int:
        last = next((each for each in self._state.payments.values() if cursor == f"after-{each.id}"), None)
        if last is None:
            raise InvalidField("cursor", "invalid_cursor", "is not a cursor that this list gave out")
        places = [(-each.times.created_at, each.id) for each in listed]
        place = bisect_left(places, (-last.times.created_at, last.id))
        return place + 1 if last in listed else place


def _expires(payment: Payment) -> str:
    return f"{payment.due.expires_at:013d}#{payment.id}"


def _bills(state: _State, bill: Link | Invoice) -> dict[str, Any]:
    return state.links if isinstance(bill, Link) else state.invoices


class FakeBills:
    """The `ports.BillStore` in memory, of links or of invoices."""

    def __init__(self, state: _State, held: dict[str, Any]) -> None:
        self._state, self._held = state, held

    def get(self, bill_id: str) -> Any:
        return self._held.get(bill_id)

    def page(self, merchant_id: str, cursor: str | None, limit: int) -> tuple[list[Any], str | None]:
        mine = [each for each in self._held.values() if each.merchant_id == merchant_id]
        mine.sort(key=lambda each: (each.created_at, each.id), reverse=True)
        if cursor is not None:
            ids = [f"after-{each.id}" for each in mine]
            if cursor not in ids:
                raise InvalidField("cursor", "invalid_cursor", "is not a cursor that this list gave out")
            mine = mine[ids.index(cursor) + 1 :]
        return mine[:limit], f"after-{mine[limit - 1].id}" if len(mine) > limit else None

    def keep(self, before: Any, after: Any, idempotency: Idempotency | None = None, answer: str = "") -> None:
        with self._state.lock:
            if idempotency and _asked(idempotency) in self._state.remembered:
                raise AlreadyExists("idempotency")
            if before is None:
                if isinstance(after, Invoice) and any(
                    (each.merchant_id, each.number) == (after.merchant_id, after.number) for each in self._held.values()
                ):
                    raise AlreadyExists("number")
                if after.id in self._held:
                    raise AlreadyExists("id")
            elif self._held[before.id].version != before.version:
                raise Stale
            self._held[after.id] = after
            if idempotency:
                self._state.remembered[_asked(idempotency)] = Remembered(idempotency.body_hash, after.id, "", answer)

    def remembered(self, owner: str, route: str, key: str) -> Remembered | None:
        return self._state.remembered.get((owner, route, key))


class FakeEvents:
    """The `ports.EventStore` in memory."""

    def __init__(self, state: _State) -> None:
        self._state = state

    def event(self, merchant_id: str, ulid: str) -> Event | None:
        return self._state.events.get((merchant_id, ulid))

    def page(self, merchant_id: str, wanted: EventFilter) -> EventPage:
        held = sorted(
            (each for each in self._state.events.values() if each.merchant_id == merchant_id),
            key=lambda each: each.ulid,
            reverse=wanted.newest_first,
        )
        found = [each for each in held if wanted.takes(each)]
        if (at := wanted.position) is not None:
            found = [each for each in found if (each.ulid < at if wanted.newest_first else each.ulid > at)]
        more = len(found) > wanted.limit
        return EventPage(tuple(found[: wanted.limit]), found[wanted.limit - 1].ulid if more else None)

    def named(self, merchant_id: str, ulids: Sequence[str]) -> list[Event]:
        return [self._state.events[merchant_id, each] for each in ulids if (merchant_id, each) in self._state.events]

    def payments_between(self, merchant_id: str, first: int, last: int) -> set[str]:
        held = self._state.events.values()
        mine = [each for each in held if each.merchant_id == merchant_id and first <= each.at < last]
        return {each.payment_id for each in mine if each.payment_id is not None}

    def prepare(self, jobs: Sequence[WebhookJob]) -> Prepared:
        keys = [(each.merchant_id, each.event) for each in jobs]
        events = {key: self._state.events[key] for key in keys if key in self._state.events}
        asked = [(each.merchant_id, each.event, each.endpoint, each.attempt) for each in jobs]
        made = {key: record for key in asked if (record := self.attempted(*key)) is not None}
        return Prepared(events, made)

    def add(self, event: Event) -> None:
        with self._state.lock:
            _add_event(self._state, event)

    def unacknowledged(self, before: int) -> list[Waiting]:
        found = [each for each in self._state.outbox.values() if each.at < before]
        return sorted(found, key=lambda each: each.ulid)

    def attempted(self, merchant_id: str, ulid: str, endpoint: str, attempt: int) -> Delivery | None:
        return self._state.deliveries.get((merchant_id, endpoint, ulid, attempt))

    def last_attempt(self, merchant_id: str, ulid: str, endpoint: str) -> Delivery | None:
        made = [key for key in self._state.deliveries if key[:3] == (merchant_id, endpoint, ulid)]
        return self._state.deliveries[max(made)] if made else None

    def deliveries(self, merchant_id: str, endpoint: str, *, position: str | None, limit: int) -> DeliveryPage:
        mine = {
            f"{each.event_ulid}#{each.attempt:04d}": each
            for each in self._state.deliveries.values()
            if (each.merchant_id, each.endpoint) == (merchant_id, endpoint)
        }
        places = [place for place in sorted(mine, reverse=True) if position is None or place < position]
        shown = places[:limit]
        more = len(places) > limit
        return DeliveryPage(tuple(mine[place] for place in shown), shown[-1] if more and shown else None)

    def record(
        self, delivery: Delivery, *, due_index: bool, due_at: int = 0, leaving: list[Place] | None = None
    ) -> None:
        with self._state.lock:
            key = (delivery.merchant_id, delivery.endpoint, delivery.event_ulid, delivery.attempt)
            if key in self._state.deliveries:
                return
            self._state.deliveries[key] = delivery
            if leaving is None:
                self.finish(delivery, due_index=due_index, due_at=due_at)
            else:
                self._note_next(delivery, due_index=due_index)
                leaving.append(Place(delivery.event_ulid, delivery.endpoint, delivery.attempt, due_at))

    def record_delivered(self, made: Sequence[tuple[Delivery, Place]]) -> None:
        with self._state.lock:
            for each, _ in made:
                key = (each.merchant_id, each.endpoint, each.event_ulid, each.attempt)
                self._state.deliveries[key] = each
            self.leave([place for _, place in made])

    def finish(self, delivery: Delivery, *, due_index: bool, due_at: int = 0) -> None:
        with self._state.lock:
            self._note_next(delivery, due_index=due_index)
            self._leave(delivery.event_ulid, delivery.endpoint, delivery.attempt, due_at)

    def leave(self, places: Sequence[Place]) -> None:
        with self._state.lock:
            for each in places:
                self._leave(each.ulid, each.endpoint, each.attempt, each.due_at)

    def _note_next(self, delivery: Delivery, *, due_index: bool) -> None:
        if due_index and (at := delivery.next_attempt_at) is not None:
            merchant_id, ulid, attempt = delivery.merchant_id, delivery.event_ulid, delivery.attempt + 1
            self._put(Due(merchant_id=merchant_id, ulid=ulid, endpoint=delivery.endpoint, attempt=attempt, at=at))

    def postpone(self, due: Due, *, due_at: int = 0) -> None:
        with self._state.lock:
            self._put(due)
            if due.at != due_at:
                self._leave(due.ulid, due.endpoint, due.attempt, due_at)

    def drop(self, due: Due) -> None:
        with self._state.lock:
            self._leave(due.ulid, due.endpoint, due.attempt, due.at)

    def due(self, before: int) -> list[Due]:
        held, leased = self._state.due, self._state.leased_until
        found = [each for key, each in held.items() if each.at <= before and leased.get(key, 0) <= before]
        return sorted(found, key=lambda each: (each.at, each.ulid))

    def lease(self, due: Due, until: int) -> bool:
        with self._state.lock:
            key = (due.at, due.ulid, due.attempt, due.endpoint)
            if key not in self._state.due:
                return False
            self._state.due[key] = replace(due, leases=due.leases + 1)
            self._state.leased_until[key] = until
            return True

    def _put(self, due: Due) -> None:
        key = (due.at, due.ulid, due.attempt, due.endpoint)
        self._state.due[key] = replace(due, leases=0)
        self._state.leased_until.pop(key, None)

    def _leave(self, ulid: str, endpoint: str, attempt: int, due_at: int) -> None:
        if due_at:
            self._state.due.pop((due_at, ulid, attempt, endpoint), None)
        elif attempt == 1:
            self._state.outbox.pop((ulid, endpoint), None)


class FakeMoney:
    """The `ports.MoneyStore` in memory."""

    def __init__(self, state: _State) -> None:
        self._state = state

    def take(self, chain: str) -> Fence:
        with self._state.lock:
            tip = self._state.tips.get(chain, Tip(chain=chain))
            self._state.tips[chain] = replace(tip, fence=tip.fence + 1)
            return Fence(chain, tip.fence + 1)

    def beat(self, tip: Tip) -> None:
        with self._state.lock:
            if _fence(self._state, tip.chain) != tip.fence:
                raise FenceLost
            held = self._state.tips[tip.chain]
            noted = {name: getattr(held, name) for name in ("sweeping_to", "sweeping_refused", "sweeping_alone")}
            self._state.tips[tip.chain] = replace(tip, **noted)

    def note_sweeping(self, chain: str, to: str, refused: str, alone: str = "") -> None:
        with self._state.lock:
            tip = self._state.tips.get(chain, Tip(chain=chain))
            self._state.tips[chain] = replace(tip, sweeping_to=to, sweeping_refused=refused, sweeping_alone=alone)

    def tips(self, chains: Sequence[str]) -> dict[str, Tip]:
        return {chain: self._state.tips[chain] for chain in chains if chain in self._state.tips}

    def payout_costs(self, chains: Sequence[str]) -> dict[str, PayoutCosts]:
        return {chain: self._state.payout_costs[chain] for chain in chains if chain in self._state.payout_costs}

    def note_payout_costs(self, costs: PayoutCosts) -> None:
        self._state.payout_costs[costs.chain] = costs

    def write_transaction(
        self, before: OutgoingTransaction | None, after: OutgoingTransaction, counted: Counted | None = None
    ) -> None:
        with self._state.lock:
            _check_transaction(self._state, before, after)
            _count(self._state, counted)
            self._state.transactions[_folded_key(after)] = after

    def transaction(self, chain: str, sender: str, slot: str) -> OutgoingTransaction | None:
        return next((each for each in self.transactions_of(chain, sender) if each.slot == slot), None)

    def transactions_of(self, chain: str, sender: str) -> list[OutgoingTransaction]:
        every = self._state.transactions.values()
        found = [each for each in every if each.chain == chain and _folded(each.sender) == _folded(sender)]
        return sorted(found, key=lambda each: each.slot)

    def last_transaction(self, chain: str, sender: str) -> OutgoingTransaction | None:
        return next(reversed(self.transactions_of(chain, sender)), None)

    def unfinished(self, chain: str) -> list[OutgoingTransaction]:
        found = [each for each in self._state.transactions.values() if each.chain == chain and each.unfinished]
        return sorted(found, key=lambda each: (_folded(each.sender), each.slot))

    def settle(
        self, before: OutgoingTransaction, after: OutgoingTransaction, entries: Sequence[Entry], fence: Fence
    ) -> None:
        with self._state.lock:
            if _fence(self._state, fence.chain) != fence.number:
                raise FenceLost
            _check_transaction(self._state, before, after)
            _check_entries(self._state, entries)
            self._state.transactions[_folded_key(after)] = after
            self._state.causes |= _causes(entries)

    def setbacks(self, chain: str) -> dict[str, Setback]:
        return dict(self._state.setbacks[chain])

    def set_back(self, chain: str, payment_id: str, setback: Setback) -> None:
        self._state.setbacks[chain][payment_id] = setback

    def swept_day(self, chain: str, asset: str, day: str) -> SweptDay:
        return self._state.swept_days.get((chain, asset, day), SweptDay(chain=chain, asset=asset, day=day))

    def loud_gas(self, chain: str) -> dict[str, LoudGas]:
        return {asset: loud for (where, asset), loud in self._state.loud_gas.items() if where == chain and loud.price}

    def note_gas(self, chain: str, asset: str, loud: LoudGas) -> None:
        self._state.loud_gas[chain, asset] = loud


class FakeLedger:
    """The `ports.LedgerStore` in memory."""

    def __init__(self, state: _State) -> None:
        self._state = state

    def entries(self, owner: str, since: int = 0) -> Iterator[Entry]:
        for who, at, cause in sorted(self._state.causes):
            if who == owner and at >= since:
                yield from self._state.causes[who, at, cause]

    def page(self, owner: str, wanted: EntryFilter) -> EntryPage:
        first, last = wanted.created_after or 0, wanted.created_before
        found = sorted((key for key in self._state.causes if key[0] == owner), reverse=True)
        if wanted.cursor is not None:
            last_shown = next((key for key in found if f"after-{key}" == wanted.cursor), None)
            if last_shown is None:
                raise InvalidField("cursor", "invalid_cursor", "is not a cursor that this list gave out")
            found = [key for key in found if key < last_shown]
        found = [key for key in found if first <= key[1] and (last is None or key[1] <= last)]
        page = found[: wanted.limit]
        entries = tuple(entry for key in page for entry in reversed(self._state.causes[key]))
        return EntryPage(entries, f"after-{page[-1]}" if len(found) > len(page) else None)

    def fold(self, owner: str) -> Fold:
        return self._state.folds.get(owner, Fold(owner=owner))

    def keep_fold(self, before: Fold, after: Fold) -> bool:
        with self._state.lock:
            if self.fold(after.owner).until != before.until:
                return False
            self._state.folds[after.owner] = after
            return True


class FakePayouts:
    """The `ports.PayoutStore` in memory; `commits` lists what was committed."""

    def __init__(self, state: _State) -> None:
        self._state = state
        self.commits: list[PayoutCommit] = []
        self._sent_by: set[tuple[str, str]] = set()

    def commit_all(self, commits: Sequence[PayoutCommit]) -> None:
        assert len({each.after.id for each in commits}) == len(commits), "a transaction may name an item once"
        with self._state.lock:
            for commit in commits:
                self._check(commit)
            for commit in commits:
                self._write(commit)

    def commit(self, commit: PayoutCommit) -> None:
        with self._state.lock:
            self._check(commit)
            self._write(commit)

    def _write(self, commit: PayoutCommit) -> None:
        state, after = self._state, commit.after
        with state.lock:
            self.commits.append(commit)
            state.payouts[after.merchant_id, after.id] = after
            if commit.reservation:
                made = commit.reservation[1]
                state.reservations[made.merchant_id, made.chain, made.asset] = made
            if commit.schedule:
                self.keep_schedule(*commit.schedule)
            if commit.refunded:
                total = commit.refunded[1]
                state.refunded[total.payment_id, total.chain, total.asset] = total
            if commit.sent_by:
                self._sent_by.add((after.chain, commit.sent_by))
            if commit.transaction:
                state.transactions[_folded_key(commit.transaction[1])] = commit.transaction[1]
            state.causes |= _causes(commit.entries)
            if commit.event:
                _add_event(state, commit.event)
            if commit.idempotency:
                answer = Remembered(commit.idempotency.body_hash, after.id, "", commit.answer)
                state.remembered[_asked(commit.idempotency)] = answer

    def _check(self, commit: PayoutCommit) -> None:
        state, before, after = self._state, commit.before, commit.after
        if commit.fence is not None and _fence(state, commit.fence.chain) != commit.fence.number:
            raise FenceLost
        if commit.idempotency and _asked(commit.idempotency) in state.remembered:
            raise AlreadyExists("idempotency")
        known = state.payouts.get((after.merchant_id, after.id))
        if before is None and known is not None:
            raise AlreadyExists("id")
        if before is not None and (known is None or known.version != before.version):
            raise Stale("the payout has moved on")
        if commit.reservation:
            was = commit.reservation[0]
            if self.reservation(was.merchant_id, was.chain, was.asset).version != was.version:
                raise Stale("the reservation has moved on")
        if commit.schedule and self._moved_on(*commit.schedule):
            raise AlreadyExists("schedule")
        if commit.refunded:
            total = commit.refunded[0]
            if self.refunded(total.payment_id, total.chain, total.asset).version != total.version:
                raise Stale("the refunds has moved on")
        if (after.chain, commit.sent_by) in self._sent_by:
            raise AlreadyExists("sent by")
        if commit.transaction:
            _check_transaction(state, *commit.transaction)
        _check_entries(state, commit.entries)

    def payout(self, merchant_id: str, payout_id: str) -> Payout | None:
        return self._state.payouts.get((merchant_id, payout_id))

    def page(self, merchant_id: str, kind: PayoutKind, cursor: str | None, limit: int) -> PayoutPage:
        mine = [each for (who, _), each in self._state.payouts.items() if who == merchant_id and each.kind is kind]
        found = sorted(mine, key=lambda each: each.id, reverse=True)
        if cursor is not None:
            if cursor.removeprefix("after-") not in {each.id for each in found}:
                raise InvalidField("cursor", "invalid_cursor", "is not a cursor that this list gave out")
            found = [each for each in found if f"after-{each.id}" < cursor]
        page = found[:limit]
        return PayoutPage(tuple(page), f"after-{page[-1].id}" if len(found) > limit else None)

    def of_payment(self, payment_id: str) -> list[Payout]:
        of_it = [each for each in self._state.payouts.values() if each.payment_id == payment_id]
        found = [each for each in of_it if each.kind is PayoutKind.REFUND]
        return sorted(found, key=lambda each: each.id, reverse=True)

    def claimable(self, digest: str) -> Payout | None:
        return next((each for each in self._state.payouts.values() if each.claim == digest), None)

    def unfinished(self, broken: object = None) -> list[Payout]:
        found = [each for each in self._state.payouts.values() if each.unfinished]
        return sorted(found, key=lambda each: (each.created_at, each.id))

    def instructions(self, broken: object = None) -> list[Payout]:
        found = [each for each in self._state.payouts.values() if each.instructs]
        return sorted(found, key=lambda each: (each.created_at, each.id))

    def reservation(self, merchant_id: str, chain: str, asset: str) -> Reservation:
        empty = Reservation(merchant_id=merchant_id, chain=chain, asset=asset)
        return self._state.reservations.get((merchant_id, chain, asset), empty)

    def reservations(self, merchant_id: str) -> list[Reservation]:
        return [each for key, each in sorted(self._state.reservations.items()) if key[0] == merchant_id]

    def refunded(self, payment_id: str, chain: str, asset: str) -> Refunded:
        empty = Refunded(payment_id=payment_id, chain=chain, asset=asset)
        return self._state.refunded.get((payment_id, chain, asset), empty)

    def settlement_address(self, merchant_id: str, chain: str) -> SettlementAddress | None:
        return self._state.settlement_addresses.get((merchant_id, chain))

    def keep_settlement_address(
        self, before: SettlementAddress | None, after: SettlementAddress, event: Event | None = None
    ) -> None:
        with self._state.lock:
            known = self.settlement_address(after.merchant_id, after.chain)
            if (known.version if known else 0) != (before.version if before else 0):
                raise Stale("the settlement address has moved on")
            self._state.settlement_addresses[after.merchant_id, after.chain] = after
            if event:
                _add_event(self._state, event)

    def schedule(self, merchant_id: str, chain: str, asset: str) -> Schedule | None:
        return self._state.schedules.get((merchant_id, chain, asset))

    def schedules(self, merchant_id: str) -> list[Schedule]:
        return [each for key, each in sorted(self._state.schedules.items()) if key[0] == merchant_id]

    def due_schedules(self, now: int, broken: object = None) -> list[Schedule]:
        found = [(next_at(each), each) for each in self._state.schedules.values() if each.threshold is None]
        timed = [(moment, each) for moment, each in found if moment is not None and moment <= now]
        return [each for _, each in sorted(timed, key=lambda pair: pair[0])]

    def schedules_by_amount(self, broken: object = None) -> list[Schedule]:
        return [each for _, each in sorted(self._state.schedules.items()) if each.threshold is not None]

    def keep_schedule(self, before: Schedule | None, after: Schedule) -> None:
        with self._state.lock:
            if self._moved_on(before, after):
                raise Stale("the schedule has moved on")
            self._state.schedules[after.merchant_id, after.chain, after.asset] = after

    def _moved_on(self, before: Schedule | None, after: Schedule) -> bool:
        known = self.schedule(after.merchant_id, after.chain, after.asset)
        return (known.version if known else 0) != (before.version if before else 0)

    def unvouched(self, broken: object = None) -> list[SettlementAddress]:
        return [each for each in self._state.settlement_addresses.values() if not each.signature]

    def remembered(self, owner: str, route: str, key: str) -> Remembered | None:
        return self._state.remembered.get((owner, route, key))


class FakeSignerBook:
    """The `ports.SignerBook` in memory."""

    def __init__(self) -> None:
        self._vouched: dict[tuple[str, str], SettlementAddress] = {}
        self._spent: dict[tuple[str, str, str], int] = {}
        self._counted: dict[tuple[str, str], int] = {}

    def vouched(self, merchant_id: str, chain: str) -> SettlementAddress | None:
        return self._vouched.get((merchant_id, chain))

    def keep_vouched(self, before: SettlementAddress | None, after: SettlementAddress) -> None:
        if self.vouched(after.merchant_id, after.chain) != before:
            raise Stale("the settlement address has moved on")
        self._vouched[after.merchant_id, after.chain] = after

    def signed(self, payout_id: str, slot: str) -> int | None:
        return self._counted.get((payout_id, slot))

    def spend(self, chain: str, asset: str, day: str, payout_id: str, slot: str, amount: int, most: int) -> bool:
        spent = self._spent.get((chain, asset, day), 0)
        if (payout_id, slot) in self._counted:
            return True
        if spent + amount > most:
            return False
        self._spent[chain, asset, day] = spent + amount
        self._counted[payout_id, slot] = amount
        return True


class FakeReconciliations:
    """The `ports.ReconciliationStore` in memory."""

    def __init__(self, state: _State, access: "FakeAccess") -> None:
        self._state, self._access = state, access
        self._held: dict[str, Reconciliation] = {}
        self._addresses: dict[str, tuple[str, ...]] = {}

    def operators_addresses(self, kind: str) -> tuple[str, ...]:
        return self._addresses.get(kind, ())

    def note_operators_addresses(self, kind: str, addresses: Sequence[str]) -> None:
        self._addresses[kind] = tuple(addresses)

    def reconciliations(self, chains: Sequence[str]) -> dict[str, Reconciliation]:
        return {chain: self._held.get(chain, Reconciliation(chain=chain)) for chain in chains}

    def keep(
        self,
        before: Reconciliation,
        after: Reconciliation,
        entries: Sequence[Entry] = (),
        audit: AuditRecord | None = None,
    ) -> None:
        with self._state.lock:
            if self.reconciliations([after.chain])[after.chain].version != before.version:
                raise Stale("the reconciliation has moved on")
            _check_entries(self._state, entries)
            self._state.causes |= _causes(entries)
            self._held[after.chain] = after
            if audit is not None:
                self._access.audited(audit, None, "")


class FakeEndpoints:
    """The `ports.EndpointStore` in memory."""

    def __init__(self, state: _State) -> None:
        self._state = state
        self._lock = threading.RLock()
        self._held: dict[tuple[str, str], Endpoint] = {}

    def endpoint(self, merchant_id: str, endpoint_id: str) -> Endpoint | None:
        return self._held.get((merchant_id, endpoint_id))

    def endpoints_of(self, merchant_id: str) -> list[Endpoint]:
        return [self._held[each] for each in sorted(self._held) if each[0] == merchant_id]

    def note(self, before: Endpoint, after: Endpoint, event: Event | None = None) -> None:
        with self._lock:
            self.check(before, after)
            self.write(before, after)
            if event is not None:
                _add_event(self._state, event)

    def check(self, before: Endpoint | None, after: Endpoint | None) -> None:
        if before is None:
            assert after is not None
            if (after.merchant_id, after.id) in self._held:
                raise AlreadyExists("endpoint")
        elif (held := self._held.get((before.merchant_id, before.id))) is None or held.version != before.version:
            raise Stale

    def write(self, before: Endpoint | None, after: Endpoint | None) -> None:
        if after is not None:
            self._held[after.merchant_id, after.id] = after
        elif before is not None:
            del self._held[before.merchant_id, before.id]


class FakeAccess:
    """The `ports.AccessStore` in memory."""

    def __init__(self, endpoints: "FakeEndpoints") -> None:
        self._lock, self._endpoints = threading.Lock(), endpoints
        self._merchants: dict[str, Merchant] = {}
        self._logos: dict[str, bytes] = {}
        self._keys: dict[str, ApiKey] = {}
        self._owners: dict[tuple[str, str], str] = {}
        self._used: dict[str, int] = {}
        self._audits: dict[str, list[AuditRecord]] = defaultdict(list)
        self._remembered: dict[tuple[str, str, str], Remembered] = {}
        self._counters: dict[str, int] = defaultdict(int)
        self._gates: dict[str, Gate] = {}
        self._rounds: dict[str, Round] = {}
        self._pages: dict[tuple[str, str, int], list[str]] = {}

    def merchant(self, merchant_id: str) -> Merchant | None:
        return self._merchants.get(merchant_id)

    def logo(self, merchant_id: str) -> bytes:
        return self._logos.get(merchant_id, b"")

    def change(self, change: AccessChange) -> None:
        with self._lock:
            self._check(change)
            after = change.merchant[1]
            if change.logo is not None:
                self._logos[after.id] = change.logo
            self._merchants[after.id] = after
            self._owners |= dict.fromkeys(_claims(*change.merchant), after.id)
            if change.key is not None:
                self._keys[change.key[1].id] = change.key[1]
            if change.endpoint is not None:
                self._endpoints.write(*change.endpoint)
            self.audited(change.audit, change.idempotency, change.answer)

    def audited(self, audit: AuditRecord, idempotency: Idempotency | None, answer: str) -> None:
        self._audits[audit.subject].append(audit)
        if idempotency is not None:
            self._remembered[_asked(idempotency)] = Remembered(idempotency.body_hash, answer=answer)

    def waiting(self, after: str = "") -> list[str]:
        return sorted(each.id for each in self._merchants.values() if each.provisioning and each.id > after)[:25]

    def audit(self, subject: str, after: int = 0, limit: int = 100) -> list[AuditRecord]:
        return [each for each in self._audits[subject] if each.version > after][:limit]

    def remembered(self, owner: str, route: str, key: str) -> Remembered | None:
        return self._remembered.get((owner, route, key))

    def api_key(self, key_id: str) -> ApiKey | None:
        return self._keys.get(key_id)

    def keys_of(self, merchant_id: str) -> list[ApiKey]:
        return [self._keys[each] for each in sorted(self._keys) if self._keys[each].merchant_id == merchant_id]

    def used(self, key_id: str, now: int) -> None:
        self._used[key_id] = now

    def last_used(self, key_ids: Sequence[str]) -> dict[str, int]:
        return {each: self._used[each] for each in key_ids if each in self._used}

    def _check(self, change: AccessChange) -> None:
        before, after = change.merchant
        if change.idempotency is not None and _asked(change.idempotency) in self._remembered:
            raise AlreadyExists("idempotency")
        if before is None and after.id in self._merchants:
            raise AlreadyExists("merchant")
        if before is not None and self._merchants[before.id].version != before.version:
            raise Stale
        taken = [each[0] for each in _claims(before, after) if each in self._owners]
        if taken:
            raise AlreadyExists(taken[0])
        if change.key is not None:
            old, new = change.key
            if old is None and new.id in self._keys:
                raise AlreadyExists("key")
            if old is not None and self._keys[old.id].version != old.version:
                raise Stale
        if change.endpoint is not None:
            self._endpoints.check(*change.endpoint)

    def take_indexes(self, merchant_id: str, curve: str, count: int) -> range:
        following = self._count(f"{merchant_id}#{curve}", count)
        return range(following - count, following)

    def raise_index(self, merchant_id: str, curve: str, at_least: int) -> None:
        with self._lock:
            name = f"{merchant_id}#{curve}"
            self._counters[name] = max(self._counters[name], at_least)

    def next_account(self) -> int:
        return self._count("accounts")

    def holder(self, account: int) -> str | None:
        return self._owners.get(("account", str(account)))

    def raise_gate(self, chain: str, *, hot_until: int, warm_until: int, now: int) -> bool:
        with self._lock:
            old = self._gates.get(chain, Gate(chain=chain))
            hot, warm = max(old.hot_until, hot_until), max(old.warm_until, warm_until)
            gate = replace(old, hot_until=hot, warm_until=warm, daily_at=old.daily_at or now + _DAY_MS)
            closed = old.hot_until <= now
            self._gates[chain] = replace(gate, opened_at=now) if closed and hot_until > now else gate
            return closed

    def gates(self, chains: Sequence[str]) -> dict[str, Gate]:
        return {chain: self._gates.get(chain, Gate(chain=chain)) for chain in chains}

    def pause(self, chain: str, paused: bool) -> None:
        with self._lock:
            self._gates[chain] = replace(self._gates.get(chain, Gate(chain=chain)), paused=paused)

    def merchants(self, after: str, limit: int) -> list[Merchant]:
        return [self._merchants[each] for each in sorted(self._merchants) if each > after][:limit]

    def addresses(self, merchant_id: str, curve: str, page: int) -> list[str] | None:
        return self._pages.get((merchant_id, curve, page))

    def keep_addresses(self, merchant_id: str, curve: str, page: int, addresses: Sequence[str]) -> None:
        self._pages[merchant_id, curve, page] = list(addresses)

    def indexes(self, merchant_id: str, curve: str) -> int:
        return self._counters.get(f"{merchant_id}#{curve}", 0)

    def round(self, chain: str) -> Round:
        return self._rounds.get(chain, Round(chain=chain))

    def advance_round(self, progress: Round, *, next_daily_at: int | None) -> None:
        with self._lock:
            self._rounds[progress.chain] = progress
            if next_daily_at is not None:
                gate = self._gates.get(progress.chain, Gate(chain=progress.chain))
                self._gates[progress.chain] = replace(gate, daily_at=next_daily_at)

    def _count(self, name: str, by: int = 1) -> int:
        with self._lock:
            self._counters[name] += by
            return self._counters[name]


class FakeAdmins:
    """The `ports.AdminStore` in memory, beside the merchants' as in the table."""

    def __init__(self, access: FakeAccess) -> None:
        self._access, self._lock = access, threading.Lock()
        self._admins: dict[str, Admin] = {}
        self._sessions: dict[str, Session] = {}
        self._token_keys: list[TokenKey] = []

    def admin(self, admin_id: str) -> Admin | None:
        return self._admins.get(admin_id)

    def by_email(self, email: str) -> str | None:
        return next((each.id for each in self._admins.values() if each.email == email), None)

    def admins(self, after: str, limit: int) -> list[Admin]:
        return [self._admins[each] for each in sorted(self._admins) if each > after][:limit]

    def change(self, change: AdminChange) -> None:
        with self._lock:
            before, after = change.admin
            asked = change.idempotency
            if asked is not None and self._access.remembered(asked.owner, asked.route, asked.key):
                raise AlreadyExists("idempotency")
            if before is None and after.id in self._admins:
                raise AlreadyExists("admin")
            if before is None and self.by_email(after.email):
                raise AlreadyExists("email")
            if before is not None and self._admins[before.id].version != before.version:
                raise Stale
            self._admins[after.id] = after
            self._access.audited(change.audit, asked, change.answer)

    def session(self, session_id: str) -> Session | None:
        return self._sessions.get(session_id)

    def save_session(self, before: Session | None, after: Session) -> None:
        with self._lock:
            stored = self._sessions.get(after.id)
            if before is None and stored is not None:
                raise AlreadyExists("session")
            if before is not None and (stored is None or stored.version != before.version):
                raise Stale
            self._sessions[after.id] = after

    def token_keys(self) -> list[TokenKey]:
        return sorted(self._token_keys, key=lambda key: key.id, reverse=True)[:5]

    def put_token_key(self, key: TokenKey) -> None:
        self._token_keys.append(key)


class FakeLimits:
    """The `ports.LimitStore` in memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[str, int] = {}
        self._places: dict[tuple[str, str], tuple[int, int]] = {}
        self._watched: dict[tuple[str, str], int] = {}
        self._nonces: dict[tuple[str, str], int] = {}
        self._attempts: dict[tuple[str, int], int] = defaultdict(int)

    def take_tokens(self, merchant_id: str, *, cost: int, depth: int, now: int) -> int | None:
        with self._lock:
            full_at = max(self._buckets.get(merchant_id, 0), now)
            if full_at > now + depth - cost:
                return full_at
            self._buckets[merchant_id] = full_at + cost
            return None

    def take_places(self, merchant_id: str, chain: str, *, count: int, most: int, now: int) -> bool:
        with self._lock:
            held, at = self._places.get((merchant_id, chain), (0, -_STALE_MS))
            if at <= now - _STALE_MS:
                held, at = 0, now
            watched = self._watched.get((merchant_id, chain), 0)
            if (held and held > most - count) or watched > most * WATCHED_FOR_EACH:
                return False
            self._places[merchant_id, chain] = (held + count, at)
            return True

    def count_places(self, chain: str, counts: Mapping[str, int], now: int) -> None:
        self._places |= {(merchant, chain): (count, now) for merchant, count in counts.items()}

    def count_watched(self, chain: str, counts: Mapping[str, int]) -> None:
        self._watched |= {(merchant, chain): count for merchant, count in counts.items()}

    def spend_nonce(self, key_id: str, nonce: str, *, by: str, now: int) -> bool:
        with self._lock:
            if now // 1000 <= self._nonces.get((key_id, nonce), 0):
                return False
            self._nonces[key_id, nonce] = now // 1000 + 660
            return True

    def attempt(self, scope: str, window: int, now: int) -> int:
        with self._lock:
            self._attempts[scope, window] += 1
            return self._attempts[scope, window]

    def forgive(self, scope: str, window: int) -> None:
        self._attempts[scope, window] -= 1


class FakeCheckpoints:
    """The `ports.SealStore` in memory."""

    def __init__(self) -> None:
        self._checkpoints: dict[str, AuditCheckpoint] = {}
        self._leaves: dict[tuple[str, str], list[str]] = {}

    def last(self) -> AuditCheckpoint | None:
        return self._checkpoints[max(self._checkpoints)] if self._checkpoints else None

    def checkpoint(self, hour: str) -> AuditCheckpoint | None:
        return self._checkpoints.get(hour)

    def leaves(self, checkpoint: AuditCheckpoint) -> list[str]:
        return self._leaves.get((checkpoint.hour, checkpoint.root), [])

    def put(self, checkpoint: AuditCheckpoint, leaves: Sequence[str]) -> None:
        self._leaves[checkpoint.hour, checkpoint.root] = list(leaves)
        if checkpoint.hour in self._checkpoints:
            raise AlreadyExists("checkpoint")
        self._checkpoints[checkpoint.hour] = checkpoint


def _claims(before: Merchant | None, after: Merchant) -> list[tuple[str, str]]:
    """Name what a change takes for a merchant alone, under the name of the clause that keeps it unique."""
    claims = []
    if after.xpub and (before is None or before.xpub != after.xpub):
        claims.append(("xpub", fingerprint(after.xpub)))
        claims += [] if after.own_keys else [("account", str(after.account))]
    if after.key_signature and (before is None or before.key_signature != after.key_signature):
        claims.append(("signature", f"{after.id}#{after.key_version}"))
    for key in after.more_keys if after.own_keys else ():
        held = before.key_on(key.curve) if before else None
        if held is None or held.xpub != key.xpub:
            claims.append(("xpub", fingerprint(key.xpub)))
        if key.signature and (held is None or held.signature != key.signature):
            claims.append(("signature", f"{after.id}#{key.curve}#{key.version}"))
    return claims


def _is_unmoved(state: _State, before: Payment) -> bool:
    stored = state.payments.get(before.id)
    known = (before.version, before.status, before.own.pending)
    return stored is not None and (stored.version, stored.status, stored.own.pending) == known


def _check_unmoved(state: _State, before: Payment) -> None:
    if not _is_unmoved(state, before):
        raise Stale


def _check_transaction(state: _State, before: OutgoingTransaction | None, after: OutgoingTransaction) -> None:
    stored = state.transactions.get(_folded_key(after))
    if before is None and stored is not None:
        raise AlreadyExists("transaction")
    if before is not None and (stored is None or stored.version != before.version):
        raise Stale


def _matches(payment: Payment, wanted: PaymentFilter) -> bool:
    return (
        wanted.status in (None, payment.status)
        and wanted.chain in (None, payment.due.chain)
        and (wanted.created_after is None or payment.times.created_at >= wanted.created_after)
        and (wanted.created_before is None or payment.times.created_at <= wanted.created_before)
    )


def _place(transfer: Transfer) -> str:
    log = "" if transfer.log_index is None else f"{transfer.log_index:06d}"
    return f"{transfer.block_number:012d}#{log}#{transfer.tx_hash}#{transfer.block_hash}"


def _asked(idempotency: Idempotency) -> tuple[str, str, str]:
    return idempotency.owner, idempotency.route, idempotency.key


def _folded(address: str) -> str:
    return address.lower() if address.startswith("0x") else address


def _folded_key(transaction: OutgoingTransaction) -> str:
    return f"{transaction.chain}#{_folded(transaction.sender)}#{transaction.slot}"


def _fence(state: _State, chain: str) -> int:
    return state.tips[chain].fence if chain in state.tips else 0


class FakeRates:
    """The `ports.RateStore` in memory."""

    def __init__(self) -> None:
        self._records: dict[str, RateRecord] = {}

    def rates(self, symbols: Collection[str]) -> dict[str, RateRecord]:
        return {symbol: self._records[symbol] for symbol in symbols if symbol in self._records}

    def every_rate(self) -> list[RateRecord]:
        return [self._records[symbol] for symbol in sorted(self._records)]

    def keep_rates(self, records: Sequence[RateRecord]) -> None:
        for record in records:
            held = self._records.get(record.symbol)
            if held is None or held.tried_at <= record.tried_at:
                self._records[record.symbol] = record


class FakeFigures:
    """The `ports.FigureStore` in memory."""

    def __init__(self) -> None:
        self._totals = Totals()
        self._days: dict[int, Day] = {}
        self._lists: dict[tuple[str, str], str] = {}

    def totals(self) -> Totals:
        return self._totals

    def days(self, numbers: Sequence[int]) -> dict[int, Day]:
        return {each: self._days.get(each, Day(number=each)) for each in numbers}

    def keep(self, before: Totals, after: Totals, days: Sequence[tuple[Day, Day]]) -> None:
        held = [(self._totals.version, before.version)]
        held += [(self.days([day.number])[day.number].version, day.version) for day, _ in days]
        if any(one != other for one, other in held):
            raise Stale("the figures have moved on")
        self._totals = after
        self._days |= {to.number: to for _, to in days}

    def note(self, listed: Sequence[Reviewed], gone: Sequence[Reviewed]) -> None:
        for each in gone:
            self._lists.pop(_listed_at(each), None)
        for each in listed:
            self._lists[_listed_at(each)] = each.payment_id

    def reviewed(self, flag: Flag, *, before: str | None, limit: int) -> tuple[list[str], str | None]:
        place = tables.open_cursor(flag, before, _REVIEWED)
        found = sorted(
            (key for key in self._lists if key[0] == flag and (place is None or key[1] < place)), reverse=True
        )
        shown = found[:limit]
        more = tables.cursor_of(flag, shown[-1][1]) if len(found) > limit else None
        return [self._lists[key] for key in shown], more


_REVIEWED = re.compile(r"[0-9]{13}#[0-9a-f-]{1,64}", re.ASCII)


def _listed_at(each: Reviewed) -> tuple[str, str]:
    return each.flag, f"{tables.since(each.created_at)}#{each.payment_id}"
