"""End payouts whose transaction is final: by what the receipt shows to have moved, not by its status alone."""

from dataclasses import dataclass, replace

from ctrip.domain.chains.chain import Receipt
from ctrip.domain.errors import CtripError, FenceLost
from ctrip.domain.ledger.entries import TREASURY
from ctrip.domain.settlement.payout import (
    Booking,
    Payout,
    PayoutState,
    Trigger,
    gas,
    moved,
    moved_on,
    paid,
)
from ctrip.domain.settlement.payout import returned as returned_entry
from ctrip.domain.sweeping.sweep import Kind, OutgoingTransaction, gas_alone
from ctrip.ports.gates import Fence
from ctrip.ports.jobs import Jobs
from ctrip.ports.money import MoneyStore
from ctrip.ports.payouts import PayoutCommit, PayoutStore
from ctrip.ports.runtime import Clock, Log
from ctrip.services.settlement.decide_payout import undone
from ctrip.services.settlement.payout_events import PayoutReporter
from ctrip.services.shared.notify import notify


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutEnder:
    """The `services.sweeping.follow_transactions.Payouts`: ends payouts within the pass of a scanner."""

    payouts: PayoutStore
    money: MoneyStore
    clock: Clock
    jobs: Jobs
    log: Log
    reporter: PayoutReporter

    def final(self, before: OutgoingTransaction, after: OutgoingTransaction, receipt: Receipt, fence: Fence) -> None:
        """End the payouts of a transaction that is final, while the fence holds; each with its postings, or not at all.

        The transaction itself ends with the last of them. A crash in between is mended by the next pass: those are left
        out that have ended already, because they name the transaction no longer, or are under way no more.
        """
        if before.kind is Kind.ALLOWANCE:
            self.money.settle(before, after, gas_alone(before, receipt, self.clock.now(), TREASURY), fence)
            return
        found = [self.payouts.payout(*named) for named in before.named]
        waiting = [each for each in found if each is not None and _under_way(each, before)]
        if not waiting:
            raise _Orphan(f"no payout of {before.key} is there")
        failure: Exception | None = None
        for payout in waiting[:-1]:
            try:
                self._commit(self._ended(payout, before, receipt), fence)
            except FenceLost:
                raise
            except Exception as exc:  # one payout's trouble keeps the others from nothing
                failure = failure or exc
        if None in found:
            failure = failure or _Orphan(f"a payout of {before.key} is not there")
        if failure is not None:
            raise failure
        last, now = waiting[-1], self.clock.now()
        what, commit = self._ended(last, before, receipt)
        cost = (gas(last, receipt.fee, now, receipt.tx_hash),) if receipt.fee else ()
        commit = replace(commit, entries=(*commit.entries, *cost), transaction=(before, after))
        self._commit((what, commit), fence)

    def expired(self, before: OutgoingTransaction, after: OutgoingTransaction, fence: Fence) -> None:
        """Have the payout of a transaction that can be mined no more sent anew, in a slot of its own."""
        found = [self.payouts.payout(*named) for named in before.named]
        waiting = [each for each in found if each is not None and _under_way(each, before)]
        if len(waiting) != len(before.named):
            raise _Orphan(f"a payout of {before.key} is not there")
        (payout,) = waiting  # many are paid together only where transactions do not expire
        again = moved_on(payout, Trigger.EXPIRED, self.clock.now(), transaction=None)
        self.payouts.commit(PayoutCommit(before=payout, after=again, transaction=(before, after), fence=fence))

    def _ended(self, payout: Payout, transaction: OutgoingTransaction, receipt: Receipt) -> tuple[str, PayoutCommit]:
        """Decide by what has arrived; return what is reported of it too, empty where nothing is."""
        now, tx_hash = self.clock.now(), receipt.tx_hash
        arrived = moved(payout, transaction.sender, receipt, transaction.to if transaction.together else None)
        if arrived == 0 and transaction.together:
            # What stands against it shows when it goes by itself.
            self.log.warning("payout_left_out", payout=payout.id, tx_hash=tx_hash)
            again = moved_on(payout, Trigger.LEFT_OUT, now, transaction=None, alone=True)
            return "", PayoutCommit(before=payout, after=again)
        if arrived == 0:
            reason = "the transaction failed" if not receipt.success else "the transaction moved nothing"
            failed = moved_on(payout, Trigger.FAILED, now, tx_hash=tx_hash, reason=reason)
            commit = undone(self.payouts, payout, replace(failed, booking=Booking.CLOSED))
            self.log.error("payout_transaction_failed", payout=payout.id, tx_hash=tx_hash)
            return "failed", replace(commit, entries=(returned_entry(payout, now),))
        done = moved_on(payout, Trigger.COMPLETED, now, tx_hash=tx_hash, booking=Booking.CLOSED)
        if arrived < payout.net:
            # A token that keeps a share: what left the treasury cannot be told from what arrived; a person looks.
            self.log.error("payout_arrived_short", payout=payout.id, tx_hash=tx_hash, amount=str(arrived))
            done = replace(done, reason=f"{arrived} base units arrived: the token keeps a share")
        return "completed", PayoutCommit(before=payout, after=done, entries=paid(payout, now, tx_hash))

    def _commit(self, ended: tuple[str, PayoutCommit], fence: Fence) -> None:
        what, commit = ended
        event = self.reporter.event(what, commit.after) if what else None
        self.payouts.commit(replace(commit, event=event, fence=fence))
        notify(self.jobs, [event])


def _under_way(payout: Payout, transaction: OutgoingTransaction) -> bool:
    return payout.state is PayoutState.SENDING and payout.transaction == transaction.key


class _Orphan(CtripError):
    """A payout of an outgoing transaction is not there."""
