"""How domain objects lie in items: keys, attributes for conditions, indexes and operators, and one JSON document."""

from collections.abc import Iterator, Sequence
from typing import Any

from ctrip.domain.audit import AuditRecord
from ctrip.domain.chains.chain import Transfer
from ctrip.domain.chains.kinds import folded
from ctrip.domain.detection.watch import Watch, touched
from ctrip.domain.ledger.entries import Entry
from ctrip.domain.payments.payment import NEVER, Payment, Status, Tier
from ctrip.domain.settlement.schedule import Schedule, next_at
from ctrip.domain.sweeping.policy import SweptDay
from ctrip.domain.sweeping.sweep import Kind, OutgoingTransaction, Setback, TransactionState
from ctrip.domain.webhooks.events import Event, Subject, SubjectKind
from ctrip.ports.events import Delivery
from ctrip.store import tables
from ctrip.store.engine.codec import decode, decode_all, encode, encode_all
from ctrip.store.engine.database import Item, keyed, number, read_document, text

EVENT_SECONDS = 60 * 86_400
IDEMPOTENCY_SECONDS = 48 * 3_600
SETBACK_SECONDS = 30 * 86_400
SWEPT_DAY_SECONDS = 60 * 86_400

# What keys and attributes hold already: no field is stored twice.
_PAYMENT_KEYS = frozenset(
    {
        *("id", "merchant_id", "pending", "version", "status", "chain", "symbol", "address"),
        *("amount", "amount_received", "order_id", "created_at", "expires_at"),
    }
)
_DUE = ("chain", "symbol", "address")
_AUDIT_KEYS = frozenset({"subject"})
_EVENT_KEYS = frozenset({"ulid", "merchant_id", "type", "subject", "payment_id", "body"})
_TRANSACTION_KEYS = frozenset({"version", "kind", "state", "tx_hash"})
_SCHEDULE_KEYS = frozenset({"merchant_id", "chain", "asset", "version"})
_SWEPT_DAY_KEYS = frozenset({"chain", "asset", "day", "version"})
_DELIVERY_KEYS = frozenset({"merchant_id", "event_ulid", "endpoint", "attempt"})


def payment_item(payment: Payment) -> Item:
    """Lay a payment out; a closed one stands in no tier.

    Beside the document stand what conditions see and what an operator looks for.
    """
    item = keyed(
        tables.payment_key(payment.id),
        version=number(payment.version),
        status=text(payment.status.value),
        amount_received=text(str(payment.seen.amount_received)),
        created_at=number(payment.times.created_at),
        expires_at=number(payment.due.expires_at),
        list_pk=text(tables.list_partition(payment.merchant_id)),
        list_sk=text(tables.list_position(payment)),
        doc=text(encode(payment, without=_PAYMENT_KEYS)),
    )
    for name, held in (("pending", payment.own.pending), ("order_id", payment.order.order_id)):
        if held is not None:
            item[name] = text(held)
    if payment.is_chosen:
        due = payment.due
        item |= {name: text(held) for name, held in zip(_DUE, (due.chain, due.symbol, due.address), strict=True)}
        item["amount"] = text(str(due.amount))
    elif payment.is_open:
        item["watch_pk"] = text(tables.UNCHOSEN_PARTITION)
        item["watch_sk"] = text(tables.watch_place(payment.due.expires_at, payment.id))
    if payment.tier is not Tier.CLOSED:
        # The parked are few in each read and written slowly: one shard, so that asking for the oldest is one query.
        shard = 0 if payment.tier is Tier.PARKED else tables.watch_shard(payment.id)
        item["watch_pk"] = text(tables.watch_partition(payment.due.chain, payment.tier, shard))
        item["watch_sk"] = text(tables.watch_place(payment.times.raised_at, payment.id))
        item["look"] = text(_look(payment))
    return item


def former_item(before: Payment) -> Item:
    """Lay out what a payer had chosen before another chain: the place, and any asset there."""
    return keyed(
        tables.former_key(before.id, before.due.chain),
        watch_pk=text(tables.former_partition(before.due.chain)),
        watch_sk=text(tables.watch_place(before.window_ends, before.id)),
        look=text(_look(before)),
    )


def _look(payment: Payment) -> str:
    """Write what the index shows of a payment: all that a look at its address needs, in one attribute of few bytes."""
    parts = (
        payment.due.address,
        payment.due.token_address or "-",
        payment.due.amount,
        payment.asked_at,
        payment.due.expires_at,
        payment.window_ends,
        "touched" if touched(payment) else "-",
        payment.merchant_id,
    )
    return " ".join(map(str, parts))


