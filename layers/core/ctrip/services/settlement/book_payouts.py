"""Book what is asked for, and close the books of what came to nothing: the worker alone writes the ledger."""

from dataclasses import dataclass, replace

from ctrip.domain.settlement.payout import (
    ENDED,
    Booking,
    Payout,
    PayoutKind,
    PayoutState,
    Trigger,
    assigned,
    changed,
    lapsed,
    moved_on,
)
from ctrip.domain.settlement.payout import reserved as reserved_entry
from ctrip.domain.settlement.payout import returned as returned_entry
from ctrip.domain.settlement.reservation import spendable
from ctrip.ports.jobs import Jobs
from ctrip.ports.payouts import PayoutCommit, PayoutStore
from ctrip.ports.runtime import Clock, Log
from ctrip.services.ledger.read_ledger import LedgerReader
from ctrip.services.settlement.decide_payout import undone
from ctrip.services.settlement.payout_events import PayoutReporter
from ctrip.services.shared.notify import notify


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutBooker:
    """Keeps the ledger in step with payouts."""

    payouts: PayoutStore
    ledger: LedgerReader
    clock: Clock
    jobs: Jobs
    log: Log
    reporter: PayoutReporter

    def book(self, payout: Payout) -> Payout:
        """Set a payout's amount aside, or give it back once it has come to nothing; return the payout after that.

        Raises `Stale` where somebody else was faster.
        """
        if payout.state in ENDED:
            return self._closed(payout) if payout.booking is not Booking.CLOSED else payout
        if lapsed(payout, self.clock.now()):
            return self._lapsed(payout)
        return self._reserved(payout) if payout.booking is Booking.NONE else payout

    def _reserved(self, payout: Payout) -> Payout:
        now = self.clock.now()
        # The reservation first: another booking raises its version, and this one then reads the balance anew.
        held = self.payouts.reservation(payout.merchant_id, payout.chain, payout.asset_key)
        sums = self.ledger.sums(payout.merchant_id)
        there = spendable(sums, payout.chain, payout.asset_key, payout.source, payout.merchant_id)
        if there < payout.amount:
            # What was there has been undone since it was asked for, or the request was never held against a balance.
            self.log.error("payout_not_covered", payout=payout.id, amount=str(payout.amount), balance=str(there))
            return self.fail(payout, "insufficient balance")
        if payout.kind is PayoutKind.ASSIGNMENT:
            after = moved_on(payout, Trigger.ASSIGNED, now, booking=Booking.CLOSED)
            event, entry = self.reporter.event("completed", after), assigned(payout, now)
        else:
            after = changed(payout, now, booking=Booking.RESERVED)
            event, entry = None, reserved_entry(payout, now)
        commit = PayoutCommit(before=payout, after=after, entries=(entry,), event=event)
        self.payouts.commit(replace(commit, reservation=(held, held.minus(payout))))
        notify(self.jobs, [event])
        return after

    def _lapsed(self, payout: Payout) -> Payout:
        """Give back what was set aside for a refund whose payer has named no address in time."""
        now, reason = self.clock.now(), "nobody named an address in time"
        commit = undone(self.payouts, payout, moved_on(payout, Trigger.CANCELLED, now, reason=reason))
        event = self.reporter.event("cancelled", commit.after)
        self.payouts.commit(replace(commit, event=event))
        notify(self.jobs, [event])
        return commit.after

    def _closed(self, payout: Payout) -> Payout:
        now = self.clock.now()
        after = changed(payout, now, booking=Booking.CLOSED)
        commit = PayoutCommit(before=payout, after=after)
        if payout.booking is Booking.RESERVED:
            self.payouts.commit(replace(commit, entries=(returned_entry(payout, now),)))
        else:
            held = self.payouts.reservation(payout.merchant_id, payout.chain, payout.asset_key)
            self.payouts.commit(replace(commit, reservation=(held, held.minus(payout))))
        return after

    def fail(self, payout: Payout, reason: str) -> Payout:
        """End a payout that cannot be made; what is set aside for it is given back in the same transaction."""
        now = self.clock.now()
        commit = undone(self.payouts, payout, moved_on(payout, Trigger.FAILED, now, reason=reason))
        if payout.booking is Booking.RESERVED:
            closed = replace(commit.after, booking=Booking.CLOSED)
            commit = replace(commit, after=closed, entries=(returned_entry(payout, now),))
        event = self.reporter.event("failed", commit.after)
        self.payouts.commit(replace(commit, event=event))
        notify(self.jobs, [event])
        return commit.after


def ready(payout: Payout) -> bool:
    """Whether a payout may be sent: approved, and set aside."""
    return payout.state is PayoutState.APPROVED and payout.booking is Booking.RESERVED
