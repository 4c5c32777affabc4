"""Merchants, keys, gates and limits, as the services keep them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ctrip.domain.audit import AuditRecord
from ctrip.domain.detection.gates import Gate, Round
from ctrip.domain.merchants.access import ApiKey, Merchant
from ctrip.domain.webhooks.endpoint import Endpoint
from ctrip.ports.idempotency import Idempotency, Remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessChange:
    """What one decision about a merchant, its keys and its endpoints changes, in one transaction.

    Before is None for a new one, after for an endpoint that is deleted. `logo` is the merchant's new picture, empty
    where it has none any more; None leaves the one that is there.
    """

    merchant: tuple[Merchant | None, Merchant]
    audit: AuditRecord
    key: tuple[ApiKey | None, ApiKey] | None = None
    endpoint: tuple[Endpoint | None, Endpoint | None] | None = None
    idempotency: Idempotency | None = None
    answer: str = ""
    logo: bytes | None = None


class AccessStore(Protocol):
    """Merchants, their keys, and gates."""

    def merchant(self, merchant_id: str) -> Merchant | None:
        """Read a merchant."""
        ...

    def merchants(self, after: str, limit: int) -> list[Merchant]:
        """List merchants by id, those after one."""
        ...

    def logo(self, merchant_id: str) -> bytes:
        """Read the picture of a merchant's shop, which may lag a second; empty where it has none."""
        ...

    def change(self, change: AccessChange) -> None:
        """Write all of it or nothing.

        Raises `AlreadyExists` ("merchant", "xpub", "account", "signature", "key", "endpoint" or "idempotency"), `Stale`
        where the merchant, the key or the endpoint has moved on, and `Busy`. A write of our own whose answer was lost
        counts as done.
        """
        ...

    def waiting(self, after: str = "") -> list[str]:
        """Return the ids, after one, of merchants that are not ready for their first payment, in order, bounded."""
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

    def holder(self, account: int) -> str | None:
        """Return the id of the merchant that has an account, read consistently."""
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

    def addresses(self, merchant_id: str, curve: str, page: int) -> list[str] | None:
        """Return a full page of a merchant's addresses, by index, if it has been kept."""
        ...

    def keep_addresses(self, merchant_id: str, curve: str, page: int, addresses: Sequence[str]) -> None:
        """Keep a full page of a merchant's addresses, so that nobody derives them again."""
        ...

    def raise_index(self, merchant_id: str, curve: str, at_least: int) -> None:
        """Have a merchant's next address index be `at_least` that; a counter that is there or past it stays."""
        ...

    def indexes(self, merchant_id: str, curve: str) -> int:
        """Return how many address indexes a merchant has been given."""
        ...


WATCHED_FOR_EACH = 50  # payments that may be watched after their end, for each that may be open


class LimitStore(Protocol):
    """Counters beside the decisions: each call is one update of one item, and none waits for another merchant's."""

    def take_tokens(self, merchant_id: str, *, cost: int, depth: int, now: int) -> int | None:
        """Empty a merchant's bucket by `cost`, at most `depth` ahead of `now`; all in microseconds.

        None when it was taken, else the moment at which the bucket is full again.
        """
        ...

    def take_places(self, merchant_id: str, chain: str, *, count: int, most: int, now: int) -> bool:
        """Count `count` more open payments of a merchant on a chain; False where that would be more than `most`.

        False too where `WATCHED_FOR_EACH` times as many are watched after their end.
        """
        ...

    def count_places(self, chain: str, counts: Mapping[str, int], now: int) -> None:
        """Set the open payments of merchants on a chain to what was counted."""
        ...

    def count_watched(self, chain: str, counts: Mapping[str, int]) -> None:
        """Set how many payments of merchants on a chain are watched after their end to what was counted."""
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
