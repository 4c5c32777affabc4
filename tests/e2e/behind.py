"""The gateway's tables and queues, reached behind its back."""

from __future__ import annotations

from pynamodb.connection import Connection

from ctrip.store import tables
from ctrip.store.database import Database, Item, delete, put
from ctrip.store.events import DynamoEvents
from tests.e2e.stack import eventually


class Tables:
    """The gateway's tables, written to behind its back."""

    def __init__(self) -> None:
        self.connection = Connection()
        self.database = Database("local", connected=self.connection)
        self.events = DynamoEvents("local", connected=self.connection)
        self.names = self.database.tables

    def forget_attempt(self, ulid: str) -> None:
        """Undo the first attempt to deliver an event, once it has been recorded."""
        eventually(lambda: self.events.attempted(ulid, 1), what="the first attempt's record")
        self.database.write(delete(self.names.events, tables.delivery_key(ulid, 1)))

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
