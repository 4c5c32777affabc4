"""What the services need of the world, as Protocols; adapters implement them and know nothing of each other."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ctrip.domain.access import ApiKey, Gate, Merchant, Round, Tip
from ctrip.domain.admins import Admin, Session
from ctrip.domain.assets import Asset
from ctrip.domain.audit import AuditRecord
from ctrip.domain.chain import Block, Fees, Holding, Receipt, Signed, Transaction, Transfer
from ctrip.domain.events import Event
from ctrip.domain.ledger import Entry
from ctrip.domain.payment import Payment, Status, Tier
from ctrip.domain.sweep import Intent


class Clock(Protocol):
    """The only source of the time."""

    def now(self) -> int:
        """Return unix milliseconds."""
        ...

    def wait(self, seconds: float) -> None:
        """Let `seconds` pass."""
        ...


class Ids(Protocol):
    """The only source of identifiers."""

    def uuid(self) -> str:
        """Return an unguessable id (UUID)."""
        ...

    def ulid(self, now: int) -> str:
        """Return a ULID at `now` (unix milliseconds): sortable, 80 random bits, increasing within a process."""
        ...

    def entropy(self, count: int) -> bytes:
        """Return random bytes, for secrets."""
        ...


class ChainReader(Protocol):
    """One network, read. Each method raises `ChainError` where no endpoint gives a usable answer."""

    def chain_id(self) -> int:
        """Ask the node which network it is."""
        ...

    def head(self) -> Block:
        """Return the newest block."""
        ...

    def tagged(self, tag: str) -> Block | None:
        """Return the newest block that is `safe` or `finalized`; None where the node has none yet."""
        ...

    def decimals(self, tokens: Sequence[str]) -> list[int | None]:
        """Ask contracts for their decimals, in the order given; None where one does not answer."""
        ...

    def second_opinion(self, at: Block, holding: Holding) -> int | None:
        """Ask another endpoint than the first for one balance at exactly that block; None where none can tell."""
        ...

    def endpoints(self) -> list[tuple[str, str]]:
        """Return each endpoint's host and state, for people."""
        ...

    def blocks(self, numbers: Iterable[int]) -> dict[int, Block]:
        """Return the canonical headers at these heights, in one request; heights past the head are left out."""
        ...

    def balances(self, at: Block, wanted: Sequence[Holding]) -> list[int | None]:
        """Return the balances at exactly that block, in the order asked; None is unknown, never zero."""
        ...

    def transfers(self, asset: Asset, address: str, first: int, last: int) -> list[Transfer]:
        """Explain what arrived in blocks `first` to `last`, both included; perhaps incomplete, never false."""
        ...

    def receipt(self, tx_hash: str) -> Receipt | None:
        """Return the receipt of a mined transaction, or None."""
        ...

    def known(self, tx_hash: str) -> bool:
        """Say whether the node holds the transaction, mined or pending."""
        ...


class ChainWriter(Protocol):
    """One network, written to."""

    def nonce(self, address: str) -> int:
        """Return the number of mined transactions of `address`."""
        ...

    def balance(self, holding: Holding) -> int:
        """Return the balance at the newest block."""
        ...

    def fees(self) -> Fees:
        """Return what a transaction costs now."""
        ...

    def layer_fee(self) -> int:
        """Return what a transaction pays, with room, to the layer below, beside its gas; 0 where there is none."""
        ...

    def estimate_gas(self, sender: str, to: str, value: int, data: str) -> int:
        """Return the gas that this call would use."""
        ...

    def broadcast(self, raw: str) -> None:
        """Hand over signed bytes; already known is fine. Raises `BroadcastRejected` where the node refuses."""
        ...


class Chain(ChainReader, ChainWriter, Protocol):
    """One network, read and written."""


class Signer(Protocol):
    """The only holder of private keys, behind a call."""

    def account_xpub(self, account: int) -> str:
        """Return the extended public key of a hardened account; account 0 is the operator's own."""
        ...

    def sign(self, path: str, sender: str, transaction: Transaction, *, recipient_path: str | None = None) -> Signed:
        """Derive `path`, compare its address with `sender`, check the destination, sign.

        From a deposit address only to the treasury; from the gas station only to a deposit address, whose
        `recipient_path` is derived and compared too. Raises `SigningRefused`.
        """
        ...


