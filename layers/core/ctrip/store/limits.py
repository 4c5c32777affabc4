"""Counters beside the decisions: token buckets, open payments, nonces, login attempts; each one update of one item."""

from collections.abc import Mapping

from pynamodb.expressions.operand import Path

from ctrip.domain.merchants.signing import SKEW_SECONDS
from ctrip.ports.merchants import WATCHED_FOR_EACH
from ctrip.store import tables
from ctrip.store.changes import ABSENT
from ctrip.store.engine.database import Store, keyed, number, put, text, update
from ctrip.store.engine.errors import ConditionFailed

STALE_MS = 900_000  # a count that no scanner has set for this long says nothing any more
RACES = 3
# A nonce is remembered for as long as its timestamp may be accepted, on both sides, and a little longer.
NONCE_SECONDS = 2 * SKEW_SECONDS + 60
ATTEMPT_SECONDS = 86_400


class DynamoLimits(Store):
    """The `ports.LimitStore` on DynamoDB."""

    own = "access"

    def take_tokens(self, merchant_id: str, *, cost: int, depth: int, now: int) -> int | None:
        """Empty a merchant's bucket by `cost`; None when it was taken, else when the bucket is full again."""
        key, full = tables.bucket_key(merchant_id), Path("full_at")
        for _ in range(RACES):
            try:
                # Holds where the bucket is full, or new: what most merchants find theirs, most of the time.
                self._db.write(update(self._table, key, [full.set(now + cost)], ABSENT | (full <= now)))
                return None
            except ConditionFailed:
                pass
            try:
                # Holds where something was taken lately, and enough is left.
                used = (full > now) & (full <= now + depth - cost)
                self._db.write(update(self._table, key, [full.add(cost)], used))
                return None
            except ConditionFailed:
                item = self._db.get(self._table, key)
            full_at = int(tables.plain(item, "full_at")) if item else 0
            if full_at > now + depth - cost:
                return full_at
        return now + depth

    def take_places(self, merchant_id: str, chain: str, *, count: int, most: int, now: int) -> bool:
        """Count `count` more open payments; False where that would be more than `most`."""
        key, held, at = tables.places_key(merchant_id, chain), Path("open"), Path("at")
        try:
            # Holds where there is room, among the open ones and among those that are watched after their end.
            watched = Path("watched")
            few = watched.does_not_exist() | (watched <= most * WATCHED_FOR_EACH)
            room = (held <= most - count) & (at > now - STALE_MS) & few
            self._db.write(update(self._table, key, [held.add(count)], room))
        except ConditionFailed:
            try:
                # Holds where nobody has counted for long, or ever.
                fresh = [held.set(count), at.set(now)]
                self._db.write(update(self._table, key, fresh, ABSENT | ((at <= now - STALE_MS) & few)))
            except ConditionFailed:
                return False
        return True

    def count_places(self, chain: str, counts: Mapping[str, int], now: int) -> None:
        """Set the open payments of merchants on a chain to what was counted."""
        for merchant_id, count in counts.items():
            actions = [Path("open").set(count), Path("at").set(now)]
            self._db.write(update(self._table, tables.places_key(merchant_id, chain), actions))

    def count_watched(self, chain: str, counts: Mapping[str, int]) -> None:
        """Set how many payments of merchants on a chain are watched after their end to what was counted."""
        for merchant_id, count in counts.items():
            actions = [Path("watched").set(count)]
            self._db.write(update(self._table, tables.places_key(merchant_id, chain), actions))

    def spend_nonce(self, key_id: str, nonce: str, *, by: str, now: int) -> bool:
        """Use a signed request's nonce up; False where another call than `by` has."""
        key = tables.nonce_key(key_id, nonce)
        item = keyed(key, by=text(by), ttl=number(now // 1000 + NONCE_SECONDS))
        # Holds where the nonce is new, or so old that only DynamoDB's sweeper has not come yet.
        fresh = ABSENT | (Path("ttl") < now // 1000)
        try:
            self._db.write(put(self._table, item, fresh), ours=lambda: self._spent_by(key) == by)
        except ConditionFailed:
            return False
        return True

    def attempt(self, scope: str, window: int, now: int) -> int:
        """Count one more attempt in a window of a scope; return how many that makes."""
        actions = [Path("count").add(1), Path("ttl").set(now // 1000 + ATTEMPT_SECONDS)]
        key = tables.attempts_key(scope, window)
        return int(tables.plain(self._db.write(update(self._table, key, actions), returns="UPDATED_NEW"), "count"))

    def forgive(self, scope: str, window: int) -> None:
        """Take one attempt back."""
        self._db.write(update(self._table, tables.attempts_key(scope, window), [Path("count").add(-1)]))

    def _spent_by(self, key: tables.Key) -> str | None:
        item = self._db.get(self._table, key)
        return tables.plain(item, "by") if item else None
