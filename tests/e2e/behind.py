"""The gateway's tables and queues, reached behind its back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3

from ctrip.domain.merchants.access import Merchant
from ctrip.domain.webhooks.endpoint import PAYMENT_ENDPOINT
from ctrip.domain.webhooks.events import Event
from ctrip.store import tables
from ctrip.store.access import DynamoAccess
from ctrip.store.checkpoints import DynamoCheckpoints
from ctrip.store.engine.codec import encode
from ctrip.store.engine.connection import Connection
from ctrip.store.engine.database import Database, Item, delete, keyed, number, put, text
from ctrip.store.events import DynamoEvents
from ctrip.store.layout import delivery_item, event_item, event_items
from tests.e2e.stack import eventually


class Tables:
    """The gateway's tables, written to behind its back."""

    def __init__(self) -> None:
        self.connection = Connection()
        self.database = Database("local", connected=self.connection)
        self.events = DynamoEvents("local", connected=self.connection)
        self.access = DynamoAccess("local", connected=self.connection)
        self.seals = DynamoCheckpoints("local", connected=self.connection)
        self.names = self.database.tables

    def items(self, table: str) -> Iterator[Item]:
        """Read a table whole."""
        pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=getattr(self.names, table))
        return (item for page in pages for item in page["Items"])

    def texts(self, table: str) -> set[str]:
        """Return every string that stands in a table, and each string within those that are documents."""
        found: set[str] = set()
        for item in self.items(table):
            for held in item.values():
                [value] = held.values()
                found |= {str(value), *_strings(str(value))}
        return found

    def tell_again(self, merchant_id: str, payment_id: str, *, ago_ms: int) -> None:
        """File a copy of a payment's first event as if it had happened earlier."""
        events, _ = self.events.between(merchant_id, "!", "~", limit=10_000)
        first = next(each for each in events if each.payment_id == payment_id)
        at = first.at - ago_ms
        earlier = replace(first, at=at, ulid=tables.ulid_floor(at) + first.ulid[len(tables.ulid_floor(at)) :])
        self.database.write(put(self.names.events, event_item(earlier)))

    def unseal(self) -> None:
        """Take the newest seal of the audit away."""
        if (seal := self.seals.last()) is not None:
            self.database.write(delete(self.names.access, tables.seal_key(seal.hour)))

    def forget_attempt(self, merchant_id: str, ulid: str) -> Event:
        """Undo the first attempt to deliver an event, once it has been recorded: it is in the outbox again."""
        recorded = eventually(
            lambda: self.events.attempted(merchant_id, ulid, PAYMENT_ENDPOINT, 1), what="the first attempt's record"
        )
        event = self.events.event(merchant_id, ulid)
        assert event
        _, *waiting = event_items(event)
        for item in waiting:
            self.database.write(put(self.names.events, item))
        key = tables.key_of(delivery_item(recorded))
        self.database.write(delete(self.names.events, key))
        return event

    def overwrite(self, merchant: Merchant) -> None:
        """Write a merchant's row as somebody does who got hold of the table."""
        item = keyed(tables.merchant_key(merchant.id), version=number(merchant.version), doc=text(encode(merchant)))
        self.database.write(put(self.names.access, item))

    def gate(self) -> Item:
        """Read Anvil's gate."""
        return self.database.get(self.names.access, tables.gate_key("anvil")) or {}

    def set_gate(self, **numbers: int) -> None:
        """Write numbers into Anvil's gate."""
        changed = {name: {"N": str(value)} for name, value in numbers.items()}
        self.database.write(put(self.names.access, self.gate() | changed))

    def number(self, name: str) -> int:
        """Read a number of Anvil's gate."""
        return int(tables.plain(self.gate(), name))


def _strings(text: str) -> Iterator[str]:
    """Yield the strings within a document."""
    try:
        held = json.loads(text)
    except ValueError:
        return
    waiting: list[Any] = [held]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting += [*each.keys(), *each.values()]
        elif isinstance(each, list):
            waiting += each
        elif isinstance(each, str):
            yield each
