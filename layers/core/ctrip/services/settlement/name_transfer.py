"""Name the transaction that has sent an instruction; the worker compares it with the chain, which no API asks."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from ctrip.domain.errors import Conflict, InvalidField
from ctrip.domain.settlement.payout import Payout, PayoutKind, PayoutState, Source, changed
from ctrip.ports.idempotency import Idempotency
from ctrip.ports.jobs import Jobs
from ctrip.ports.payouts import PayoutCommit, PayoutStore
from ctrip.ports.runtime import Clock, Log
from ctrip.services.settlement.decide_payout import PayoutDecider
from ctrip.services.shared.once import Answer, Once
from ctrip.services.shared.retry import on_stale
from ctrip.views.payouts import payout_view, view_of

TRIES = 4
_HASH = re.compile(r"(0x)?[0-9a-fA-F]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferNamer:
    """Takes the hashes of transfers: from merchants of what they send themselves, from operators of any."""

    payouts: PayoutStore
    decider: PayoutDecider
    clock: Clock
    jobs: Jobs
    log: Log
    once: Once

    def by_merchant(
        self, merchant_id: str, payout_id: str, tx_hash: str, idempotency: Idempotency | None = None
    ) -> Answer:
        """Name the transfer of a refund that its merchant sends; raises `NotFound`, `BadRequest` and `Conflict`."""

        def attempt() -> Answer:
            before = self.decider.find(merchant_id, payout_id, PayoutKind.REFUND)
            if before.source is not Source.OWN:
                raise Conflict("The operator sends this one.", code="payout_not_changeable")
            return self._named(before, tx_hash, idempotency, own=True)

        return self._once(attempt, idempotency)

    def by_operator(
        self, merchant_id: str, payout_id: str, tx_hash: str, idempotency: Idempotency | None = None
    ) -> Answer:
        """Name the transfer of any instruction; raises `NotFound`, `BadRequest` and `Conflict`."""

        def attempt() -> Answer:
            before = self.decider.find(merchant_id, payout_id)
            return self._named(before, tx_hash, idempotency, own=False)

        return self._once(attempt, idempotency)

    def _named(self, before: Payout, tx_hash: str, idempotency: Idempotency | None, *, own: bool) -> Answer:
        if not _HASH.fullmatch(tx_hash):
            raise InvalidField("tx_hash", "invalid_value", "is no hash of a transaction: 64 hexadecimal digits")
        if before.state is not PayoutState.AWAITING_TRANSFER:
            raise Conflict(f"It is {before.state}, and waits for no transfer.", code="payout_not_changeable")
        now = self.clock.now()
        after = changed(before, now, named=tx_hash.lower(), named_at=now, reason="")
        shown = view_of(after) if own else dict(payout_view(after))
        answer = json.dumps(shown) if idempotency else ""
        self.payouts.commit(PayoutCommit(before=before, after=after, idempotency=idempotency, answer=answer))
        self.log.info("transfer_named", payout=before.id, tx_hash=after.named)
        self.jobs.settle()
        return Answer(shown)

    def _once(self, attempt: Callable[[], Answer], idempotency: Idempotency | None) -> Answer:
        moved = Conflict("It is changing; read it and try again.", code="payout_changed")
        return self.once.run(idempotency, lambda: on_stale(attempt, tries=TRIES, otherwise=moved))
