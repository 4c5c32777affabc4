"""Payouts, as the services keep them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from ctrip.domain.ledger.entries import Entry
from ctrip.domain.settlement.payout import Payout, PayoutKind
from ctrip.domain.settlement.reservation import Refunded, Reservation, SettlementAddress
from ctrip.domain.settlement.schedule import Schedule
from ctrip.domain.sweeping.sweep import OutgoingTransaction
from ctrip.domain.webhooks.events import Event
from ctrip.ports.gates import Fence
from ctrip.ports.idempotency import Idempotency, Remembered

# Is told the key of an item that cannot be read, and why; the item is left out of the list.
Broken: TypeAlias = Callable[[str, Exception], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutCommit:
    """Everything that one decision about a payout changes, in one transaction; pairs are (before, after)."""

    before: Payout | None
    after: Payout
    event: Event | None = None
    reservation: tuple[Reservation, Reservation] | None = None
    refunded: tuple[Refunded, Refunded] | None = None
    entries: tuple[Entry, ...] = ()
    transaction: tuple[OutgoingTransaction | None, OutgoingTransaction] | None = None
    schedule: tuple[Schedule, Schedule] | None = None
    fence: Fence | None = None
    idempotency: Idempotency | None = None
    answer: str = ""
    sent_by: str = ""  # the hash of a transaction of others' that completes this payout, and no other


@dataclass(frozen=True, slots=True)
class PayoutPage:
    """A page of payouts, newest first."""

    payouts: tuple[Payout, ...]
    cursor: str | None


class PayoutStore(Protocol):
    """Payouts and everything that changes with them."""

    def commit(self, commit: PayoutCommit) -> None:
        """Write all of it or nothing.

        Raises `AlreadyExists` ("idempotency", "id", "schedule", "sent by", "transaction" or "entry"), `Stale` when the
        payout, the reservation, the refunds of its payment or the transaction has moved on, `FenceLost` and `Busy`.
        """
        ...

    def commit_all(self, commits: Sequence[PayoutCommit]) -> None:
        """Write all of several decisions, as one transaction takes a hundred items; raises as `commit` does."""
        ...

    def payout(self, merchant_id: str, payout_id: str) -> Payout | None:
        """Read a payout, consistently."""
        ...

    def page(self, merchant_id: str, kind: PayoutKind, cursor: str | None, limit: int) -> PayoutPage:
        """List a merchant's payouts of a kind, newest first; raises `InvalidField` for a foreign cursor."""
        ...

    def of_payment(self, payment_id: str) -> list[Payout]:
        """Return the refunds of a payment, newest first."""
        ...

    def claimable(self, digest: str) -> Payout | None:
        """Read the refund whose recipient's address the secret of a digest may name, consistently."""
        ...

    def unfinished(self, broken: Broken | None = None) -> list[Payout]:
        """Return the payouts that the worker must look after, oldest first; the index lags, they do not."""
        ...

    def instructions(self, broken: Broken | None = None) -> list[Payout]:
        """Return the payouts that wait for a transfer which nobody has named yet, oldest first; the index lags."""
        ...

    def reservation(self, merchant_id: str, chain: str, asset: str) -> Reservation:
        """Read what is asked for and not booked yet, consistently."""
        ...

    def reservations(self, merchant_id: str) -> list[Reservation]:
        """Read what a merchant has asked for of each asset and is not booked yet, consistently."""
        ...

    def refunded(self, payment_id: str, chain: str, asset: str) -> Refunded:
        """Read what was refunded of an asset that came for a payment, consistently."""
        ...

    def settlement_address(self, merchant_id: str, chain: str) -> SettlementAddress | None:
        """Read where a merchant's settlements go, consistently."""
        ...

    def keep_settlement_address(
        self, before: SettlementAddress | None, after: SettlementAddress, event: Event | None = None
    ) -> None:
        """Store where a merchant's settlements go; raises `Stale` when it has moved on."""
        ...

    def unvouched(self, broken: Broken | None = None) -> list[SettlementAddress]:
        """Return the settlement addresses that the signer does not know of yet; the index lags, they do not."""
        ...

    def schedule(self, merchant_id: str, chain: str, asset: str) -> Schedule | None:
        """Read when settlements of an asset are asked for, consistently."""
        ...

    def schedules(self, merchant_id: str) -> list[Schedule]:
        """Return a merchant's schedules, by chain and asset."""
        ...

    def due_schedules(self, now: int, broken: Broken | None = None) -> list[Schedule]:
        """Return the schedules that go by the calendar alone and may be due; the index lags, they do not."""
        ...

    def schedules_by_amount(self, broken: Broken | None = None) -> list[Schedule]:
        """Return the schedules that go by an amount; the index lags, they do not."""
        ...

    def keep_schedule(self, before: Schedule | None, after: Schedule) -> None:
        """Store a schedule; raises `Stale` when it has moved on."""
        ...

    def remembered(self, owner: str, route: str, key: str) -> Remembered | None:
        """Return what an idempotency key answered first, read consistently."""
        ...