class Provisioner(Protocol):
    """Gives merchants their accounts; only where the mnemonic is can it be done."""

    def provision(self, merchant_id: str) -> None:
        """Write the extended public key of a merchant's hardened account to the merchant; a second time: nothing."""
        ...


class Jobs(Protocol):
    """Queues and asynchronous calls."""

    def deliver(self, deliveries: Sequence[tuple[str, str, int]], *, delay: int = 0) -> None:
        """Queue webhook jobs (merchant id, event id, attempt), `delay` seconds from now."""
        ...

    def sweep(self, chain: str, asset_key: str) -> None:
        """Queue one sweep job for a chain and asset."""
        ...

    def scan(self, chain: str) -> None:
        """Start a scanner, without waiting for it."""
        ...

    def provision(self) -> None:
        """Have waiting merchants provisioned, without waiting for it."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """How an HTTP receiver answered; `status` is None where it did not, and `error` says why."""

    status: int | None
    error: str | None = None
    retry_after: int | None = None


class Receivers(Protocol):
    """The merchants' webhook endpoints."""

    def post(self, url: str, headers: dict[str, str], body: bytes) -> Reply:
        """Deliver once, within 15 seconds; whatever the receiver does is data, not an exception."""
        ...


class Sealer(Protocol):
    """Envelope for secrets at rest, bound to who they belong to."""

    def seal(self, secret: str, owner: str) -> str:
        """Encrypt."""
        ...

    def open(self, sealed: str, owner: str) -> str:
        """Decrypt; refuses what was sealed for another owner."""
        ...


