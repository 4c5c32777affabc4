"""What can be asked of the gateway: each function describes one request and how its answer is read; none sends it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Generic, Required, TypedDict, TypeVar
from uuid import uuid4

from ctrip_client.errors import AnswerUnreadable
from ctrip_client.models import (
    Assignment,
    Balance,
    Chain,
    Event,
    IssuedKey,
    Key,
    LedgerEntry,
    Page,
    Payment,
    Record,
    Refund,
    Settlement,
    SettlementDestination,
    SettlementSchedule,
    Token,
    UnmatchedDeposit,
)
from ctrip_client.reading import read
from ctrip_client.signing import encode, encode_query

T = TypeVar("T")
R = TypeVar("R", bound=Record)
PAYMENTS = "/api/v1/payments"
KEYS = "/api/v1/keys"
SETTLEMENTS = "/api/v1/settlements"
DEPOSITS = "/api/v1/deposits"
SCHEDULES = "/api/v1/settlement-schedules"
REFUNDS = "/api/v1/refunds"
DESTINATIONS = "/api/v1/settlement-addresses"


class AskedPrice(TypedDict):
    """A currency (ISO 4217), and an amount of it as decimal text."""

    currency: str
    amount: str


class NewPayment(TypedDict, total=False):
    """What a payment is created with: an amount or a `price`, and `asset` (a symbol) or `token_id`.

    `amount` is in base units, `amount_decimal` in whole ones. Neither asset nor token: the chain's coin. Without a
    chain the payer chooses, of `assets` where there are any (`SYMBOL` or `chain:SYMBOL`). `expires_in` is 60 to 86,400
    seconds. None counts as absent.
    """

    chain: str | None
    assets: Sequence[str] | None
    price: AskedPrice | None
    amount: int | str | None
    amount_decimal: str | None
    asset: str | None
    token_id: str | None
    order_id: str | None
    metadata: Mapping[str, str] | None
    description: str | None
    expires_in: int | None
    webhook_url: str | None
    success_url: str | None
    cancel_url: str | None


class PaymentFilters(TypedDict, total=False):
    """What a list of payments is narrowed by; `limit` is a page's size, at most 100."""

    status: str | None
    chain: str | None
    order_id: str | None
    created_after: datetime | str | None
    created_before: datetime | str | None
    limit: int | None
    cursor: str | None


class EventFilters(TypedDict, total=False):
    """What a list of events is narrowed by; `order` is asc or desc, `after` the id of the last event that is known."""

    order: str | None
    after: str | None
    type: str | None
    payment_id: str | None
    created_after: datetime | str | None
    created_before: datetime | str | None
    limit: int | None
    cursor: str | None


class EntryFilters(TypedDict, total=False):
    """What a list of ledger entries is narrowed by; `limit` is a page's size, at most 100."""

    created_after: datetime | str | None
    created_before: datetime | str | None
    limit: int | None
    cursor: str | None


class PageFilters(TypedDict, total=False):
    """Which page of a list; `limit` is its size, at most 100."""

    limit: int | None
    cursor: str | None


class PayoutFilters(PageFilters, total=False):
    """Filters of a list of settlements or refunds: `awaiting_transfer` are those that somebody has to send."""

    status: str | None


class NewSettlement(TypedDict, total=False):
    """What is settled: without an amount all that is available, without an asset or a token the chain's coin."""

    chain: Required[str]
    amount: int | str | None
    amount_decimal: str | None
    asset: str | None
    token_id: str | None


class NewSchedule(TypedDict, total=False):
    """When settlements are asked for by themselves: by the calendar (`every`), once `threshold` is free, or both."""

    every: Required[str]
    hour: int | None
    weekday: str | None
    day: int | None
    threshold: int | str | None
    keep: int | str | None
    asset: str | None
    token_id: str | None


class NewRefund(TypedDict, total=False):
    """What is refunded, and to which address: without an amount all that is left, without an asset what was due.

    Without an address the refund has a page on which the payer names it.
    """

    address: str | None
    amount: int | str | None
    amount_decimal: str | None
    chain: str | None
    asset: str | None
    token_id: str | None


class NewDepositRefund(TypedDict, total=False):
    """How much of an unmatched deposit is refunded, and to which address: without an amount, all that is left."""

    address: str | None
    amount: int | str | None
    amount_decimal: str | None


class NewAssignment(TypedDict, total=False):
    """Which payment an unmatched deposit counts for: without an amount, all that is left."""

    payment_id: Required[str]
    amount: int | str | None
    amount_decimal: str | None


