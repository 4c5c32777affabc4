"""The four stores in memory; they pass the contract suite that the real ones pass (tests/contract/test_store.py)."""

import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ctrip.domain.access import ApiKey, Gate, Merchant, Round, Tip
from ctrip.domain.audit import AuditRecord
from ctrip.domain.errors import AlreadyExists, FenceLost, InvalidField, Stale
from ctrip.domain.events import Event
from ctrip.domain.ledger import Entry
from ctrip.domain.payment import Payment, Status, Tier
from ctrip.domain.sweep import Intent
from ctrip.ports import Commit, Delivery, Fence, Idempotency, Page, PaymentFilter, Remembered

_DAY_MS = 86_400_000
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
    outbox: dict[str, str] = field(default_factory=dict)
    deliveries: dict[tuple[str, int], Delivery] = field(default_factory=dict)
    due: dict[tuple[str, int], tuple[int, str]] = field(default_factory=dict)
    entries: dict[tuple[str, str], Entry] = field(default_factory=dict)
    intents: dict[str, Intent] = field(default_factory=dict)
    tips: dict[str, Tip] = field(default_factory=dict)


class FakeStores:
    """The four stores over one memory."""

    def __init__(self) -> None:
        state = _State()
        self.payments = FakePayments(state)
        self.events = FakeEvents(state)
        self.money = FakeMoney(state)
        self.access = FakeAccess()


class FakePayments:
    """The `ports.PaymentStore` in memory; `commits` lists what was committed."""

    def __init__(self, state: _State) -> None:
        self._state = state
        self.commits: list[Commit] = []

    def commit(self, commit: Commit) -> None:
        with self._state.lock:
            self._check(commit)
            self._apply(commit)
            self.commits.append(commit)

    def reserve(self, before: Payment, intent: Intent) -> Payment:
        with self._state.lock:
            _check_unmoved(self._state, before)
            _check_intent(self._state, None, intent)
            reserved = replace(self._state.payments[before.id], pending=intent.key)
            self._state.payments[before.id] = reserved
            self._state.intents[_folded_key(intent)] = intent
            return reserved

    def get(self, payment_id: str) -> Payment | None:
        return self._state.payments.get(payment_id)

    def by_order(self, merchant_id: str, order_id: str) -> str | None:
        return self._state.orders.get((merchant_id, order_id))

    def by_address(self, address: str) -> str | None:
        return self._state.addresses.get(_folded(address))

    def page(self, merchant_id: str, wanted: PaymentFilter) -> Page:
        listed = sorted(
            (each for each in self._state.payments.values() if each.merchant_id == merchant_id),
            key=lambda each: (-each.created_at, each.id),
        )
        listed = [each for each in listed if _matches(each, wanted)]
        start = self._start(listed, wanted.cursor) if wanted.cursor is not None else 0
        found = listed[start : start + wanted.limit]
        more = start + wanted.limit < len(listed)
        return Page(tuple(found), f"after-{found[-1].id}" if more else None)

    def watched(
        self, chain: str, tier: Tier, *, raised_after: int = 0, known: Mapping[str, int] | None = None
    ) -> list[Payment]:
        if tier is Tier.CLOSED:
            return []
        return [
            each
            for each in self._state.payments.values()
            if each.chain == chain
            and each.tier is tier
            and each.raised_at > raised_after
            and (known or {}).get(each.id) != each.raised_at
        ]

    def remembered(self, merchant_id: str, route: str, key: str) -> Remembered | None:
        return self._state.remembered.get((merchant_id, route, key))

    def audit(self, payment_id: str) -> list[AuditRecord]:
        return list(self._state.audits.get(payment_id, ()))

    def _check(self, commit: Commit) -> None:
        state, before, after = self._state, commit.before, commit.after
        if commit.fence and _fence(state, commit.fence.chain) != commit.fence.number:
            raise FenceLost
        if commit.idempotency and _asked(commit.idempotency) in state.remembered:
            raise AlreadyExists("idempotency")
        if before is None:
            holder = state.orders.get((after.merchant_id, after.order_id or ""))
            if after.order_id is not None and holder and state.payments[holder].status not in _DEAD:
                raise AlreadyExists("order")
            if after.id in state.payments:
                raise AlreadyExists("id")
            if _folded(after.address) in state.addresses:
                raise AlreadyExists("address")
        else:
            _check_unmoved(state, before)
        for old, new in commit.intents:
            _check_intent(state, old, new)
        if any((entry.owner, entry.id) in state.entries for entry in commit.entries):
            raise AlreadyExists("entry")

    def _apply(self, commit: Commit) -> None:
        state, after = self._state, commit.after
        state.payments[after.id] = after
        state.audits[after.id].append(commit.audit)
        state.addresses[_folded(after.address)] = after.id
        if commit.before is None and after.order_id is not None:
            state.orders[after.merchant_id, after.order_id] = after.id
        for entry in commit.entries:
            state.entries[entry.owner, entry.id] = entry
        for _, intent in commit.intents:
            state.intents[_folded_key(intent)] = intent
        if (event := commit.event) is not None:
            state.events[event.merchant_id, event.ulid] = event
            state.outbox[event.ulid] = event.merchant_id
            if commit.idempotency:
                answer = Remembered(commit.idempotency.body_hash, after.id, event.ulid)
                state.remembered[_asked(commit.idempotency)] = answer

    def _start(self, listed: list[Payment], cursor: str) -> int:
        last = next((each for each in self._state.payments.values() if cursor == f"after-{each.id}"), None)
        if last is None:
            raise InvalidField("cursor", "invalid_cursor", "is not a cursor that this list gave out")
        places = [(-each.created_at, each.id) for each in listed]
        place = bisect_left(places, (-last.created_at, last.id))
        return place + 1 if last in listed else place