class Passwords(Protocol):
    """Hashes passwords slowly."""

    def hash(self, password: str) -> str:
        """Hash with a salt of its own."""
        ...

    def verify(self, digest: str | None, password: str) -> bool:
        """Compare; without a digest it takes as long and is false."""
        ...


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says; times are unix seconds."""

    subject: str
    session: str
    token_id: str
    issued_at: int
    expires_at: int


class Tokens(Protocol):
    """Signs and reads access tokens."""

    def issue(self, claims: Claims, *, key_id: str, key: str) -> str:
        """Sign."""
        ...

    def read(self, token: str, keys: Mapping[str, str], now: int) -> Claims | None:
        """Verify at `now` (unix seconds) by the key that the token names; None for whatever is not right."""
        ...


class OneTimeCodes(Protocol):
    """Codes of an authenticator app."""

    def new_secret(self) -> str:
        """Return a new secret."""
        ...

    def uri(self, secret: str, account: str) -> str:
        """Return the address that an app scans."""
        ...

    def step(self, secret: str, code: str, now: int) -> int | None:
        """Return the step of a right code at `now` (unix seconds), None for a wrong one."""
        ...


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

    `before` is None for a creation. `transfers` are rows not stored yet. `intents` are (before, after) pairs,
    before None for a new one. With a `fence`, the transaction fails when a newer scanner has taken the chain.
    """

    before: Payment | None
    after: Payment
    audit: AuditRecord
    event: Event | None = None
    entries: tuple[Entry, ...] = ()
    transfers: tuple[Transfer, ...] = ()
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
        payment or an intent has moved on, `FenceLost`, and `Busy` where conflicts or throttling outlast the retries. A
        write that was our own but whose answer was lost counts as done.
        """
        ...

    def reserve(self, before: Payment, intent: Intent) -> Payment:
        """Put an own transaction of a payment under way: the new intent, and its name as the payment's `pending`.

        No version of the payment: nothing that it tells anybody changes. Any other decision about a payment that knows
        of none under way is stale from now on. Raises `AlreadyExists` ("intent") when the nonce is taken, `Stale` when
        the payment has moved on, and `Busy`.
        """
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

    def watched(
        self, chain: str, tier: Tier, *, raised_after: int = 0, known: Mapping[str, int] | None = None
    ) -> list[Payment]:
        """Return what stands in a tier and was raised after that time; the index lags, the payments do not.

        `known` payments, by id, are left out where they were raised at the time given there.
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
class EventFilter:
    """What a feed asks for: `after` and `position` are ULIDs, the latter a cursor's; times are unix milliseconds."""

    newest_first: bool = True
    after: str | None = None
    type: str | None = None
    created_after: int | None = None
    created_before: int | None = None
    limit: int = 20
    position: str | None = None

    def takes(self, event: Event) -> bool:
        """Whether an event is among what is asked for, wherever the page begins."""
        return (
            event.ulid > (self.after or "")
            and self.type in (None, event.type)
            and (self.created_after is None or event.at >= self.created_after)
            and (self.created_before is None or event.at <= self.created_before)
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

    def unacknowledged(self, before: int) -> list[tuple[str, str]]:
        """Return (merchant id, ulid) of events committed before that time, not acknowledged, oldest first, bounded."""
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

        With `due_index` the next attempt goes on the due index; then the first one strikes the event off the outbox.
        """
        ...

    def due(self, before: int) -> list[tuple[str, str, int, int]]:
        """Return (merchant id, ulid, attempt, when it was due) of what is due by `before`, soonest first, bounded."""
        ...

    def taken(self, ulid: str, attempt: int, due_at: int) -> None:
        """Strike a due attempt off the index; a second time changes nothing."""
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
        """Return the intents of a chain that are not final; the index lags, the intents are read consistently."""
        ...

    def entries(self, owner: str) -> list[Entry]:
        """Return an owner's ledger, oldest first."""
        ...

    def post(self, entry: Entry) -> None:
        """Post an entry; the same id a second time changes nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessChange:
    """What one decision about a merchant and its keys changes, in one transaction; before is None for a new one."""

    merchant: tuple[Merchant | None, Merchant]
    audit: AuditRecord
    key: tuple[ApiKey | None, ApiKey] | None = None
    idempotency: Idempotency | None = None
    answer: str = ""


class AccessStore(Protocol):
    """Merchants, their keys, and gates."""

    def merchant(self, merchant_id: str) -> Merchant | None:
        """Read a merchant."""
        ...

    def merchants(self, after: str, limit: int) -> list[Merchant]:
        """List merchants by id, those after one."""
        ...

    def change(self, change: AccessChange) -> None:
        """Write all of it or nothing.

        Raises `AlreadyExists` ("merchant", "xpub", "account", "key" or "idempotency"), `Stale` where the merchant or
        the key has moved on, and `Busy`. A write of our own whose answer was lost counts as done.
        """
        ...

    def waiting(self) -> list[str]:
        """Return the ids of merchants that the signer has yet to provision, bounded."""
        ...

    def audit(self, subject: str, after: int = 0, limit: int = 100) -> list[AuditRecord]:
        """Return the records of a merchant or an admin after a version, oldest first."""
        ...

    def remembered(self, owner: str, route: str, key: str) -> Remembered | None:
        """Return what an idempotency key answered first, read consistently."""
        ...

    def api_key(self, key_id: str) -> ApiKey | None:
        """Read a key by its id."""
        ...

    def keys_of(self, merchant_id: str) -> list[ApiKey]:
        """Return a merchant's keys by id, revoked ones included."""
        ...

    def used(self, key_id: str, now: int) -> None:
        """Note when a key was used last."""
        ...

    def last_used(self, key_ids: Sequence[str]) -> dict[str, int]:
        """Return when keys were used last; one that never was is left out."""
        ...

    def next_account(self) -> int:
        """Take the next merchant account, from 1; account 0 is the operator's."""
        ...

    def raise_gate(self, chain: str, *, hot_until: int, warm_until: int, now: int) -> bool:
        """Keep a chain open at least until those times; True when it was closed (not hot) at `now`."""
        ...

    def gates(self, chains: Sequence[str]) -> dict[str, Gate]:
        """Read gates in one call, consistently; a chain without one is closed."""
        ...

    def pause(self, chain: str, paused: bool) -> None:
        """Stop or resume a chain."""
        ...

    def round(self, chain: str) -> Round:
        """Return how far the daily round of a chain has come."""
        ...

    def advance_round(self, progress: Round, *, next_daily_at: int | None) -> None:
        """Store how far a daily round has come; with `next_daily_at` it is over until then."""
        ...

    def take_indexes(self, merchant_id: str, curve: str, count: int) -> range:
        """Take a merchant's next address indexes, from 0; one may be skipped, none is given twice."""
        ...

    def indexes(self, merchant_id: str, curve: str) -> int:
        """Return how many address indexes a merchant has been given."""
        ...


class LimitStore(Protocol):
    """Counters beside the decisions: each call is one update of one item, and none waits for another merchant's."""

    def take_tokens(self, merchant_id: str, *, cost: int, depth: int, now: int) -> int | None:
        """Empty a merchant's bucket by `cost`, at most `depth` ahead of `now`; all in microseconds.

        None when it was taken, else the moment at which the bucket is full again.
        """
        ...

    def take_places(self, merchant_id: str, chain: str, *, count: int, most: int, now: int) -> bool:
        """Count `count` more open payments of a merchant on a chain; False where that would be more than `most`."""
        ...

    def count_places(self, chain: str, counts: Mapping[str, int], now: int) -> None:
        """Set the open payments of merchants on a chain to what was counted."""
        ...

    def spend_nonce(self, key_id: str, nonce: str, *, by: str, now: int) -> bool:
        """Use a signed request's nonce up; False where another call than `by` has."""
        ...

    def attempt(self, scope: str, window: int, now: int) -> int:
        """Count one more attempt in a window (its number) of a scope; return how many that makes."""
        ...

    def forgive(self, scope: str, window: int) -> None:
        """Take one attempt back."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminChange:
    """What one decision about an admin changes, in one transaction; before is None for a new one."""

    admin: tuple[Admin | None, Admin]
    audit: AuditRecord
    idempotency: Idempotency | None = None
    answer: str = ""


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key that signs access tokens: `id` is a ULID, `sealed` the secret; unix milliseconds."""

    id: str
    sealed: str
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """One hour's heads of audit chains, as one hash; `previous` is the seal before, `count` the heads."""

    hour: str
    count: int
    root: str
    previous: str
    hash: str


class SealStore(Protocol):
    """The hourly seals, and the heads that each covers."""

    def last(self) -> Seal | None:
        """Return the newest seal."""
        ...

    def seal(self, hour: str) -> Seal | None:
        """Return an hour's seal."""
        ...

    def leaves(self, hour: str) -> list[str]:
        """Return the heads that an hour's seal covers, sorted."""
        ...

    def put(self, seal: Seal, leaves: Sequence[str]) -> None:
        """Store an hour's seal after its heads, once; raises `AlreadyExists` ("seal")."""
        ...


class AdminStore(Protocol):
    """Admins, their sessions, and the keys that sign their tokens."""

    def admin(self, admin_id: str) -> Admin | None:
        """Read an admin, consistently."""
        ...

    def by_email(self, email: str) -> str | None:
        """Return the id of the admin with an e-mail address, in the spelling it is stored in."""
        ...

    def admins(self, after: str, limit: int) -> list[Admin]:
        """List admins by id, those after one."""
        ...

    def change(self, change: AdminChange) -> None:
        """Write all of it or nothing; raises `AlreadyExists` ("admin", "email" or "idempotency"), `Stale`, `Busy`."""
        ...

    def session(self, session_id: str) -> Session | None:
        """Read a session, consistently."""
        ...

    def save_session(self, before: Session | None, after: Session) -> None:
        """Store a session; raises `AlreadyExists` ("session") or `Stale`."""
        ...

    def token_keys(self) -> list[TokenKey]:
        """Return the keys that sign access tokens, newest first, bounded."""
        ...

    def put_token_key(self, key: TokenKey) -> None:
        """Store one more."""
        ...


class Log(Protocol):
    """Structured lines: a name of the thing that happened, and facts; never a secret, an ERROR is an alarm."""

    def info(self, message: str, **facts: object) -> None:
        """Note it."""
        ...

    def warning(self, message: str, **facts: object) -> None:
        """Note what somebody should look at."""
        ...

    def error(self, message: str, **facts: object) -> None:
        """Raise an alarm: the line, and a metric named after it."""
        ...

    def measure(self, chain: str, **figures: float) -> None:
        """Publish figures of one chain as metrics."""
        ...