class NewKey(TypedDict, total=False):
    """What a key is created with; `allowed_ips` are addresses or networks."""

    name: str | None
    scopes: list[str] | None
    signed_only: bool | None
    allowed_ips: list[str] | None
    expires_at: datetime | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """One request, whatever number of tries it takes; `query` holds decoded pairs, `read` makes sense of the JSON."""

    method: str
    path: str
    read: Callable[[Any], T]
    query: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    idempotency_key: str | None = None

    @property
    def target(self) -> str:
        """Return path and query as they are sent."""
        return f"{self.path}?{encode_query(self.query)}" if self.query else self.path

    def headers(self) -> dict[str, str]:
        """Return the headers that are the same in each try."""
        media = {"Content-Type": "application/json"} if self.body else {}
        return media | ({"Idempotency-Key": self.idempotency_key} if self.idempotency_key else {})


def create_payment(wanted: NewPayment, key: str | None) -> Call[Payment]:
    """Ask for a payment."""
    return _write(PAYMENTS, _one(Payment), wanted, key)


def get_payment(payment_id: str) -> Call[Payment]:
    """Read a payment."""
    return Call(method="GET", path=f"{PAYMENTS}/{_segment(payment_id)}", read=_one(Payment))


def list_payments(filters: PaymentFilters) -> Call[Page[Payment]]:
    """Read a page of payments, newest first."""
    return Call(method="GET", path=PAYMENTS, read=_page(Payment), query=_query(filters))


def cancel_payment(payment_id: str, key: str | None) -> Call[Payment]:
    """Cancel a payment."""
    return _write(f"{PAYMENTS}/{_segment(payment_id)}/cancel", _one(Payment), {}, key)


def accept_payment(payment_id: str, key: str | None) -> Call[Payment]:
    """Accept a late or held payment."""
    return _write(f"{PAYMENTS}/{_segment(payment_id)}/accept", _one(Payment), {}, key)


def list_chains() -> Call[Page[Chain]]:
    """Read what can be paid on."""
    return Call(method="GET", path="/api/v1/chains", read=_page(Chain))


def list_tokens(chain: str | None) -> Call[Page[Token]]:
    """Read what can be paid with."""
    return Call(method="GET", path="/api/v1/tokens", read=_page(Token), query=_query({"chain": chain}))


def list_events(filters: EventFilters) -> Call[Page[Event]]:
    """Read a page of events."""
    return Call(method="GET", path="/api/v1/events", read=_page(Event), query=_query(filters))


def list_keys() -> Call[Page[Key]]:
    """Read a page of keys."""
    return Call(method="GET", path=KEYS, read=_page(Key))


def create_key(wanted: NewKey, key: str | None) -> Call[IssuedKey]:
    """Make a key."""
    return _write(KEYS, _one(IssuedKey), wanted, key)


def rotate_key(key_id: str, key: str | None) -> Call[IssuedKey]:
    """Give a key new secrets."""
    return _write(f"{KEYS}/{_segment(key_id)}/rotate", _one(IssuedKey), {}, key)


def revoke_key(key_id: str, key: str | None) -> Call[None]:
    """End a key."""
    return Call(method="DELETE", path=f"{KEYS}/{_segment(key_id)}", read=_nothing, idempotency_key=_key(key))


def list_balances() -> Call[Page[Balance]]:
    """Read what the merchant has in each asset."""
    return Call(method="GET", path="/api/v1/balances", read=_page(Balance))


def list_entries(filters: EntryFilters) -> Call[Page[LedgerEntry]]:
    """Read a page of ledger entries, newest first."""
    return Call(method="GET", path="/api/v1/ledger", read=_page(LedgerEntry), query=_query(filters))


def create_settlement(wanted: NewSettlement, key: str | None) -> Call[Settlement]:
    """Ask for a settlement."""
    return _write(SETTLEMENTS, _one(Settlement), wanted, key)


def get_settlement(settlement_id: str) -> Call[Settlement]:
    """Read a settlement."""
    return Call(method="GET", path=f"{SETTLEMENTS}/{_segment(settlement_id)}", read=_one(Settlement))


def list_settlements(filters: PayoutFilters) -> Call[Page[Settlement]]:
    """Read a page of settlements, newest first."""
    return Call(method="GET", path=SETTLEMENTS, read=_page(Settlement), query=_query(filters))


def cancel_settlement(settlement_id: str, key: str | None) -> Call[Settlement]:
    """Cancel a settlement."""
    return _write(f"{SETTLEMENTS}/{_segment(settlement_id)}/cancel", _one(Settlement), {}, key)


def get_destination(chain: str) -> Call[SettlementDestination]:
    """Read where settlements of a chain go."""
    return Call(method="GET", path=f"{DESTINATIONS}/{_segment(chain)}", read=_one(SettlementDestination))


def set_destination(chain: str, address: str, key: str | None) -> Call[SettlementDestination]:
    """Set where settlements of a chain go."""
    call = _write(f"{DESTINATIONS}/{_segment(chain)}", _one(SettlementDestination), {"address": address}, key)
    return replace(call, method="PUT")


def list_schedules() -> Call[Page[SettlementSchedule]]:
    """Read when settlements are asked for by themselves."""
    return Call(method="GET", path=SCHEDULES, read=_page(SettlementSchedule))


