"""Follow own transactions from their bytes to their finality, and account for what they moved."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.chain import Block, OwnTransfer, Receipt
from ctrip.domain.detection.step import Step, fire, quiet
from ctrip.domain.errors import AlreadyExists, BroadcastRejected, Busy, ChainError, CtripError, FenceLost, Stale
from ctrip.domain.jobs import SweepJob
from ctrip.domain.ledger.entries import GAS_STATION
from ctrip.domain.payments.machine import Trigger
from ctrip.domain.payments.payment import Payment, Status, Tier
from ctrip.domain.sweeping.delivered import posted
from ctrip.domain.sweeping.plan import Fate, Outlook
from ctrip.domain.sweeping.sweep import (
    Kind,
    Member,
    OutgoingTransaction,
    TransactionState,
    gas_alone,
    mined,
    moves_with,
    parse_key,
    postings,
    reversed_posting,
    set_back,
    sweeps_with,
)
from ctrip.ports.chain import Chain
from ctrip.ports.gates import Fence
from ctrip.ports.jobs import Jobs
from ctrip.ports.money import MoneyStore
from ctrip.ports.payments import Commit, PaymentStore
from ctrip.ports.runtime import Clock, Log
from ctrip.ports.transfers import Transfers
from ctrip.services.shared.notify import commit_and_notify
from ctrip.services.shared.recording import Recorder
from ctrip.services.sweeping.collect_tokens import PREPARED_MS
from ctrip.services.sweeping.refusals import refusal_of
from ctrip.services.sweeping.send_transactions import OpenTransfers

# How often one is looked at that was lost: after an eighth of the time since, within these bounds.
SOONEST_LOOK_MS = 10_000
LATEST_LOOK_MS = 300_000
LEAST_WATCH_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Followed:
    """What a look at own transactions found: payments that changed, and how many transactions are unfinished.

    `moves` are by payment what its sweep has moved that is mined and not final: facts of this pass, stored with the
    payment only once they are final. `unsure` names the payments with a transaction whose fate this pass could not
    tell. `failure` is the first thing that failed on the way.
    """

    changed: tuple[Payment, ...]
    moves: dict[str, tuple[OwnTransfer, ...]]
    unfinished: int
    unsure: frozenset[str] = frozenset()
    failure: Exception | None = None


@dataclass(slots=True)
class _Pass:
    """One pass over the outgoing transactions, and what it has found so far."""

    head: Block
    final: int
    fence: Fence
    transfers: Transfers
    changed: list[Payment] = field(default_factory=list)
    moves: dict[str, tuple[OwnTransfer, ...]] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)
    failure: Exception | None = None

    def moved(self, transaction: OutgoingTransaction) -> None:
        """Note what a sweep has moved that is not final."""
        for member in transaction.members if transaction.kind is Kind.SWEEP else ():
            known = self.moves.get(member.payment_id, ())
            self.moves[member.payment_id] = moves_with(known, transaction, member)


class PayoutEnding(Protocol):
    """Ends the treasury's transactions that are final, with the payouts that they make."""

    def final(self, before: OutgoingTransaction, after: OutgoingTransaction, receipt: Receipt, fence: Fence) -> None:
        """Store the transaction with what it did for its payouts, the last of them; raises `FenceLost` and `Stale`."""
        ...

    def expired(self, before: OutgoingTransaction, after: OutgoingTransaction, fence: Fence) -> None:
        """Store a transaction that can be mined no more, and have its payouts sent anew; raises as `final` does."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionFollower:
    """Follows one chain's unfinished outgoing transactions, as part of a scanner's pass.

    A sweep that is mined is noted in its transaction's record alone, on that record's version: the note is a fact of
    the chain that every pass asks about again. The payment changes when the sweep is final, under the scanner's fence.
    What the note says of the address is taken out of its balance in memory, pass by pass.
    """

    network: Network
    chain: Chain
    payments: PaymentStore
    money: MoneyStore
    jobs: Jobs
    clock: Clock
    recorder: Recorder
    log: Log
    transfers: OpenTransfers
    payouts: PayoutEnding

    def follow(self, head: Block, final: int, fence: Fence) -> Followed:
        """Take each unfinished transaction a step further where the chain allows; `final` is the height of finality.

        One transaction's trouble ends no other's following; only `FenceLost` leaves.
        """
        unfinished = self.money.unfinished(self.network.name)
        final = min(final, head.number - self.network.confirmations + 1)
        transfers = self.transfers(self.network, self.chain, self.clock, self.log)
        this = _Pass(head, final, fence, transfers)
        for transaction in unfinished:
            with self._apart(transaction, this):
                self._one(transaction, this)
        return Followed(tuple(this.changed), this.moves, len(unfinished), frozenset(this.unsure), this.failure)

    def reopen(self, payment: Payment, key: str, fence: Fence) -> list[Payment]:
        """Take an own transaction back whose block a reorganisation removed, however final it seemed.

        Returns the payments that changed.
        """
        transaction = self.money.transaction(*parse_key(key))
        if transaction is None or transaction.tx_hash is None:
            return []
        self.log.warning("own_transaction_reorganised", transaction=key, payment=payment.id)
        changed: list[Payment] = []
        try:
            self._unmined(transaction, fence, changed)
        except (Stale, AlreadyExists) as exc:
            self.log.warning("own_transaction_moved_on", transaction=key, error=str(exc))
        return changed

    @contextmanager
    def _apart(self, transaction: OutgoingTransaction, this: _Pass) -> Iterator[None]:
        """Keep one transaction's trouble from all the others: what became of it is unknown in this pass."""
        try:
            yield
        except FenceLost:
            raise
        except Stale as exc:
            this.unsure.update(transaction.payment_ids)
            self.log.info("own_transaction_moved_on", transaction=transaction.key, error=str(exc))
        except AlreadyExists as exc:
            this.unsure.update(transaction.payment_ids)
            self.log.error("own_transaction_stuck", transaction=transaction.key, error=str(exc))
        except Exception as exc:  # a node's, the store's, or a bug: it must not stop a chain
            this.unsure.update(transaction.payment_ids)
            this.failure = this.failure or exc
            if isinstance(exc, ChainError | Busy):
                self.log.warning(
                    "own_transaction_followed_later", transaction=transaction.key, kind=type(exc).__name__, error=exc
                )
            else:
                self.log.error(
                    "own_transaction_not_followed", transaction=transaction.key, kind=type(exc).__name__, error=exc
                )

    def _one(self, transaction: OutgoingTransaction, this: _Pass) -> None:
        if transaction.state is TransactionState.UNREADABLE:
            this.unsure |= {found for found in (self.payments.by_address(transaction.sender),) if found}
            self.log.error("own_transaction_unreadable", transaction=transaction.key)
        elif transaction.state is TransactionState.PREPARED:
            self._watch_prepared(transaction)
        elif transaction.state is TransactionState.MINED:
            self._watch_mined(transaction, this)
        elif transaction.state is TransactionState.LOST:
            self._watch_lost(transaction, this)
        else:
            self._watch_sent(transaction, this)

    def _watch_prepared(self, transaction: OutgoingTransaction) -> None:
        """Have a job give up what another job, which must be dead, has left behind unsigned."""
        overdue = self.clock.now() - transaction.updated_at - PREPARED_MS
        if overdue >= 0 and overdue % SOONEST_LOOK_MS < 2_000 * self.network.poll_seconds:
            self.jobs.sweep(SweepJob(self.network.name, transaction.asset))

    # -- not in a block yet

    def _watch_sent(self, transaction: OutgoingTransaction, this: _Pass) -> None:
        fate = this.transfers.fate(transaction, this.head, this.final)
        if fate.receipt:
            self._mined(transaction, fate.receipt, this)
            return
        transaction = self._noted(transaction, fate)
        if fate.outlook is not Outlook.OPEN:
            # Its fate is unknown until a receipt shows it, or it is certain that none will come.
            this.unsure.update(transaction.payment_ids)
        if fate.outlook in (Outlook.OPEN, Outlook.UNKNOWN):
            self._offer(transaction, this)
        elif fate.outlook is Outlook.LOST:
            self._lost(transaction, this)
        elif fate.outlook is Outlook.EXPIRED:
            self._expired(transaction, this)

    def _noted(self, transaction: OutgoingTransaction, fate: Fate) -> OutgoingTransaction:
        """Remember how far a missing receipt has been looked for."""
        return transaction if fate.search == transaction.search else self._write(transaction, search=fate.search)

    def _offer(self, transaction: OutgoingTransaction, this: _Pass) -> None:
        """Send the newest bytes again where no node holds them, whatever one answered when it was given them."""
        last = transaction.attempts[-1]
        if self.chain.known(last.tx_hash):
            if transaction.refusal is not None:
                self._write(transaction, refusal=None)
            elif this.transfers.hurry(transaction, this.head):
                self.jobs.sweep(SweepJob(self.network.name, transaction.asset))
            return
        try:
            self.chain.broadcast(last.raw)
        except BroadcastRejected as exc:
            this.unsure.update(transaction.payment_ids)
            self.log.warning("rebroadcast_rejected", transaction=transaction.key, error=str(exc))
            refusal = refusal_of(exc, transaction.refusal)
            if refusal != transaction.refusal:
                transaction = self._write(transaction, refusal=refusal)
            if this.transfers.hurry(transaction, this.head):
                self.jobs.sweep(SweepJob(self.network.name, transaction.asset))

    def _lost(self, transaction: OutgoingTransaction, this: _Pass) -> None:
        """Somebody else used the slot: a restored store, or a key in other hands. The addresses are free again."""
        now = self.clock.now()
        self._release(
            transaction, _changed(transaction, now, state=TransactionState.LOST, lost_at=now, refusal=None), this
        )
        self.log.error("slot_taken", transaction=transaction.key, payment=", ".join(transaction.payment_ids))

    def _expired(self, transaction: OutgoingTransaction, this: _Pass) -> None:
        """No attempt can be mined any more: the addresses are free for the next sweep, in a slot of its own."""
        after = _changed(transaction, self.clock.now(), state=TransactionState.EXPIRED, refusal=None)
        if transaction.kind is Kind.PAYOUT:
            self.payouts.expired(transaction, after, this.fence)
        else:
            self._release(transaction, after, this)
        self.log.info(
            "own_transaction_expired", transaction=transaction.key, payment=", ".join(transaction.payment_ids)
        )
        for asset in {self._payment(each).due.asset_key for each in transaction.members}:
            self.jobs.sweep(SweepJob(self.network.name, asset))

    def _release(self, transaction: OutgoingTransaction, after: OutgoingTransaction, this: _Pass) -> None:
        def step(payment: Payment, _: Member) -> Step:
            return quiet(payment, self.clock.now(), pending=_released(payment, transaction))

        self._change(transaction, after, this.fence, step, this.changed, held=False)

    def _watch_lost(self, transaction: OutgoingTransaction, this: _Pass) -> None:
        """Undo what was concluded, should a receipt come after all, or the slot be free again."""
        now = self.clock.now()
        pause = min(max((now - transaction.lost_at) // 8, SOONEST_LOOK_MS), LATEST_LOOK_MS)
        fate = (
            this.transfers.fate(transaction, this.head, this.final) if now - transaction.updated_at >= pause else None
        )
        if fate and fate.receipt:
            self._mined(transaction, fate.receipt, this)
            return
        this.unsure.update(transaction.payment_ids)
        if fate and fate.outlook is Outlook.OPEN:
            self._resume(
                transaction, _changed(transaction, now, state=TransactionState.SIGNED, search=(), lost_at=0), this
            )
        elif fate:
            over = self._watched_long_enough(transaction)
            self._write(transaction, state=TransactionState.FAILED if over else TransactionState.LOST)

    def _watched_long_enough(self, transaction: OutgoingTransaction) -> bool:
        """Whether the payments' monitoring time has gone by without a receipt, a day at least."""
        served = [self._payment(each).policy.monitoring_seconds * 1000 for each in transaction.members]
        watch = max([*served, LEAST_WATCH_MS])
        return self.clock.now() - transaction.lost_at >= watch

    # -- in a block

    def _watch_mined(self, transaction: OutgoingTransaction, this: _Pass) -> None:
        receipt = self.chain.receipt(transaction.tx_hash or "")
        if receipt is None or receipt.block_number > this.head.number:
            self._without_receipt(transaction, this)
        elif receipt.block_hash != transaction.block_hash:
            self._mined(transaction, receipt, this)
        elif receipt.block_number > this.final:
            this.moved(transaction)
        else:
            self._final(transaction, receipt, this)

    def _without_receipt(self, transaction: OutgoingTransaction, this: _Pass) -> None:
        """Ask for the block that took it: where it stands, the missing receipt is a node's that is behind."""
        number = transaction.block_number or 0
        block = self.chain.blocks([number]).get(number)
        if block is not None and block.hash != transaction.block_hash:
            self._unmined(transaction, this.fence, this.changed)
            return
        if block is None:
            this.unsure.update(transaction.payment_ids)
        this.moved(transaction)

    def _mined(self, transaction: OutgoingTransaction, receipt: Receipt, this: _Pass) -> None:
        after = mined(transaction, receipt, self.clock.now())
        if transaction.kind is Kind.SWEEP and transaction.state is TransactionState.LOST:
            self._resume(transaction, after, this)
        elif transaction.kind is not Kind.FUND:
            self.money.write_transaction(transaction, after)
        else:
            # The coin that came frees the address for the transfer that waits for it.
            def step(payment: Payment, member: Member) -> Step:
                moves = moves_with(payment.own.moves, after, member)
                return quiet(payment, self.clock.now(), moves=moves, pending=_released(payment, transaction))

            self._change(transaction, after, this.fence, step, this.changed, held=False)
        if transaction.state is TransactionState.LOST:
            self.log.warning("receipt_came_after_all", transaction=transaction.key)
        this.moved(after)

    def _resume(self, transaction: OutgoingTransaction, after: OutgoingTransaction, this: _Pass) -> None:
        """Put a transaction under way again whose slot was thought to be another's."""

        def step(payment: Payment, _: Member) -> Step:
            tier = Tier.SWEEP if transaction.kind is Kind.SWEEP and _swept_there(payment) else payment.tier
            return quiet(payment, self.clock.now(), pending=payment.own.pending or transaction.key, tier=tier)

        self._change(transaction, after, this.fence, step, this.changed, held=True)

    def _unmined(self, transaction: OutgoingTransaction, fence: Fence, changed: list[Payment]) -> None:
        """A reorganisation took it out: the same bytes are sent again."""
        now = self.clock.now()
        after = _changed(
            transaction, now, state=TransactionState.SIGNED, tx_hash=None, block_number=None, block_hash=None
        )
        if transaction.kind is not Kind.FUND and transaction.unfinished:
            self.money.write_transaction(transaction, after)  # the payments know nothing of it yet
            return

        def step(payment: Payment, member: Member) -> Step:
            undone = quiet(
                payment,
                now,
                tier=Tier.SWEEP if _swept_there(payment) else payment.tier,
                moves=tuple(move for move in payment.own.moves if move.tx_hash != transaction.tx_hash),
                sweeps=tuple(sweep for sweep in payment.own.sweeps if sweep.tx_hash != transaction.tx_hash),
                pending=transaction.key if payment.own.pending is None else payment.own.pending,
            )
            if transaction.unfinished:
                return undone
            entries = posted(undone.after, payment, transaction, member, now)
            return replace(undone, entries=tuple(map(reversed_posting, entries)))

        self._change(transaction, after, fence, step, changed, held=True)

    def _final(self, transaction: OutgoingTransaction, receipt: Receipt, this: _Pass) -> None:
        now = self.clock.now()
        state = TransactionState.FINAL if receipt.success else TransactionState.FAILED
        after = _changed(transaction, now, state=TransactionState.CANCELLED if transaction.cancelled else state)
        if transaction.kind is Kind.FUND:
            entries = [entry for member in after.members for entry in postings(after, member, now)]
            self.money.settle(transaction, after, entries, this.fence)
        elif transaction.kind is Kind.RECLAIM:
            cost = gas_alone(transaction, receipt, now, GAS_STATION)
            self.money.settle(transaction, after, cost, this.fence)
        elif transaction.kind in (Kind.PAYOUT, Kind.ALLOWANCE):
            self.payouts.final(transaction, after, receipt, this.fence)
        else:
            self._set_skipped_back(after)

            def step(payment: Payment, member: Member) -> Step:
                done = self._finished(payment, after, member, now)
                return replace(done, entries=posted(payment, done.after, after, member, now))

            self._change(transaction, after, this.fence, step, this.changed, held=False)
        if after.state is TransactionState.FAILED:
            self.log.error("own_transaction_failed", transaction=transaction.key, tx_hash=transaction.tx_hash)

    def _set_skipped_back(self, transaction: OutgoingTransaction) -> None:
        """Remember with each payment whose money was not moved that its sweep failed: it is tried again later."""
        if not (skipped := transaction.skipped):
            return
        known, name = self.money.setbacks(self.network.name), self.network.name
        for member in skipped:
            before = known.get(member.payment_id)
            if before is not None and before.at >= transaction.created_at:
                continue  # this very failure is known
            setback = set_back(before, f"transaction {transaction.tx_hash} moved nothing of it", self.clock.now())
            told = {"payment": member.payment_id, "failures": setback.failures, "error": setback.reason}
            if setback.failures == 1:
                self.log.error("sweep_reverts", **told)
            else:
                self.log.warning("sweep_reverts_again", **told)
            self.money.set_back(name, member.payment_id, setback)

    def _finished(self, payment: Payment, transaction: OutgoingTransaction, member: Member, now: int) -> Step:
        """Settle the payment when nothing worth a transaction is left at its address."""
        ended: dict[str, Any] = {
            "moves": moves_with(payment.own.moves, transaction, member),
            "pending": _released(payment, transaction),
        }
        if transaction.state is not TransactionState.CANCELLED:
            worked = transaction.state is TransactionState.FINAL and member not in transaction.skipped
            shown = "final" if worked else "failed"
            ended["sweeps"] = sweeps_with(payment.own.sweeps, transaction, member, shown)
        moved = payment.changed(moves=ended["moves"])
        left = moved.unswept
        if transaction.token is not None and not transaction.collects and moved.given_coin < 0:
            # The books have it: its gas is the operator's expense, and what came is owed to the merchant as before.
            self.log.error("stray_coin_used", payment=payment.id, amount=str(-moved.given_coin))
        over = transaction.state is TransactionState.FINAL and left <= self._dust(payment, transaction)
        if over:
            ended["sweep_approved"] = 0  # what comes later is another sweep
        if not over or payment.tier is not Tier.SWEEP or ended["pending"] is not None:
            return quiet(payment, now, **ended)
        if payment.status is Status.PAID:
            return fire(payment, Trigger.SETTLED, now, **ended)
        return quiet(payment, now, **ended, tier=Tier.MONITORED)

    def _dust(self, payment: Payment, transaction: OutgoingTransaction) -> int:
        """Return what is not worth another transaction, the fee of a layer below included."""
        asset = self.network.asset(payment.due.token_id)
        cost = transaction.attempts[-1].cost + 2 * transaction.fee if transaction.token is None else 0
        return max(cost, asset.sweep_floor - 1 if asset else 0)

    # -- storing

    def _payment(self, member: Member) -> Payment:
        payment = self.payments.get(member.payment_id)
        if payment is None:
            raise _Orphan(f"payment {member.payment_id} of an own transaction is not there")
        return payment

    def _write(self, transaction: OutgoingTransaction, **changes: object) -> OutgoingTransaction:
        after = _changed(transaction, self.clock.now(), **changes)
        self.money.write_transaction(transaction, after)
        return after

    def _change(
        self,
        before: OutgoingTransaction,
        after: OutgoingTransaction,
        fence: Fence,
        step: Callable[[Payment, Member], Step],
        changed: list[Payment],
        *,
        held: bool,
    ) -> None:
        """Change each payment that a transaction serves, and the transaction itself together with the last of them.

        A crash in between is mended by the next pass: those are left out that are changed already, because they name
        the transaction as pending (`held`), or name it no longer. `changed` is added to as it goes.
        """
        if not after.members:  # a payout's: no payment names it
            self.money.write_transaction(before, after)
            return
        *others, last = after.members
        failure: Exception | None = None
        for member in others:
            try:
                payment = self._payment(member)
                if (payment.own.pending == before.key) is not held:
                    changed.append(self._commit(payment, step(payment, member), fence, ()))
            except FenceLost:
                raise
            except Exception as exc:  # one payment's trouble keeps the others from nothing
                failure = failure or exc
        if failure is not None:
            raise failure
        payment = self._payment(last)
        changed.append(self._commit(payment, step(payment, last), fence, ((before, after),)))

    def _commit(
        self,
        payment: Payment,
        step: Step,
        fence: Fence,
        transactions: tuple[tuple[OutgoingTransaction | None, OutgoingTransaction], ...],
    ) -> Payment:
        commit: Commit = self.recorder.step(payment, step, fence=fence, transactions=transactions)
        return commit_and_notify(self.payments, self.jobs, commit)


class _Orphan(CtripError):
    """The payment of an outgoing transaction is not there."""


def _released(payment: Payment, transaction: OutgoingTransaction) -> str | None:
    """Free the address of this outgoing transaction, and of no other."""
    return None if payment.own.pending == transaction.key else payment.own.pending


def _changed(transaction: OutgoingTransaction, now: int, **changes: object) -> OutgoingTransaction:
    return replace(transaction, updated_at=now, version=transaction.version + 1, **changes)  # type: ignore[arg-type]


def _swept_there(payment: Payment) -> bool:
    return payment.is_swept
