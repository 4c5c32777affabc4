"""Domain objects for tests, with whatever a test does not care about filled in."""

import itertools
from dataclasses import replace
from typing import Any

from ctrip.chains.evm.terms import GasTerms, written
from ctrip.domain.audit import Origin, payment_record
from ctrip.domain.chains.evm.transaction import slot_of
from ctrip.domain.detection.step import fire
from ctrip.domain.ledger.entries import Entry, EntryType
from ctrip.domain.payments.machine import Trigger
from ctrip.domain.payments.payment import Payment
from ctrip.domain.sweeping.sweep import Attempt, Kind, Member, OutgoingTransaction
from ctrip.domain.webhooks.endpoint import PAYMENT_ENDPOINT
from ctrip.domain.webhooks.events import Event, Subject
from ctrip.ports.events import Delivery
from ctrip.ports.payments import Commit
from ctrip.system import SystemIds
from ctrip.views.events import event_body
from tests.build import grouped

NOW = 1_795_000_000_000
IDS = SystemIds()
_serial = itertools.count(1)


def new_ulid(at: int) -> str:
    """Make a ULID of that very time; within one source they only ever rise."""
    return SystemIds().ulid(at)


def payment(**given: Any) -> Payment:
    """Make a pending payment of 1.5 coins."""
    number = next(_serial)
    fields: dict[str, Any] = {
        "id": IDS.uuid(),
        "merchant_id": "mer_1",
        "chain": "anvil",
        "token_id": None,
        "token_address": None,
        "symbol": "ETH",
        "decimals": 18,
        "address": f"0xAb{number:038x}",
        "derivation_path": f"m/44'/60'/1'/0/{number}",
        "amount": 1_500_000_000_000_000_000,
        "required_confirmations": 3,
        "created_at": NOW,
        "updated_at": NOW,
        "expires_at": NOW + 1_800_000,
        "raised_at": NOW,
        "checkout_url": "https://pay.example.com/pay/7f1c9a4e-0c2b-4d37-9a55-2f3f7a1f0c11",
        "payment_uri": f"ethereum:0xAb{number:038x}@31337?value=1500000000000000000",
    }
    return grouped(fields | given)


def creation(made: Payment, *, ulid: str | None = None, **given: Any) -> Commit:
    """Make the transaction that creates a payment."""
    return _commit(None, made, "payment.created", ulid, given)


def step(before: Payment, trigger: Trigger, *, ulid: str | None = None, now: int = NOW, **given: Any) -> Commit:
    """Make the transaction of one edge of the machine; names of `Commit` go there, others to the payment."""
    extras = {name: given.pop(name) for name in ("entries", "transfers", "transactions", "fence") if name in given}
    decided = fire(before, trigger, now, **given)
    return _commit(before, decided.after, decided.event, ulid, extras)


def quiet(before: Payment, *, fence: Any = None, **changes: Any) -> Commit:
    """Make a transaction that nobody is told of."""
    after = before.changed(version=before.version + 1, **changes)
    return _commit(before, after, None, None, {"fence": fence})


def entry(number: int = 1, **given: Any) -> Entry:
    """Make a ledger entry of a merchant."""
    fields: dict[str, Any] = {
        "id": f"cause#{number:06d}",
        "type": EntryType.DEPOSIT,
        "owner": "mer_1",
        "chain": "anvil",
        "asset": "native",
        "debit": "on_addresses",
        "credit": "available:mer_1",
        "amount": 10**18,
        "payment_id": None,
        "tx_hash": None,
        "at": NOW + number,
    }
    return Entry(**(fields | given))


def transaction(nonce: int = 0, **given: Any) -> OutgoingTransaction:
    """Make a signed sweep."""
    fields: dict[str, Any] = {
        "chain": "anvil",
        "sender": "0x" + "Cd" * 20,
        "slot": slot_of(nonce),
        "path": "m/44'/60'/1'/0/0",
        "kind": Kind.SWEEP,
        "asset": "native",
        "token": None,
        "to": "0x" + "Ef" * 20,
    }
    fields |= given
    if "members" not in fields:
        own = {"payment_id": "p", "merchant_id": "mer_1", "path": fields["path"], "address": fields["sender"]}
        known = Member.__dataclass_fields__
        fields["members"] = (Member(**own | {name: value for name, value in given.items() if name in known}),)
    known = OutgoingTransaction.__dataclass_fields__
    return OutgoingTransaction(**{name: value for name, value in fields.items() if name in known})


def attempt(
    raw: str = "0x",
    tx_hash: str = "0xh",
    gas: int = 21_000,
    max_fee: int = 1,
    priority_fee: int = 1,
    value: int = 0,
    head: int = 1,
    **given: Any,
) -> Attempt:
    """Make an attempt on an EVM chain."""
    terms = written(GasTerms(gas, max_fee, priority_fee))
    return Attempt(raw, tx_hash, value=value, head=head, cost=gas * max_fee, terms=terms, **given)


def event(at: int = NOW, **given: Any) -> Event:
    """Make an event that stands alone."""
    fields: dict[str, Any] = {
        "ulid": new_ulid(at),
        "type": "payment.created",
        "merchant_id": "mer_1",
        "payment_id": "p",
        "at": at,
        "body": "{}",
    }
    fields |= given
    return Event(**({"subject": Subject.payment(fields["payment_id"])} | fields))


def delivery(ulid: str, attempt: int = 1, endpoint: str = PAYMENT_ENDPOINT, **given: Any) -> Delivery:
    """Make the record of an attempt that was answered."""
    fields: dict[str, Any] = {
        "merchant_id": "mer_1",
        "type": "payment.created",
        "at": NOW,
        "latency_ms": 12,
        "status_code": 204,
        "error": None,
        "next_attempt_at": None,
    }
    return Delivery(event_ulid=ulid, attempt=attempt, endpoint=endpoint, **(fields | given))


def _commit(
    before: Payment | None, after: Payment, name: str | None, ulid: str | None, given: dict[str, Any]
) -> Commit:
    audit = payment_record(before, after, name, Origin("test"))
    after = replace(after, audit_head=audit.hash)
    told = None
    if name is not None:
        ulid = ulid or new_ulid(after.times.updated_at)
        told = event(
            after.times.updated_at,
            ulid=ulid,
            type=name,
            merchant_id=after.merchant_id,
            payment_id=after.id,
            endpoints=(PAYMENT_ENDPOINT,) if after.links.webhook_url else (),
            webhook_url=after.links.webhook_url,
            body=event_body(name, ulid, after, after.times.updated_at),
        )
    return Commit(before=before, after=after, audit=audit, event=told, **given)
