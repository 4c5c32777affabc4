"""Payment links and invoices, as the services keep them."""

from typing import Protocol, TypeAlias, TypeVar

from ctrip.domain.invoices.invoice import Invoice
from ctrip.domain.links.link import Link
from ctrip.ports.idempotency import Idempotency, Remembered

T = TypeVar("T")


class BillStore(Protocol[T]):
    """Payment links, or invoices."""

    def get(self, bill_id: str) -> T | None:
        """Read one, consistently."""
        ...

    def page(self, merchant_id: str, cursor: str | None, limit: int) -> tuple[list[T], str | None]:
        """List a merchant's own, newest first, and the cursor of the next page; the list may lag.

        Raises `InvalidField` for a cursor that the list did not give out.
        """
        ...

    def keep(self, before: T | None, after: T, idempotency: Idempotency | None = None, answer: str = "") -> None:
        """Store one that is new or changed, and what an idempotency key is to answer.

        Raises `AlreadyExists` ("id", "number" or "idempotency") and `Stale` when it has moved on.
        """
        ...

    def remembered(self, owner: str, route: str, key: str) -> Remembered | None:
        """Return what an idempotency key answered first, read consistently."""
        ...


LinkStore: TypeAlias = BillStore[Link]
InvoiceStore: TypeAlias = BillStore[Invoice]
