"""End a payout whose transaction is final: by what the receipt shows to have moved, not by its status alone."""

from dataclasses import dataclass, replace

from ctrip.domain.chains.chain import Receipt
from ctrip.domain.errors import CtripError
from ctrip.domain.settlement.payout import Booking, Payout, Trigger, gas, moved, moved_on, paid
from ctrip.domain.settlement.payout import returned as returned_entry
from ctrip.domain.sweeping.sweep import OutgoingTransaction
from ctrip.ports import Clock, Fence, Jobs, Log, PayoutCommit, PayoutStore
from ctrip.services.settlement.decide_payout import undone
from ctrip.services.settlement.payout_events import PayoutReporter
from ctrip.services.shared.notify import notify


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutEnder:
    """The `services.sweeping.follow_transactions.Payouts`: ends payouts within the pass of a scanner."""

    payouts: PayoutStore
    clock: Clock
    jobs: Jobs
    log: Log
    reporter: PayoutReporter

    def final(self, before: OutgoingTransaction, after: OutgoingTransaction, receipt: Receipt, fence: Fence) -> None:
        """End the payout of a transaction that is final, with its postings; all or nothing, while the fence holds."""
        payout = self._payout(before)
        now, tx_hash = self.clock.now(), receipt.tx_hash
        arrived = moved(payout, before.sender, receipt)
        cost = (gas(payout, receipt.fee, now, tx_hash),) if receipt.fee else ()
        if arrived >= payout.net:
            done = moved_on(payout, Trigger.COMPLETED, now, tx_hash=tx_hash, booking=Booking.CLOSED)
            commit = PayoutCommit(before=payout, after=done, entries=(*paid(payout, now, tx_hash), *cost))
            what = "completed"
        elif arrived == 0:
            reason = "the transaction failed" if not receipt.success else "the transaction moved nothing"
            failed = moved_on(payout, Trigger.FAILED, now, tx_hash=tx_hash, reason=reason)
            commit = undone(self.payouts, payout, replace(failed, booking=Booking.CLOSED))
            commit = replace(commit, entries=(returned_entry(payout, now), *cost))
            what = "failed"
            self.log.error("payout_transaction_failed", payout=payout.id, tx_hash=tx_hash)
        else:
            # A token that keeps a share: what left the treasury cannot be told from what arrived; a person looks.
            self.log.error("payout_arrived_short", payout=payout.id, tx_hash=tx_hash, amount=str(arrived))
            done = moved_on(payout, Trigger.COMPLETED, now, tx_hash=tx_hash, booking=Booking.CLOSED)
            done = replace(done, reason=f"{arrived} base units arrived: the token keeps a share")
            commit = PayoutCommit(before=payout, after=done, entries=(*paid(payout, now, tx_hash), *cost))
            what = "completed"
        event = self.reporter.event(what, commit.after)
        self.payouts.commit(replace(commit, event=event, transaction=(before, after), fence=fence))
        notify(self.jobs, [event])

    def _payout(self, transaction: OutgoingTransaction) -> Payout:
        payout = self.payouts.payout(*transaction.payout) if transaction.payout else None
        if payout is None:
            raise _Orphan(f"the payout of {transaction.key} is not there")
        return payout


class _Orphan(CtripError):
    """The payout of an outgoing transaction is not there."""
