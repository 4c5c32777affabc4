"""Approve, reject and cancel payouts."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ctrip.domain.audit import Origin
from ctrip.domain.errors import Conflict, NotFound
from ctrip.domain.settlement.instruction import NAMED_MS
from ctrip.domain.settlement.payout import (
    Booking,
    Payout,
    PayoutKind,
    PayoutState,
    Source,
    Trigger,
    approve,
    moved_on,
)
from ctrip.domain.sweeping.sweep import TransactionState, parse_key
from ctrip.ports.idempotency import Idempotency
from ctrip.ports.jobs import Jobs
from ctrip.ports.money import MoneyStore
from ctrip.ports.payouts import PayoutCommit, PayoutStore
from ctrip.ports.runtime import Clock, Log
from ctrip.services.settlement.payout_events import PayoutReporter
from ctrip.services.shared.notify import notify
from ctrip.services.shared.once import Answer, Once
from ctrip.services.shared.retry import on_stale
from ctrip.views.payouts import payout_view, view_of

TRIES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutDecider:
    """Takes decisions about payouts: merchants cancel, operators approve and reject."""

    payouts: PayoutStore
    money: MoneyStore
    clock: Clock
    jobs: Jobs
    log: Log
    reporter: PayoutReporter
    once: Once

    def find(self, merchant_id: str, payout_id: str, kind: PayoutKind | None = None) -> Payout:
        """Fetch a payout; raises `NotFound` for another merchant's, and for one of another kind."""
        payout = self.payouts.payout(merchant_id, payout_id)
        if payout is None or kind not in (None, payout.kind):
            raise _unknown(payout_id, kind)
        return payout

    def cancel(
        self,
        merchant_id: str,
        payout_id: str,
        kind: PayoutKind,
        origin: Origin,
        idempotency: Idempotency | None = None,
        *,
        payment_id: str | None = None,
    ) -> Answer:
        """Cancel a payout that is not approved yet, or that its merchant must send itself; a refund by its payment too.

        Raises `NotFound` and `Conflict`.
        """

        def attempt() -> Answer:
            before = self.find(merchant_id, payout_id, kind)
            if before.payment_id != payment_id:
                raise _unknown(payout_id, kind)
            if before.state is PayoutState.AWAITING_TRANSFER and (before.source is not Source.OWN or before.named):
                raise Conflict("It may have been sent already.", code="payout_not_changeable")
            after = moved_on(before, Trigger.CANCELLED, self.clock.now())
            return self._commit(before, after, "cancelled", origin, idempotency, view_of)

        return self._once(attempt, idempotency)

    def approve(
        self, merchant_id: str, payout_id: str, origin: Origin, idempotency: Idempotency | None = None
    ) -> Answer:
        """Count an operator's approval.

        Raises `NotFound`, `Forbidden` for whoever asked for it, `Conflict` for a second time of the same person.
        """

        def attempt() -> Answer:
            before = self.find(merchant_id, payout_id)
            after = approve(before, origin.actor, self.clock.now())
            what = "approved" if after.state is PayoutState.APPROVED else None
            self.log.info("payout_approved", payout=payout_id, count=len(after.approvals))
            return self._commit(before, after, what, origin, idempotency, _shown)

        return self._once(attempt, idempotency)

    def reject(
        self, merchant_id: str, payout_id: str, reason: str, origin: Origin, idempotency: Idempotency | None = None
    ) -> Answer:
        """Reject a payout that nothing pays, as far as anybody says: no transaction is written, or it is lost for good.

        A transfer that somebody has named is compared with the chain first; after a day in which no node tells of it a
        person decides. Raises `NotFound` and `Conflict`.
        """

        def attempt() -> Answer:
            before, now = self.find(merchant_id, payout_id), self.clock.now()
            if before.kind is PayoutKind.ASSIGNMENT:
                raise Conflict(
                    "What is assigned goes nowhere: there is nothing to reject.", code="payout_not_changeable"
                )
            if before.state is PayoutState.SENDING and not self._given_up(before):
                raise Conflict("Its transaction may still be mined.", code="payout_not_changeable")
            if before.state is PayoutState.AWAITING_TRANSFER and before.named and now - before.named_at < NAMED_MS:
                raise Conflict("It may have been sent already: its transfer is named.", code="payout_not_changeable")
            after = moved_on(before, Trigger.REJECTED, self.clock.now(), reason=reason)
            return self._commit(before, after, "rejected", origin, idempotency, _shown)

        return self._once(attempt, idempotency)

    def _given_up(self, payout: Payout) -> bool:
        """Whether the chain has used the slot of its transaction, and shown nothing of ours for as long as we look."""
        found = self.money.transaction(*parse_key(payout.transaction)) if payout.transaction else None
        return found is not None and found.state is TransactionState.FAILED and found.tx_hash is None

    def _commit(
        self,
        before: Payout,
        after: Payout,
        what: str | None,
        origin: Origin,
        idempotency: Idempotency | None,
        view: Callable[[Payout], dict[str, Any]],
    ) -> Answer:
        made = undone(self.payouts, before, after)
        event = self.reporter.event(what, made.after, origin.request_id) if what else None
        shown = view(made.after)
        self.payouts.commit(
            replace(made, event=event, idempotency=idempotency, answer=json.dumps(shown) if idempotency else "")
        )
        notify(self.jobs, [event])
        self.jobs.settle()
        return Answer(shown)

    def _once(self, attempt: Callable[[], Answer], idempotency: Idempotency | None) -> Answer:
        changed = Conflict("It is changing; read it and try again.", code="payout_changed")
        return self.once.run(idempotency, lambda: on_stale(attempt, tries=TRIES, otherwise=changed))


def undone(payouts: PayoutStore, before: Payout, after: Payout) -> PayoutCommit:
    """Make the commit of a change; where a payout ends unmade, it takes back what was reserved for it.

    What the ledger has set aside already is given back by the worker, which alone writes the ledger.
    """
    if after.state not in (PayoutState.REJECTED, PayoutState.CANCELLED, PayoutState.FAILED):
        return PayoutCommit(before=before, after=after)
    commit = PayoutCommit(before=before, after=after)
    if after.booking is Booking.NONE:
        held = payouts.reservation(after.merchant_id, after.chain, after.asset_key)
        commit = replace(commit, after=replace(after, booking=Booking.CLOSED), reservation=(held, held.minus(after)))
    if after.payment_id is not None:
        total = payouts.refunded(after.payment_id, after.chain, after.asset_key)
        commit = replace(commit, refunded=(total, total.minus(after)))
    return commit


def _unknown(payout_id: str, kind: PayoutKind | None) -> NotFound:
    return NotFound(f"There is no {kind or 'payout'} {payout_id[:64]}.", code="payout_not_found")


def _shown(payout: Payout) -> dict[str, Any]:
    return dict(payout_view(payout))
