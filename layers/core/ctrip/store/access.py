"""Merchants, keys, counters and gates."""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from contextlib import suppress

from pynamodb.expressions.operand import Path

from ctrip.domain.audit import AuditRecord
from ctrip.domain.detection.gates import Gate, Round
from ctrip.domain.errors import Busy
from ctrip.domain.merchants.access import AccountKey, ApiKey, Merchant
from ctrip.ports.idempotency import Remembered
from ctrip.ports.merchants import AccessChange
from ctrip.store import tables
from ctrip.store.changes import ABSENT, perform, read_audit, read_remembered, remember
from ctrip.store.endpoints import endpoint_write
from ctrip.store.engine.codec import decode, encode
from ctrip.store.engine.database import Item, Store, Write, delete, keyed, number, put, read_document, text, update
from ctrip.store.engine.errors import ConditionFailed
from ctrip.store.tables import Key

RACES = 8
PROVISIONED_AT_A_TIME = 25
REVOKED_SECONDS = 90 * 86_400
DAY_MS = 86_400_000

_GATE_NUMBERS = ("hot_until", "warm_until", "daily_at", "opened_at")


class DynamoAccess(Store):
    """The `ports.AccessStore` on DynamoDB."""

    own = "access"

    def merchant(self, merchant_id: str) -> Merchant | None:
        """Read a merchant."""
        item = self._db.get(self._table, tables.merchant_key(merchant_id))
        return decode(Merchant, read_document(item, "doc")) if item else None

    def logo(self, merchant_id: str) -> bytes:
        """Read the picture of a merchant's shop; empty where it has none."""
        item = self._db.get(self._table, tables.logo_key(merchant_id), consistent=False)
        return b64decode(tables.plain(item, "picture")) if item else b""

    def change(self, change: AccessChange) -> None:
        """Write a decision about a merchant, its keys and its endpoints, all of it or nothing."""
        merchant, writes = change.merchant[1], list(self._merchant(*change.merchant))
        if change.key is not None:
            writes += self._key(*change.key, now=merchant.updated_at)
        if change.endpoint is not None:
            writes.append(endpoint_write(self._db.tables.events, *change.endpoint))
        if change.logo is not None:
            picture = text(b64encode(change.logo).decode())
            writes.append(put(self._table, keyed(tables.logo_key(merchant.id), picture=picture)))
        if change.idempotency is not None:
            first = Remembered(change.idempotency.body_hash, answer=change.answer)
            writes.insert(0, remember(self._table, change.idempotency, first, merchant.updated_at))
        perform(self._db, self._table, writes, change.audit)

    def waiting(self, after: str = "") -> list[str]:
        """Return the ids, after one, of merchants that are not ready for their first payment, in order, bounded."""
        condition = Path("pk") == tables.WAITING_PARTITION
        if after:
            condition &= Path("sk") > after
        rows = self._db.query(self._table, condition, limit=PROVISIONED_AT_A_TIME, consistent=True)
        return [tables.key_of(item).sk for item in rows.items]

    def audit(self, subject: str, after: int = 0, limit: int = 100) -> list[AuditRecord]:
        """Return the records of a merchant or an admin after a version, oldest first."""
        return read_audit(self._db, self._table, subject, after, limit)

    def remembered(self, owner: str, route: str, key: str) -> Remembered | None:
        """Return what an idempotency key answered first, read consistently."""
        return read_remembered(self._db, self._table, owner, route, key)

    def api_key(self, key_id: str) -> ApiKey | None:
        """Read a key by its id."""
        item = self._db.get(self._table, tables.api_key_key(key_id))
        return decode(ApiKey, read_document(item, "doc")) if item else None

    def keys_of(self, merchant_id: str) -> list[ApiKey]:
        """Return a merchant's keys by id, revoked ones included."""
        condition = Path("pk") == tables.keys_partition(merchant_id)
        rows = self._db.each(self._table, condition, consistent=True)
        keys = [tables.api_key_key(tables.key_of(item).sk) for item in rows]
        items = self._db.batch(self._table, keys)
        return [decode(ApiKey, read_document(items[key], "doc")) for key in keys if key in items]

    def used(self, key_id: str, now: int) -> None:
        """Note when a key was used last; a note is worth one try."""
        self._db.write(put(self._table, keyed(tables.use_key(key_id), at=number(now))), tries=1)

    def last_used(self, key_ids: Sequence[str]) -> dict[str, int]:
        """Return when keys were used last; one that never was is left out."""
        items = self._db.batch(self._table, [tables.use_key(each) for each in key_ids], consistent=False)
        return {key.pk.removeprefix("USE#"): int(tables.plain(item, "at")) for key, item in items.items()}

    def take_indexes(self, merchant_id: str, curve: str, count: int) -> range:
        """Take a merchant's next address indexes, from 0; one may be skipped, none is given twice."""
        following = self._count(tables.index_key(merchant_id, curve), count)
        return range(following - count, following)

    def raise_index(self, merchant_id: str, curve: str, at_least: int) -> None:
        """Have a merchant's next address index be `at_least` that; a counter that is there or past it stays."""
        # Holds where the counter is new, or behind.
        behind = Path("next").does_not_exist() | (Path("next") < at_least)
        with suppress(ConditionFailed):
            actions = [Path("next").set(at_least)]
            self._db.write(update(self._table, tables.index_key(merchant_id, curve), actions, behind))

    def next_account(self) -> int:
        """Take the next merchant account, from 1; account 0 is the operator's."""
        return self._count(tables.ACCOUNTS_KEY)

    def holder(self, account: int) -> str | None:
        """Return the id of the merchant that has an account, read consistently."""
        item = self._db.get(self._table, tables.account_key(account))
        return tables.plain(item, "merchant") if item else None

    def raise_gate(self, chain: str, *, hot_until: int, warm_until: int, now: int) -> bool:
        """Keep a chain open at least until those times; True when it was closed (not hot) at `now`.

        The first to do so makes the chain's daily round due a day later.
        """
        key = tables.gate_key(chain)
        daily = Path("daily_at").set(Path("daily_at") | (now + DAY_MS))
        actions = [Path("hot_until").set(hot_until), Path("warm_until").set(warm_until), daily]
        # Holds where the gate is new, or neither time would go back and one goes forward: all but a few calls.
        forward = Path("hot_until").does_not_exist() | (
            (Path("hot_until") <= hot_until)
            & (Path("warm_until") <= warm_until)
            & ((Path("hot_until") < hot_until) | (Path("warm_until") < warm_until))
        )
        try:
            old = self._db.write(update(self._table, key, actions, forward), returns="ALL_OLD")
        except ConditionFailed:
            old = self._raise_apart(key, hot_until, warm_until)
        closed = "hot_until" not in old or int(tables.plain(old, "hot_until")) <= now
        if closed and hot_until > now:
            # Apart from the raising, which must not wait for what was read: DynamoDB cannot set by the old value.
            self._db.write(update(self._table, key, [Path("opened_at").set(now)]))
        return closed

    def gates(self, chains: Sequence[str]) -> dict[str, Gate]:
        """Read gates in one call, consistently; a chain without one is closed."""
        items = self._db.batch(self._table, [tables.gate_key(chain) for chain in chains])
        return {chain: _gate(chain, items.get(tables.gate_key(chain), {})) for chain in chains}

    def pause(self, chain: str, paused: bool) -> None:
        """Stop or resume a chain."""
        self._db.write(update(self._table, tables.gate_key(chain), [Path("paused").set(paused)]))

    def merchants(self, after: str, limit: int) -> list[Merchant]:
        """List merchants by id, those after one."""
        condition = Path("pk") == tables.MERCHANTS_PARTITION
        if after:
            condition &= Path("sk") > after
        rows = self._db.query(self._table, condition, limit=limit, consistent=True)
        keys = [tables.merchant_key(tables.key_of(item).sk) for item in rows.items]
        items = self._db.batch(self._table, keys)
        return [decode(Merchant, read_document(items[key], "doc")) for key in keys if key in items]

    def addresses(self, merchant_id: str, curve: str, page: int) -> list[str] | None:
        """Return a full page of a merchant's addresses, by index, if it has been kept."""
        item = self._db.get(self._table, tables.addresses_key(merchant_id, curve, page), consistent=False)
        return tables.plain(item, "addresses").split() if item else None

    def keep_addresses(self, merchant_id: str, curve: str, page: int, addresses: Sequence[str]) -> None:
        """Keep a full page of a merchant's addresses, so that nobody derives them again."""
        item = keyed(tables.addresses_key(merchant_id, curve, page), addresses=text(" ".join(addresses)))
        self._db.write(put(self._table, item))

    def indexes(self, merchant_id: str, curve: str) -> int:
        """Return how many address indexes a merchant has been given."""
        item = self._db.get(self._table, tables.index_key(merchant_id, curve))
        return int(tables.plain(item, "next")) if item else 0

    def round(self, chain: str) -> Round:
        """Return how far the daily round of a chain has come."""
        item = self._db.get(self._table, tables.gate_key(chain))
        if item is None or "round_merchant" not in item:
            return Round(chain=chain)
        merchant, index = tables.plain(item, "round_merchant"), int(tables.plain(item, "round_index"))
        return Round(chain=chain, merchant_id=merchant, index=index)

    def advance_round(self, progress: Round, *, next_daily_at: int | None) -> None:
        """Store how far a daily round has come; with `next_daily_at` it is over until then."""
        actions = [Path("round_merchant").set(progress.merchant_id), Path("round_index").set(progress.index)]
        if next_daily_at is not None:
            actions.append(Path("daily_at").set(next_daily_at))
        self._db.write(update(self._table, tables.gate_key(progress.chain), actions))

    def _merchant(self, before: Merchant | None, after: Merchant) -> list[Write]:
        item = keyed(tables.merchant_key(after.id), version=number(after.version), doc=text(encode(after)))
        if before is None:
            # Holds where the id is new.
            writes = [put(self._table, item, ABSENT, name="merchant")]
            writes.append(put(self._table, keyed(tables.merchant_pointer_key(after.id))))
        else:
            # Holds while the merchant is as it was when the decision was made.
            writes = [put(self._table, item, Path("version") == before.version, name="stale merchant")]
        if after.provisioning and (before is None or not before.provisioning):
            writes.append(put(self._table, keyed(tables.waiting_key(after.id))))
        elif not after.provisioning and before is not None and before.provisioning:
            writes.append(delete(self._table, tables.waiting_key(after.id)))
        if after.xpub and (before is None or before.xpub != after.xpub):
            writes += self._claimed(after)
        if after.key_signature and (before is None or before.key_signature != after.key_signature):
            key = tables.signature_key(after.id, after.key_version)
            # Holds where this version was never signed: a row that lost its signature gets no second one.
            writes.append(put(self._table, keyed(key), ABSENT, name="signature"))
        for brought in after.more_keys if after.own_keys else ():
            writes += self._brought(after, before.key_on(brought.curve) if before else None, brought)
        return writes

    def _brought(self, merchant: Merchant, before: AccountKey | None, after: AccountKey) -> list[Write]:
        """Keep a key of another curve, which a merchant has brought, from other merchants, and sign it once."""
        writes, owner = [], {"merchant": {"S": merchant.id}}
        if before is None or before.xpub != after.xpub:
            writes.append(put(self._table, keyed(tables.xpub_key(after.xpub), **owner), ABSENT, name="xpub"))
        if after.signature and (before is None or before.signature != after.signature):
            key = tables.signature_key(merchant.id, after.version, after.curve)
            writes.append(put(self._table, keyed(key), ABSENT, name="signature"))
        return writes

    def _claimed(self, merchant: Merchant) -> list[Write]:
        owner = {"merchant": {"S": merchant.id}}
        # Holds where no other merchant receives at addresses of this key, its own or one of ours.
        unique = put(self._table, keyed(tables.xpub_key(merchant.xpub), **owner), ABSENT, name="xpub")
        if merchant.own_keys:
            return [unique]
        return [
            unique,
            # Holds where no other merchant has the account.
            put(self._table, keyed(tables.account_key(merchant.account), **owner), ABSENT, name="account"),
        ]

    def _key(self, before: ApiKey | None, after: ApiKey, *, now: int) -> list[Write]:
        item = keyed(tables.api_key_key(after.id), version=number(after.version), doc=text(encode(after)))
        pointer = keyed(Key(tables.keys_partition(after.merchant_id), after.id))
        if before is None:
            # Holds where the id is new.
            return [put(self._table, item, ABSENT, name="key"), put(self._table, pointer)]
        # Holds while the key is as it was when the decision was made.
        writes = [put(self._table, item, Path("version") == before.version, name="stale key")]
        if not after.enabled:
            # A revoked key leaves its merchant's list after a while; the audit trail keeps it.
            writes.append(put(self._table, pointer | {"ttl": number(now // 1000 + REVOKED_SECONDS)}))
        return writes

    def _raise_apart(self, key: Key, hot_until: int, warm_until: int) -> Item:
        """Raise each time to the later one: DynamoDB has no maximum, so the old values are read and held to."""
        for _ in range(RACES):
            old = self._db.get(self._table, key) or {}
            hot, warm = (int(tables.plain(old, name)) for name in ("hot_until", "warm_until"))
            if hot >= hot_until and warm >= warm_until:
                return old
            actions = [Path("hot_until").set(max(hot, hot_until)), Path("warm_until").set(max(warm, warm_until))]
            try:
                # Holds while nobody else has raised the gate since.
                return self._db.write(
                    update(self._table, key, actions, (Path("hot_until") == hot) & (Path("warm_until") == warm)),
                    returns="ALL_OLD",
                )
            except ConditionFailed:
                continue
        raise Busy

    def _count(self, key: Key, by: int = 1) -> int:
        return int(
            tables.plain(
                self._db.write(update(self._table, key, [Path("next").add(by)]), returns="UPDATED_NEW"), "next"
            )
        )


def _gate(chain: str, item: Item) -> Gate:
    numbers = {name: int(tables.plain(item, name)) for name in _GATE_NUMBERS if name in item}
    return Gate(chain=chain, paused="paused" in item and item["paused"]["BOOL"], **numbers)