def watch_of(item: Item, tier: Tier, known: dict[str, str]) -> Watch:
    """Read a row of the index `watch`; `known` keeps one copy of each token's and merchant's name."""
    raised_at, payment_id = item["watch_sk"]["S"].split("#", 1)
    address, token, amount, asked, expires, ends, seen, merchant_id = item["look"]["S"].split(" ", 7)
    return Watch(
        address=address,
        token=None if token == "-" else known.setdefault(token, token),  # noqa: S105  no password
        id=payment_id,
        merchant_id=known.setdefault(merchant_id, merchant_id),
        tier=tier,
        amount=int(amount),
        raised_at=int(raised_at),
        asked_at=int(asked),
        expires_at=int(expires),
        window_ends=int(ends),
        touched=seen == "touched",
    )


def payment_of(item: Item) -> Payment:
    """Read a payment."""
    known: dict[str, Any] = {
        "id": tables.plain(item, "pk").removeprefix("P#"),
        "merchant_id": tables.plain(item, "list_pk").removeprefix("M#"),
        "status": Status(tables.plain(item, "status")),
    }
    known |= {name: tables.plain(item, name) if name in item else "" for name in _DUE}
    known |= {name: tables.plain(item, name) if name in item else None for name in ("pending", "order_id")}
    numbers = ("version", "amount_received", "created_at", "expires_at")
    known |= {name: int(tables.plain(item, name)) for name in numbers}
    known["amount"] = int(tables.plain(item, "amount")) if "amount" in item else NEVER
    return decode(Payment, read_document(item, "doc"), **known)


def audit_item(record: AuditRecord, event: Event | None) -> Item:
    """Lay an audit record out."""
    return keyed(
        tables.audit_key(record.subject, record.version),
        doc=text(encode(record, without=_AUDIT_KEYS)),
        event=text(event.ulid if event else ""),
    )


def transfer_item(payment_id: str, transfer: Transfer) -> Item:
    """Lay one of a payment's transfers out."""
    return keyed(tables.transfer_key(payment_id, transfer), doc=text(encode(transfer)))


def transfer_of(item: Item) -> Transfer:
    """Read a transfer."""
    return decode(Transfer, read_document(item, "doc"))


def event_items(event: Event) -> Iterator[Item]:
    """Lay an event out as it is committed: once, under its merchant, and in the outbox once for each endpoint."""
    yield event_item(event)
    for endpoint in event.endpoints:
        yield keyed(tables.outbox_key(event.ulid, endpoint), merchant=text(event.merchant_id))


