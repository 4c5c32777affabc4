"""The signer's own memory, in the table of who may do what: no other function may write these rows."""

from pynamodb.expressions.operand import Path

from ctrip.domain.errors import Busy, Stale
from ctrip.domain.settlement.reservation import SettlementAddress
from ctrip.store import tables
from ctrip.store.changes import ABSENT
from ctrip.store.engine.codec import decode, encode
from ctrip.store.engine.database import Store, keyed, number, put, read_document, text
from ctrip.store.engine.errors import ConditionFailed

TRIES = 8
_VERSION = frozenset({"version"})


class DynamoSignerBook(Store):
    """The `ports.SignerBook` on DynamoDB."""

    own = "access"

    def vouched(self, merchant_id: str, chain: str) -> SettlementAddress | None:
        """Return where a merchant's settlements go, as the signer has taken it over."""
        item = self._db.get(self._table, tables.vouched_key(merchant_id, chain))
        if item is None:
            return None
        return decode(SettlementAddress, read_document(item, "doc"), version=int(tables.plain(item, "version")))

    def keep_vouched(self, before: SettlementAddress | None, after: SettlementAddress) -> None:
        """Store it."""
        key = tables.vouched_key(after.merchant_id, after.chain)
        item = keyed(key, version=number(after.version), doc=text(encode(after, without=_VERSION)))
        # Holds while it is as it was read.
        unmoved = ABSENT if before is None else Path("version") == before.version
        try:
            self._db.write(
                put(self._table, item, unmoved), ours=lambda: self.vouched(after.merchant_id, after.chain) == after
            )
        except ConditionFailed as exc:
            raise Stale("the settlement address has moved on") from exc

    def signed(self, payout_id: str, slot: str) -> int | None:
        """Return what was counted for a payout in a slot."""
        item = self._db.get(self._table, tables.spent_once_key(payout_id, slot))
        return None if item is None else int(tables.plain(item, "amount"))

    def spend(self, chain: str, asset: str, day: str, payout_id: str, slot: str, amount: int, most: int) -> bool:
        """Count an amount that is signed, once for each payout and slot."""
        counted = keyed(tables.spent_once_key(payout_id, slot), amount=text(str(amount)))
        key = tables.spent_key(chain, asset, day)
        for _ in range(TRIES):
            item = self._db.get(self._table, key)
            version, total = (int(tables.plain(item, "version")), int(tables.plain(item, "total"))) if item else (0, 0)
            if total + amount > most:
                return False
            # Hold while nobody else has counted: this payout, or any other of the day.
            unmoved = Path("version") == version if version else ABSENT
            sums = keyed(key, version=number(version + 1), total=text(str(total + amount)))
            try:
                self._db.transact([put(self._table, counted, ABSENT), put(self._table, sums, unmoved)])
            except ConditionFailed:
                if self.signed(payout_id, slot) is not None:
                    return True
                continue
            return True
        raise Busy
