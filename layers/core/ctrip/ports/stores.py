"""Payments, events and money, as the services keep them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ctrip.domain.audit import AuditRecord
from ctrip.domain.chains.chain import Transfer
from ctrip.domain.detection.watch import Watch
from ctrip.domain.ledger import Entry
from ctrip.domain.merchants.access import Tip
from ctrip.domain.payments.payment import Payment, Status, Tier
from ctrip.domain.sweeping.sweep import Intent, Setback
from ctrip.domain.webhooks.events import Event


@dataclass(frozen=True, slots=True)
class Fence:
    """A scanner's claim on a chain; every write of its carries it."""

    chain: str
    number: int


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A caller's idempotency key, its route, and the hash of the body that came with it; `owner` is the merchant."""

    owner: str
    route: str
    key: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class Remembered:
    """What an idempotency key answered first: the event that it made holds the body, or `answer` is it, as JSON."""

    body_hash: str
    payment_id: str = ""
    event_ulid: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """Everything one decision changes, in one transaction.

    `before` is None for a creation. `intents` are (before, after) pairs, before None for a new one. With a `fence`, the
    transaction fails when a newer scanner has taken the chain; with `holds_order`, when another payment has the order.
    """

    before: Payment | None
    after: Payment
    audit: AuditRecord
    event: Event | None = None
    entries: tuple[Entry, ...] = ()
    holds_order: bool = False
    intents: tuple[tuple[Intent | None, Intent], ...] = ()
    fence: Fence | None = None
    idempotency: Idempotency | None = None
    answer: str = ""  # what the idempotency key is to give again, where no event holds it


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
        """Write all of it or nothing.

        Raises `AlreadyExists` ("id", "address", "order", "idempotency", "intent" or "entry"), `Stale` when the
        payment, its order or an intent has moved on, `FenceLost`, and `Busy` where conflicts or throttling outlast the
        retries. A write that was our own but whose answer was lost counts as done.
        """
        ...

    def reserve(self, before: Payment, intent: Intent) -> Payment:
        """Put an own transaction of a payment under way: the new intent, and its name as the payment's `pending`.

        No version of the payment: nothing that it tells anybody changes. Any other decision about a payment that knows
        of none under way is stale from now on. Raises `AlreadyExists` ("intent") when the nonce is taken, `Stale` when
        the payment has moved on, and `Busy`.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One attempt to deliver one event; `status_code` is None where no answer came."""

    event_ulid: str
    attempt: int
    at: int
    latency_ms: int
    status_code: int | None
    error: str | None
    next_attempt_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An attempt whose time has come (`at`), and how many times it has been left to a worker already."""

    merchant_id: str
    ulid: str
    attempt: int
    at: int
    leases: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """What a feed asks for: `after` and `position` are ULIDs, the latter a cursor's; times are unix milliseconds.

    Nothing from `until` on is shown: what is younger may yet be preceded by what commits more slowly.
    """

    newest_first: bool = True
    after: str | None = None
    type: str | None = None
    created_after: int | None = None
    created_before: int | None = None
    until: int | None = None
    limit: int = 20
    position: str | None = None

    def takes(self, event: Event) -> bool:
        """Whether an event is among what is asked for, wherever the page begins."""
        return (
            event.ulid > (self.after or "")
            and self.type in (None, event.type)
            and (self.created_after is None or event.at >= self.created_after)
            and (self.created_before is None or event.at <= self.created_before)
            and (self.until is None or event.at < self.until)
        )


@dataclass(frozen=True, slots=True)
class EventPage:
    """A page of events; it may be short while `position` is set."""

    events: tuple[Event, ...]
    position: str | None


class EventStore(Protocol):
    """Events, what is still to be told of them, and how telling went."""

    def page(self, merchant_id: str, wanted: EventFilter) -> EventPage:
        """List a merchant's events; reads at most five pages, then answers short."""
        ...

    def payments_between(self, merchant_id: str, first: int, last: int) -> set[str]:
        """Return the ids of payments of which something was told from `first` up to before `last` (milliseconds)."""
        ...

    def named(self, merchant_id: str, ulids: Sequence[str]) -> list[Event]:
        """Return the events of these ULIDs that are still kept, in that order."""
        ...

    def event(self, merchant_id: str, ulid: str) -> Event | None:
        """Read an event, consistently."""
        ...

    def unacknowledged(self, before: int) -> list[tuple[str, str, int]]:
        """Return merchant id, ulid and time of events committed before that time and not acknowledged, oldest first."""
        ...

    def acknowledge(self, event: Event) -> None:
        """Keep an event that is told to nobody, and strike it off the outbox; a second time changes nothing."""
        ...

    def attempted(self, merchant_id: str, ulid: str, attempt: int) -> Delivery | None:
        """Return the record of an attempt; one of this moment may be missing yet."""
        ...

    def record(self, event: Event, delivery: Delivery, *, due_index: bool) -> None:
        """Store an attempt, once, and then do what follows from it; the one whose record stands already does nothing.

        A crash in between leaves the record without what follows: whoever repeats the attempt finds it, and finishes.
        """
        ...

    def finish(self, merchant_id: str, delivery: Delivery, *, due_index: bool) -> None:
        """Do what follows from an attempt that is on record; a second time changes nothing.

        With `due_index` the next attempt goes on the due index; then the first one strikes the event off the outbox,
        and a later one its own row off the due index.
        """
        ...

    def due(self, before: int) -> list["Due"]:
        """Return the attempts that are due by `before` and leased to nobody then, soonest first, bounded."""
        ...

    def lease(self, due: "Due", until: int) -> bool:
        """Leave a due attempt to a worker until that time; False where its outcome has been recorded meanwhile."""
        ...


