"""How domain objects lie in items: keys, the few attributes that conditions and indexes need, and one document."""

from ctrip.domain.events import Event
from ctrip.domain.ledger import Entry
from ctrip.domain.payment import Payment, Tier
from ctrip.domain.sweep import Intent
from ctrip.store import tables
from ctrip.store.codec import decode, encode
from ctrip.store.database import Item, document, keyed, number, read_document, text

EVENT_SECONDS = 60 * 86_400
IDEMPOTENCY_SECONDS = 48 * 3_600

_PAYMENT_KEYS = frozenset({"id", "merchant_id"})
_EVENT_KEYS = frozenset({"ulid", "merchant_id", "body"})


def payment_item(payment: Payment) -> Item:
    """Lay a payment out; a closed one stands in no tier."""
    item = keyed(
        tables.payment_key(payment.id),
        version=number(payment.version),
        status=text(payment.status.value),
        list_pk=text(tables.list_partition(payment.merchant_id)),
        list_sk=text(tables.list_position(payment)),
        doc=document(encode(payment, without=_PAYMENT_KEYS)),
    )
    if payment.tier is not Tier.CLOSED:
        shard = tables.watch_shard(payment.id)
        item["watch_pk"] = text(tables.watch_partition(payment.chain, payment.tier, shard))
        item["watch_sk"] = text(tables.watch_position(payment))
    return item


def payment_of(item: Item) -> Payment:
    """Read a payment."""
    payment_id = tables.plain(item, "pk").removeprefix("P#")
    merchant_id = tables.plain(item, "list_pk").removeprefix("M#")
    return decode(Payment, read_document(item, "doc"), id=payment_id, merchant_id=merchant_id)


def event_item(event: Event) -> Item:
    """Lay an event out; its body is kept as it was frozen, beside the document."""
    return keyed(
        tables.event_key(event.merchant_id, event.ulid),
        doc=document(encode(event, without=_EVENT_KEYS)),
        body=document(event.body),
        ttl=number(event.at // 1000 + EVENT_SECONDS),
    )


def event_of(item: Item) -> Event:
    """Read an event."""
    key = tables.key_of(item)
    known = {"ulid": key.sk, "merchant_id": key.pk.removeprefix("E#"), "body": read_document(item, "body")}
    return decode(Event, read_document(item, "doc"), **known)


def intent_item(intent: Intent) -> Item:
    """Lay an intent out; an unfinished one stands in the index `due`."""
    key = tables.intent_key(intent.chain, intent.sender, intent.nonce)
    item = keyed(key, version=number(intent.version), doc=document(encode(intent)))
    if intent.unfinished:
        item["due_pk"] = text(tables.unfinished_partition(intent.chain))
        item["due_sk"] = text(f"{tables.folded(intent.sender)}#{key.sk}")
    return item


def intent_of(item: Item) -> Intent:
    """Read an intent."""
    return decode(Intent, read_document(item, "doc"))


def entry_item(entry: Entry) -> Item:
    """Lay a ledger entry out."""
    return keyed(tables.entry_key(entry.owner, entry.id), doc=document(encode(entry)))


def entry_of(item: Item) -> Entry:
    """Read a ledger entry."""
    return decode(Entry, read_document(item, "doc"))