class FakeEvents:
    """The `ports.EventStore` in memory."""

    def __init__(self, state: _State) -> None:
        self._state = state

    def event(self, merchant_id: str, ulid: str) -> Event | None:
        return self._state.events.get((merchant_id, ulid))

    def unacknowledged(self, before: int) -> list[tuple[str, str]]:
        events, outbox = self._state.events, self._state.outbox
        return sorted(
            ((merchant, ulid) for ulid, merchant in outbox.items() if events[merchant, ulid].at < before),
            key=lambda each: each[1],
        )

    def acknowledge(self, event: Event) -> None:
        self._state.outbox.pop(event.ulid, None)

    def attempted(self, merchant_id: str, ulid: str, attempt: int) -> Delivery | None:
        return self._state.deliveries.get((ulid, attempt))

    def record(self, event: Event, delivery: Delivery, *, due_index: bool) -> None:
        with self._state.lock:
            if (event.ulid, delivery.attempt) in self._state.deliveries:
                return
            self._state.deliveries[event.ulid, delivery.attempt] = delivery
            self.finish(event.merchant_id, delivery, due_index=due_index)

    def finish(self, merchant_id: str, delivery: Delivery, *, due_index: bool) -> None:
        with self._state.lock:
            ulid, attempt = delivery.event_ulid, delivery.attempt
            if due_index and delivery.next_attempt_at is not None:
                self._state.due[ulid, attempt + 1] = (delivery.next_attempt_at, merchant_id)
            if attempt == 1:
                self._state.outbox.pop(ulid, None)

    def due(self, before: int) -> list[tuple[str, str, int, int]]:
        found = sorted(
            (at, ulid, attempt, who) for (ulid, attempt), (at, who) in self._state.due.items() if at <= before
        )
        return [(merchant, ulid, attempt, at) for at, ulid, attempt, merchant in found]

    def taken(self, ulid: str, attempt: int, due_at: int) -> None:
        self._state.due.pop((ulid, attempt), None)


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
            self._state.tips[tip.chain] = tip

    def tips(self, chains: Sequence[str]) -> dict[str, Tip]:
        return {chain: self._state.tips[chain] for chain in chains if chain in self._state.tips}

    def write_intent(self, before: Intent | None, after: Intent) -> None:
        with self._state.lock:
            _check_intent(self._state, before, after)
            self._state.intents[_folded_key(after)] = after

    def intent(self, chain: str, sender: str, nonce: int) -> Intent | None:
        return next((each for each in self.intents_of(chain, sender) if each.nonce == nonce), None)

    def intents_of(self, chain: str, sender: str) -> list[Intent]:
        every = self._state.intents.values()
        found = [each for each in every if each.chain == chain and _folded(each.sender) == _folded(sender)]
        return sorted(found, key=lambda each: each.nonce)

    def last_intent(self, chain: str, sender: str) -> Intent | None:
        return next(reversed(self.intents_of(chain, sender)), None)

    def unfinished(self, chain: str) -> list[Intent]:
        found = [each for each in self._state.intents.values() if each.chain == chain and each.unfinished]
        return sorted(found, key=lambda each: (_folded(each.sender), each.nonce))

    def entries(self, owner: str) -> list[Entry]:
        found = [each for (who, _), each in self._state.entries.items() if who == owner]
        return sorted(found, key=lambda each: (each.at, each.id))

    def post(self, entry: Entry) -> None:
        self._state.entries.setdefault((entry.owner, entry.id), entry)