class MoneyStore(Protocol):
    """Intents, ledger and scanner fences."""

    def take(self, chain: str) -> Fence:
        """Take a chain: increment its fence unconditionally."""
        ...

    def beat(self, tip: Tip) -> None:
        """Store how far the scanner has come; raises `FenceLost`."""
        ...

    def tips(self, chains: Sequence[str]) -> dict[str, Tip]:
        """Read the tips of chains in one call."""
        ...

    def note_sweeping(self, chain: str, to: str, refused: str) -> None:
        """Note beside a chain's tip the treasury that was checked, and why nothing is swept there; empty: it is."""
        ...

    def write_intent(self, before: Intent | None, after: Intent) -> None:
        """Store an intent; raises `AlreadyExists` ("intent") when its nonce is taken, `Stale` when it moved on."""
        ...

    def intent(self, chain: str, sender: str, nonce: int) -> Intent | None:
        """Read an intent, consistently."""
        ...

    def intents_of(self, chain: str, sender: str) -> list[Intent]:
        """Return every intent of a sender on a chain, by nonce; for deposit addresses, which have few."""
        ...

    def last_intent(self, chain: str, sender: str) -> Intent | None:
        """Return the intent of the highest nonce of a sender, read consistently."""
        ...

    def unfinished(self, chain: str) -> list[Intent]:
        """Return the intents of a chain that have not ended; the index lags, the intents are read consistently.

        One that cannot be decoded has the state `unreadable`, and nothing but its chain, sender and nonce.
        """
        ...

    def settle(self, before: Intent, after: Intent, entries: Sequence[Entry], fence: Fence) -> None:
        """Store an intent and what it posts, all or nothing, while no newer scanner has taken the chain.

        Raises `FenceLost`, `Stale` when the intent has moved on, `AlreadyExists` ("entry"), and `Busy`.
        """
        ...

    def setbacks(self, chain: str) -> dict[str, Setback]:
        """Return by payment why sweeps of a chain are not tried before some time, read consistently."""
        ...

    def set_back(self, chain: str, payment_id: str, setback: Setback) -> None:
        """Keep why, and until when, a payment's sweep is not tried; the newest stands."""
        ...

    def entries(self, owner: str) -> list[Entry]:
        """Return an owner's ledger, oldest first."""
        ...
