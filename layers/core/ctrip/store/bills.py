"""Payment links and invoices, beside the payments that are made for them."""

import re
from collections.abc import Callable
from typing import ClassVar, Generic, TypeVar, cast

from pynamodb.expressions.operand import Path

from ctrip.domain.errors import AlreadyExists, Stale
from ctrip.domain.invoices.invoice import Invoice
from ctrip.domain.links.link import Link
from ctrip.ports.idempotency import Idempotency, Remembered
from ctrip.ports.payments import Beside
from ctrip.store import tables
from ctrip.store.changes import ABSENT, read_remembered, remember
from ctrip.store.engine.codec import decode, encode
from ctrip.store.engine.database import Item, Store, Write, keyed, number, put, read_document, text
from ctrip.store.engine.errors import ConditionFailed

T = TypeVar("T", Link, Invoice)

_KEYS = frozenset({"id", "merchant_id", "created_at", "version"})
_POSITION = re.compile(r"[0-9]{13}#[^#]{1,64}", re.ASCII)


class DynamoBills(Store, Generic[T]):
    """A `ports.BillStore` on DynamoDB."""

    own = "payments"
    kind: ClassVar[type]
    named: ClassVar[tuple[Callable[[str], tables.Key], Callable[[str], str]]]  # its key, and its partition of `list`

    def get(self, bill_id: str) -> T | None:
        """Read one, consistently."""
        item = self._db.get(self._table, self.named[0](bill_id))
        return self._of(item) if item else None

    def page(self, merchant_id: str, cursor: str | None, limit: int) -> tuple[list[T], str | None]:
        """List a merchant's own, newest first, and the cursor of the next page."""
        partition = self.named[1](merchant_id)
        after = tables.open_cursor(partition, cursor, _POSITION)
        place = Path("list_pk") == partition
        if after is not None:
            place &= Path("list_sk") < after
        # One more than wanted, so that a full last page knows that it is the last.
        rows = self._db.query(self._table, place, index="list", limit=limit + 1, forward=False)
        shown = rows.items[:limit]
        keys = [tables.key_of(row) for row in shown]
        items = self._db.batch(self._table, keys, consistent=False)
        more = rows.more or len(rows.items) > limit
        following = tables.cursor_of(partition, tables.plain(shown[-1], "list_sk")) if more and shown else None
        return [self._of(items[key]) for key in keys if key in items], following

    def keep(self, before: T | None, after: T, idempotency: Idempotency | None = None, answer: str = "") -> None:
        """Store one that is new or changed, and what an idempotency key is to answer."""
        writes = [bill_write(self._table, before, after)]
        if before is None and isinstance(after, Invoice):
            holder = keyed(tables.invoice_number_key(after.merchant_id, after.number), invoice_id=text(after.id))
            # Holds where none of the merchant's invoices has the number, void ones included.
            writes.insert(0, put(self._table, holder, ABSENT, name="number"))
        if idempotency is not None:
            first = Remembered(idempotency.body_hash, after.id, "", answer)
            writes.insert(0, remember(self._table, idempotency, first, after.updated_at))
        try:
            self._db.transact(writes, ours=lambda: self.get(after.id) == after)
        except ConditionFailed as exc:
            name = writes[min(exc.places)].name
            raise (Stale("it has moved on") if name.startswith("stale ") else AlreadyExists(name)) from exc

    def remembered(self, owner: str, route: str, key: str) -> Remembered | None:
        """Return what an idempotency key answered first, read consistently."""
        return read_remembered(self._db, self._table, owner, route, key)

    def _of(self, item: Item) -> T:
        known = {
            "id": tables.key_of(item).pk.split("#", 1)[1],
            "merchant_id": tables.plain(item, "list_pk").split("#", 1)[1],
            "created_at": int(tables.plain(item, "list_sk").split("#", 1)[0]),
            "version": int(tables.plain(item, "version")),
        }
        return cast("T", decode(self.kind, read_document(item, "doc"), **known))


class DynamoLinks(DynamoBills[Link]):
    """The `ports.LinkStore` on DynamoDB."""

    kind = Link
    named = tables.link_key, tables.links_partition


class DynamoInvoices(DynamoBills[Invoice]):
    """The `ports.InvoiceStore` on DynamoDB."""

    kind = Invoice
    named = tables.invoice_key, tables.invoices_partition


def bill_write(table: str, before: Link | Invoice | None, after: Link | Invoice) -> Write:
    """Make a link or an invoice (no `before`), or change it."""
    if before is None:
        # Holds where the id is new.
        return put(table, _item(after), ABSENT, name="id")
    # Holds while it is as it was when the decision was made.
    return put(table, _item(after), Path("version") == before.version, name="stale bill")


def beside_write(table: str, beside: Beside) -> Write:
    """Change the link or the invoice that a payment is made for, with the payment."""
    return bill_write(table, *beside)


def _item(bill: Link | Invoice) -> Item:
    key_of, partition = DynamoLinks.named if isinstance(bill, Link) else DynamoInvoices.named
    return keyed(
        key_of(bill.id),
        version=number(bill.version),
        list_pk=text(partition(bill.merchant_id)),
        list_sk=text(f"{bill.created_at:013d}#{bill.id}"),
        doc=text(encode(bill, without=_KEYS)),
    )