def event_item(event: Event) -> Item:
    """Lay an event out; it is kept for a time. The body stands as it was frozen, beside the document."""
    subject = f"{event.subject.kind}#{event.subject.id}"
    item = keyed(
        tables.event_key(event.merchant_id, event.ulid),
        type=text(event.type),
        subject=text(subject),
        body=text(event.body),
        doc=text(encode(event, without=_EVENT_KEYS)),
        ttl=number(event.at // 1000 + EVENT_SECONDS),
    )
    if event.payment_id is not None:
        item["payment_id"] = text(event.payment_id)
    return item


def event_of(item: Item) -> Event:
    """Read an event."""
    key = tables.key_of(item)
    kind, subject_id = tables.plain(item, "subject").split("#", 1)
    return decode(
        Event,
        read_document(item, "doc"),
        ulid=key.sk,
        merchant_id=key.pk.removeprefix("E#"),
        type=tables.plain(item, "type"),
        subject=Subject(SubjectKind(kind), subject_id),
        payment_id=tables.plain(item, "payment_id") if "payment_id" in item else None,
        body=tables.plain(item, "body"),
    )


def delivery_item(delivery: Delivery) -> Item:
    """Lay an attempt out; it is kept for a time."""
    return keyed(
        tables.delivery_key(delivery.merchant_id, delivery.endpoint, delivery.event_ulid, delivery.attempt),
        doc=text(encode(delivery, without=_DELIVERY_KEYS)),
        ttl=number(delivery.at // 1000 + EVENT_SECONDS),
    )


def delivery_of(item: Item) -> Delivery:
    """Read an attempt."""
    key = tables.key_of(item)
    _, merchant_id, endpoint = key.pk.split("#", 2)
    ulid, attempt = key.sk.split("#")
    return decode(
        Delivery,
        read_document(item, "doc"),
        merchant_id=merchant_id,
        endpoint=endpoint,
        event_ulid=ulid,
        attempt=int(attempt),
    )


def transaction_item(transaction: OutgoingTransaction) -> Item:
    """Lay an outgoing transaction out; an unfinished one stands in the index `due`."""
    key = tables.transaction_key(transaction.chain, transaction.sender, transaction.slot)
    item = keyed(
        key,
        version=number(transaction.version),
        kind=text(transaction.kind.value),
        state=text(transaction.state.value),
        doc=text(encode(transaction, without=_TRANSACTION_KEYS)),
    )
    if transaction.tx_hash is not None:
        item["tx_hash"] = text(transaction.tx_hash)
    if transaction.unfinished:
        item["due_pk"] = text(tables.unfinished_partition(transaction.chain))
        item["due_sk"] = text(f"{folded(transaction.sender)}#{key.sk}")
    return item


def transaction_of(item: Item) -> OutgoingTransaction:
    """Read an outgoing transaction."""
    return decode(
        OutgoingTransaction,
        read_document(item, "doc"),
        version=int(tables.plain(item, "version")),
        kind=Kind(tables.plain(item, "kind")),
        state=TransactionState(tables.plain(item, "state")),
        tx_hash=tables.plain(item, "tx_hash") if "tx_hash" in item else None,
    )


def unreadable_transaction(item: Item, chain: str) -> OutgoingTransaction:
    """Name an outgoing transaction whose document cannot be read by what its key tells."""
    key = tables.key_of(item)
    return OutgoingTransaction(
        chain=chain,
        sender=key.pk.rsplit("#", 1)[1],
        slot=key.sk,
        path="",
        kind=Kind.SWEEP,
        members=(),
        asset="",
        token=None,
        to="",
        state=TransactionState.UNREADABLE,
    )


def setback_item(chain: str, payment_id: str, setback: Setback) -> Item:
    """Lay a setback out; it goes by itself some weeks after it has ended."""
    return keyed(
        tables.setback_key(chain, payment_id),
        doc=text(encode(setback)),
        ttl=number(setback.until // 1000 + SETBACK_SECONDS),
    )


def setback_of(item: Item) -> Setback:
    """Read a setback."""
    return decode(Setback, read_document(item, "doc"))


def swept_day_item(day: SweptDay, now: int) -> Item:
    """Lay a day's count of sweeps out; it is kept for a time."""
    return keyed(
        tables.swept_day_key(day.chain, day.asset, day.day),
        version=number(day.version),
        doc=text(encode(day, without=_SWEPT_DAY_KEYS)),
        ttl=number(now // 1000 + SWEPT_DAY_SECONDS),
    )


def swept_day_of(item: Item, chain: str, asset: str, day: str) -> SweptDay:
    """Read a day's count of sweeps."""
    known = {"chain": chain, "asset": asset, "day": day, "version": int(tables.plain(item, "version"))}
    return decode(SweptDay, read_document(item, "doc"), **known)


def posting_item(entries: Sequence[Entry]) -> Item:
    """Lay out what one cause posts to one owner's ledger, in one item under the first entry's id.

    The same cause makes the same entries in the same order: where the first one stands, all of them do.
    """
    first = entries[0]
    return keyed(tables.entry_key(first.owner, first.at, first.id), doc=text(encode_all(entries)))


def entries_of(item: Item) -> list[Entry]:
    """Read what one cause has posted."""
    return decode_all(Entry, read_document(item, "doc"))


def schedule_item(schedule: Schedule) -> Item:
    """Lay a schedule out; in the index `watch` by its next moment, or among those that go by an amount."""
    item = keyed(
        tables.schedule_key(schedule.merchant_id, schedule.chain, schedule.asset),
        version=number(schedule.version),
        doc=text(encode(schedule, without=_SCHEDULE_KEYS)),
    )
    whose = f"{schedule.merchant_id}#{schedule.chain}#{schedule.asset}"
    if schedule.threshold is not None:
        item["watch_pk"], item["watch_sk"] = text(tables.THRESHOLDS_PARTITION), text(whose)
    elif (moment := next_at(schedule)) is not None:
        item["watch_pk"], item["watch_sk"] = text(tables.SCHEDULES_PARTITION), text(f"{moment:013d}#{whose}")
    return item


def schedule_of(item: Item) -> Schedule:
    """Read a schedule."""
    key = tables.key_of(item)
    chain, asset = key.sk.split("#", 1)
    own = {"merchant_id": key.pk.removeprefix("SS#"), "chain": chain, "asset": asset}
    return decode(Schedule, read_document(item, "doc"), **own, version=int(tables.plain(item, "version")))