class FakeAccess:
    """The `ports.AccessStore` in memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._merchants: dict[str, Merchant] = {}
        self._keys: dict[str, ApiKey] = {}
        self._counters: dict[str, int] = defaultdict(int)
        self._gates: dict[str, Gate] = {}
        self._rounds: dict[str, Round] = {}

    def merchant(self, merchant_id: str) -> Merchant | None:
        return self._merchants.get(merchant_id)

    def put_merchant(self, merchant: Merchant) -> None:
        self._merchants[merchant.id] = merchant

    def api_key(self, key_id: str) -> ApiKey | None:
        return self._keys.get(key_id)

    def put_api_key(self, key: ApiKey) -> None:
        self._keys[key.id] = key

    def take_indexes(self, merchant_id: str, curve: str, count: int) -> range:
        following = self._count(f"{merchant_id}#{curve}", count)
        return range(following - count, following)

    def next_account(self) -> int:
        return self._count("accounts")

    def raise_gate(self, chain: str, *, hot_until: int, warm_until: int, now: int) -> bool:
        with self._lock:
            old = self._gates.get(chain, Gate(chain=chain))
            hot, warm = max(old.hot_until, hot_until), max(old.warm_until, warm_until)
            self._gates[chain] = replace(old, hot_until=hot, warm_until=warm, daily_at=old.daily_at or now + _DAY_MS)
            return old.hot_until <= now

    def gates(self, chains: Sequence[str]) -> dict[str, Gate]:
        return {chain: self._gates.get(chain, Gate(chain=chain)) for chain in chains}

    def pause(self, chain: str, paused: bool) -> None:
        with self._lock:
            self._gates[chain] = replace(self._gates.get(chain, Gate(chain=chain)), paused=paused)

    def merchants(self, after: str, limit: int) -> list[Merchant]:
        return [self._merchants[each] for each in sorted(self._merchants) if each > after][:limit]

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


def _check_unmoved(state: _State, before: Payment) -> None:
    stored = state.payments.get(before.id)
    known = (before.version, before.status, before.pending)
    if stored is None or (stored.version, stored.status, stored.pending) != known:
        raise Stale


def _check_intent(state: _State, before: Intent | None, after: Intent) -> None:
    stored = state.intents.get(_folded_key(after))
    if before is None and stored is not None:
        raise AlreadyExists("intent")
    if before is not None and (stored is None or stored.version != before.version):
        raise Stale


def _matches(payment: Payment, wanted: PaymentFilter) -> bool:
    return (
        wanted.status in (None, payment.status)
        and wanted.chain in (None, payment.chain)
        and (wanted.created_after is None or payment.created_at >= wanted.created_after)
        and (wanted.created_before is None or payment.created_at <= wanted.created_before)
    )


def _asked(idempotency: Idempotency) -> tuple[str, str, str]:
    return idempotency.merchant_id, idempotency.route, idempotency.key


def _folded(address: str) -> str:
    return address.lower() if address.startswith("0x") else address


def _folded_key(intent: Intent) -> str:
    return f"{intent.chain}#{_folded(intent.sender)}#{intent.nonce:012d}"


def _fence(state: _State, chain: str) -> int:
    return state.tips[chain].fence if chain in state.tips else 0
