"""Payments, as the services keep them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from ctrip.domain.audit import AuditRecord
from ctrip.domain.chains.chain import Transfer
from ctrip.domain.detection.watch import Watch
from ctrip.domain.invoices.invoice import Invoice
from ctrip.domain.ledger.entries import Entry
from ctrip.domain.links.link import Link
from ctrip.domain.payments.payment import Payment, Status, Tier
from ctrip.domain.sweeping.sweep import OutgoingTransaction
from ctrip.domain.webhooks.events import Event
from ctrip.ports.gates import Fence
from ctrip.ports.idempotency import Idempotency, Remembered
from ctrip.ports.money import Counted

# A payment link, or an invoice, before and after a payment was made for it.
Beside: TypeAlias = tuple[Link, Link] | tuple[Invoice, Invoice]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """Everything one decision changes, in one transaction.

    `before` is None for a creation. `transactions` are (before, after), before None for a new one. With a `fence`,
    it fails when a newer scanner has taken the chain; with `holds_order`, when another payment has the order. What is
    `beside` a new payment is the link or the invoice that it was made for, and must not have moved on.
    """

    before: Payment | None
    after: Payment
    audit: AuditRecord
    event: Event | None = None
    entries: tuple[Entry, ...] = ()
    holds_order: bool = False
    transactions: tuple[tuple[OutgoingTransaction | None, OutgoingTransaction], ...] = ()
    fence: Fence | None = None
    idempotency: Idempotency | None = None
    answer: str = ""  # what the idempotency key is to give again, where no event holds it
    beside: Beside | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFilter:
    """What a list asks for; times are unix milliseconds, both ends included."""

    status: Status | None = None
    chain: str | None = None
    created_after: int | None = None
    created_before: int | None = None
    limit: int = 20
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page, newest first; it may be short while `cursor` is set."""

    payments: tuple[Payment, ...]
    cursor: str | None


class PaymentStore(Protocol):
    """Payments and everything that changes with them."""

    def commit(self, commit: Commit) -> None:
        """Write all of it or nothing; the event once, and in the outbox a row for each of its endpoints.

        Raises `AlreadyExists` ("id", "address", "order", "idempotency", "transaction" or "entry"), `Stale` when the
        payment, its order or an outgoing transaction has moved on, `FenceLost`, and `Busy` where conflicts outlast the
        retries. A write that was our own but whose answer was lost counts as done.
        """
        ...

    def reserve(self, before: Payment, transaction: OutgoingTransaction, counted: Counted | None = None) -> Payment:
        """Put a new outgoing transaction of a payment under way, with its name as the payment's `pending`.

        With what it counts of a day's sweeps, where they have a cap.

        No version of the payment: nothing that it tells anybody changes. Any other decision about a payment that knows
        of none under way is stale from now on. Raises `AlreadyExists` ("transaction") when the slot is taken,
        `Stale` when the payment or the day's count has moved on, and `Busy`.
        """
        ...

    def reserve_many(
        self, payments: Sequence[Payment], before: OutgoingTransaction | None, transaction: OutgoingTransaction
    ) -> list[Payment]:
        """Put a transaction under way that serves many payments, as `reserve` does; return the reserved payments.

        Part after part, each all or nothing, the transaction with the first: a crash may leave some out. Payments that
        have moved on are left out; where all have, nothing is stored. `before` is a transaction that it takes the
        place of. Raises `AlreadyExists` ("transaction") and `Stale` as to the transaction, and `Busy`.
        """
        ...

    def release(self, before: Payment) -> Payment:
        """Take back the reservation of a payment whose transaction was never signed; return the payment.

        No version of the payment, as with `reserve`. Raises `Stale` when the payment has moved on, and `Busy`.
        """
        ...

    def retier(self, before: Payment, tier: Tier, now: int) -> Payment:
        """Move a payment to a tier, raised `now` (unix milliseconds), or raise it once more in its own; return it.

        No version of the payment, as with `reserve`. Raises `Stale` when the payment has moved on, and `Busy`.
        """
        ...

    def longest_in(self, chain: str, tier: Tier, limit: int) -> list[Payment]:
        """Return at most `limit` payments of a tier, those first that were raised to it first; the index lags."""
        ...

    def get(self, payment_id: str) -> Payment | None:
        """Read a payment, consistently."""
        ...

    def by_order(self, merchant_id: str, order_id: str) -> str | None:
        """Return the id of the payment that holds the merchant's order, dead ones included."""
        ...

    def by_address(self, address: str) -> str | None:
        """Return the id of the payment that owns a deposit address."""
        ...

    def page(self, merchant_id: str, wanted: PaymentFilter) -> Page:
        """List a merchant's payments, newest first; raises `InvalidField` for a cursor that is not ours."""
        ...

    def unchosen(self, until: int, limit: int, *, after: str = "") -> tuple[list[Payment], str]:
        """Return at most `limit` payments that nobody has chosen for and that expire by then, and the next position.

        The index lags. What cannot be read is left out.
        """
        ...

    def former(self, chain: str, now: int) -> list[Watch]:
        """Return what payers had chosen on a chain before another one, while anybody may still pay it; it lags."""
        ...

    def watched(self, chain: str, tier: Tier) -> list[Payment]:
        """Return the payments of a tier; the index lags, the payments do not."""
        ...

    def rows(self, chain: str, tier: Tier, *, raised_after: int = 0) -> list[Watch]:
        """Return what the index shows of a tier, raised after that time; no payment itself is read, and it lags."""
        ...

    def slice(self, chain: str, tier: Tier, *, after: str, limit: int) -> tuple[list[Watch], str]:
        """Return about `limit` rows of a tier from a position on, and the next position; the first and last are ""."""
        ...

    def read(self, payment_ids: Sequence[str]) -> dict[str, Payment]:
        """Read payments by their ids, consistently; what does not exist, or cannot be read, is left out."""
        ...

    def add_transfers(self, payment_id: str, transfers: Sequence[Transfer]) -> None:
        """Keep a row for each of a payment's transfers; a second time changes nothing."""
        ...

    def drop_transfers(self, payment_id: str, transfers: Sequence[Transfer]) -> None:
        """Take transfers whose blocks are gone out of the list."""
        ...

    def transfers(
        self, payment_id: str, *, before: str | None = None, limit: int = 20
    ) -> tuple[list[Transfer], str | None]:
        """Return a payment's transfers, newest first, and the position after the page, None at the end."""
        ...

    def unmatched(self, merchant_id: str, cursor: str | None, limit: int) -> tuple[list[Payment], str | None]:
        """Return a merchant's payments to which unmatched money came, by id, and the cursor of the next page.

        Some may have none left. Raises `InvalidField` for a cursor that the list did not give out.
        """
        ...

    def remembered(self, merchant_id: str, route: str, key: str) -> Remembered | None:
        """Return what an idempotency key answered first, read consistently."""
        ...

    def audit(self, payment_id: str) -> list[AuditRecord]:
        """Return a payment's audit chain, oldest first."""
        ...

    def events_of(self, payment_id: str) -> list[str]:
        """Return the ULIDs of a payment's events, oldest first, as its audit chain names them."""
        ...

    def heads(self, payment_ids: Sequence[str]) -> dict[str, tuple[int, str]]:
        """Return the version and audit head of payments, read consistently."""
        ...