def set_schedule(chain: str, wanted: NewSchedule, key: str | None) -> Call[SettlementSchedule]:
    """Set when settlements of an asset are asked for by themselves."""
    call = _write(f"{SCHEDULES}/{_segment(chain)}", _one(SettlementSchedule), wanted, key)
    return replace(call, method="PUT")


def create_refund(payment_id: str, wanted: NewRefund, key: str | None) -> Call[Refund]:
    """Ask for a refund."""
    return _write(f"{PAYMENTS}/{_segment(payment_id)}/refunds", _one(Refund), wanted, key)


def list_unmatched(filters: PageFilters) -> Call[Page[UnmatchedDeposit]]:
    """Read a page of unmatched deposits."""
    return Call(method="GET", path=f"{DEPOSITS}/unmatched", read=_page(UnmatchedDeposit), query=_query(filters))


def refund_deposit(deposit_id: str, wanted: NewDepositRefund, key: str | None) -> Call[Refund]:
    """Ask for a refund of an unmatched deposit."""
    return _write(f"{DEPOSITS}/unmatched/{_segment(deposit_id)}/refund", _one(Refund), wanted, key)


def assign_deposit(deposit_id: str, wanted: NewAssignment, key: str | None) -> Call[Assignment]:
    """Ask that an unmatched deposit counts for a payment."""
    return _write(f"{DEPOSITS}/unmatched/{_segment(deposit_id)}/assign", _one(Assignment), wanted, key)


def list_assignments(filters: PageFilters) -> Call[Page[Assignment]]:
    """Read a page of assignments, newest first."""
    return Call(method="GET", path=f"{DEPOSITS}/assignments", read=_page(Assignment), query=_query(filters))


def list_refunds(payment_id: str) -> Call[Page[Refund]]:
    """Read a payment's refunds, newest first."""
    return Call(method="GET", path=f"{PAYMENTS}/{_segment(payment_id)}/refunds", read=_page(Refund))


def cancel_refund(payment_id: str, refund_id: str, key: str | None) -> Call[Refund]:
    """Cancel a refund."""
    path = f"{PAYMENTS}/{_segment(payment_id)}/refunds/{_segment(refund_id)}/cancel"
    return _write(path, _one(Refund), {}, key)


def list_every_refund(filters: PayoutFilters) -> Call[Page[Refund]]:
    """Read a page of the refunds of all payments, newest first."""
    return Call(method="GET", path=REFUNDS, read=_page(Refund), query=_query(filters))


def get_refund(refund_id: str) -> Call[Refund]:
    """Read a refund."""
    return Call(method="GET", path=f"{REFUNDS}/{_segment(refund_id)}", read=_one(Refund))


def complete_refund(refund_id: str, tx_hash: str, key: str | None) -> Call[Refund]:
    """Name the transaction that has sent a refund."""
    return _write(f"{REFUNDS}/{_segment(refund_id)}/complete", _one(Refund), {"tx_hash": tx_hash}, key)


def following(call: Call[Page[T]], page: Page[T]) -> Call[Page[T]] | None:
    """Return the call for the next page, None after the last."""
    if page.next_cursor is None:
        return None
    others = tuple(pair for pair in call.query if pair[0] != "cursor")
    return replace(call, query=(*others, ("cursor", page.next_cursor)))


def visible(name: str, text: str) -> str:
    """Return text that can stand in a header; raises ValueError for any other."""
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        raise ValueError(f"{name} must be visible ASCII characters")
    return text


def _write(path: str, reader: Callable[[Any], T], body: Mapping[str, Any], key: str | None) -> Call[T]:
    return Call(method="POST", path=path, read=reader, body=_json(body), idempotency_key=_key(key))


def _key(given: str | None) -> str:
    return str(uuid4()) if given is None else visible("idempotency_key", given)


def _json(body: Mapping[str, Any]) -> bytes:
    present = {name: value for name, value in body.items() if value is not None}
    return json.dumps(present, separators=(",", ":"), allow_nan=False, default=_time).encode()


def _query(filters: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((name, _text(value)) for name, value in filters.items() if value is not None)


def _text(value: Any) -> str:
    return _time(value) if isinstance(value, datetime) else str(value)


def _time(value: Any) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} cannot be sent as JSON")
    if value.tzinfo is None:
        raise ValueError("a time needs its time zone")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _segment(text: str) -> str:
    # An empty id would name the whole list, and dots would climb out of it.
    if text in ("", ".", ".."):
        raise ValueError("an id is missing")
    return encode(text)


def _one(kind: type[R]) -> Callable[[Any], R]:
    return lambda body: read(kind, body)


def _page(kind: type[R]) -> Callable[[Any], Page[R]]:
    return lambda body: _read_page(kind, body)


def _read_page(kind: type[R], body: Any) -> Page[R]:
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, list):
        raise AnswerUnreadable("the list has no data")
    return Page(tuple(read(kind, item) for item in data), body.get("next_cursor"))


def _nothing(_: Any) -> None:
    return None
