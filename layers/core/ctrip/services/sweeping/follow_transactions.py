"""Follow own transactions from their bytes to their finality, and account for what they moved."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.chain import Block, OwnTransfer, Receipt
from ctrip.domain.detection.step import Step, fire, quiet
from ctrip.domain.errors import AlreadyExists, BroadcastRejected, Busy, ChainError, CtripError, FenceLost, Stale
from ctrip.domain.jobs import SweepJob
from ctrip.domain.payments.machine import Trigger
from ctrip.domain.payments.payment import Payment, Status, Tier
from ctrip.domain.sweeping.plan import Fate, Outlook
from ctrip.domain.sweeping.sweep import (
    Kind,
    Member,
    OutgoingTransaction,
    TransactionState,
    mined,
    moves_with,
    parse_key,
    postings,
    reversed_posting,
    sweeps_with,
)
from ctrip.ports import Chain, Clock, Commit, Fence, Jobs, Log, MoneyStore, PaymentStore, Transfers
from ctrip.services.shared.notify import commit_and_notify
from ctrip.services.shared.recording import Recorder
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
    """One pass over the intents, and what it has found so far."""

    head: Block
    final: int
    fence: Fence
    transfers: Transfers
    changed: list[Payment] = field(default_factory=list)
    moves: dict[str, tuple[OwnTransfer, ...]] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)
    failure: Exception | None = None

    def moved(self, intent: OutgoingTransaction) -> None:
        """Note what a sweep has moved that is not final."""
        for member in intent.members if intent.kind is Kind.SWEEP else ():
            known = self.moves.get(member.payment_id, ())
            self.moves[member.payment_id] = moves_with(known, intent, member)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionFollower:
    """Follows one chain's unfinished intents, as part of a scanner's pass.

    A sweep that is mined is noted in its intent alone, on the condition of the intent's version: the note is a fact of
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

    def follow(self, head: Block, final: int, fence: Fence) -> Followed:
        """Take every unfinished intent a step further where the chain allows; `final` is the height of its finality.

        One transaction's trouble ends no other's following; only `FenceLost` leaves.
        """
        unfinished = self.money.unfinished(self.network.name)
        final = min(final, head.number - self.network.confirmations + 1)
        transfers = self.transfers(self.network, self.chain, self.clock, self.log)
        this = _Pass(head, final, fence, transfers)
        for intent in unfinished:
            with self._apart(intent, this):
                self._one(intent, this)
        return Followed(tuple(this.changed), this.moves, len(unfinished), frozenset(this.unsure), this.failure)

    def reopen(self, payment: Payment, key: str, fence: Fence) -> list[Payment]:
        """Take an own transaction back whose block a reorganisation removed, however final it seemed.

        Returns the payments that changed.
        """
        intent = self.money.intent(*parse_key(key))
        if intent is None or intent.tx_hash is None:
            return []
        self.log.warning("own_transaction_reorganised", intent=key, payment=payment.id)
        changed: list[Payment] = []
        try:
            self._unmined(intent, fence, changed)
        except (Stale, AlreadyExists) as exc:
            self.log.warning("own_transaction_moved_on", intent=key, error=str(exc))
        return changed

    @contextmanager
    def _apart(self, intent: OutgoingTransaction, this: _Pass) -> Iterator[None]:
        """Keep one transaction's trouble from all the others: what became of it is unknown in this pass."""
        try:
            yield
        except FenceLost:
            raise
        except Stale as exc:
            this.unsure.update(intent.payment_ids)
            self.log.info("intent_moved_on", intent=intent.key, error=str(exc))
        except AlreadyExists as exc:
            this.unsure.update(intent.payment_ids)
            self.log.error("intent_stuck", intent=intent.key, error=str(exc))
        except Exception as exc:  # a node's, the store's, or a bug: it must not stop a chain
            this.unsure.update(intent.payment_ids)
            this.failure = this.failure or exc
            if isinstance(exc, ChainError | Busy):
                self.log.warning("intent_followed_later", intent=intent.key, kind=type(exc).__name__, error=exc)
            else:
                self.log.error("intent_not_followed", intent=intent.key, kind=type(exc).__name__, error=exc)

    def _one(self, intent: OutgoingTransaction, this: _Pass) -> None:
        if intent.state is TransactionState.UNREADABLE:
            this.unsure |= {found for found in (self.payments.by_address(intent.sender),) if found}
            self.log.error("intent_unreadable", intent=intent.key)
        elif intent.state is TransactionState.MINED:
            self._watch_mined(intent, this)
        elif intent.state is TransactionState.LOST:
            self._watch_lost(intent, this)
        else:
            self._watch_sent(intent, this)

    # -- not in a block yet

    def _watch_sent(self, intent: OutgoingTransaction, this: _Pass) -> None:
        fate = this.transfers.fate(intent, this.head, this.final)
        if fate.receipt:
            self._mined(intent, fate.receipt, this)
            return
        intent = self._noted(intent, fate)
        if fate.outlook is not Outlook.OPEN:
            # Its fate is unknown until a receipt shows it, or it is certain that none will come.
            this.unsure.update(intent.payment_ids)
        if fate.outlook in (Outlook.OPEN, Outlook.UNKNOWN):
            self._offer(intent, this)
        elif fate.outlook is Outlook.LOST:
            self._lost(intent, this)
        elif fate.outlook is Outlook.EXPIRED:
            self._expired(intent, this)

    def _noted(self, intent: OutgoingTransaction, fate: Fate) -> OutgoingTransaction:
        """Remember how far a missing receipt has been looked for."""
        return intent if fate.search == intent.search else self._write(intent, search=fate.search)

    def _offer(self, intent: OutgoingTransaction, this: _Pass) -> None:
        """Send the newest bytes again where no node holds them, whatever one answered when it was given them."""
        last = intent.attempts[-1]
        if self.chain.known(last.tx_hash):
            if intent.refusal is not None:
                self._write(intent, refusal=None)
            elif this.transfers.hurry(intent, this.head):
                self.jobs.sweep(SweepJob(self.network.name, intent.asset))
            return
        try:
            self.chain.broadcast(last.raw)
        except BroadcastRejected as exc:
            this.unsure.update(intent.payment_ids)
            self.log.warning("rebroadcast_rejected", intent=intent.key, error=str(exc))
            refusal = refusal_of(exc, intent.refusal)
            if refusal != intent.refusal:
                intent = self._write(intent, refusal=refusal)
            if this.transfers.hurry(intent, this.head):
                self.jobs.sweep(SweepJob(self.network.name, intent.asset))

    def _lost(self, intent: OutgoingTransaction, this: _Pass) -> None:
        """Somebody else used the slot: a restored store, or a key in other hands. The addresses are free again."""
        now = self.clock.now()
        self._release(intent, _changed(intent, now, state=TransactionState.LOST, lost_at=now, refusal=None), this)
        self.log.error("slot_taken", intent=intent.key, payment=", ".join(intent.payment_ids))

    def _expired(self, intent: OutgoingTransaction, this: _Pass) -> None:
        """No attempt can be mined any more: the addresses are free for the next sweep, in a slot of its own."""
        self._release(intent, _changed(intent, self.clock.now(), state=TransactionState.EXPIRED, refusal=None), this)
        self.log.info("own_transaction_expired", intent=intent.key, payment=", ".join(intent.payment_ids))
        for asset in {self._payment(each).due.asset_key for each in intent.members}:
            self.jobs.sweep(SweepJob(self.network.name, asset))

    def _release(self, intent: OutgoingTransaction, after: OutgoingTransaction, this: _Pass) -> None:
        def step(payment: Payment, _: Member) -> Step:
            return quiet(payment, self.clock.now(), pending=_released(payment, intent))

        self._change(intent, after, this.fence, step, this.changed, held=False)

    def _watch_lost(self, intent: OutgoingTransaction, this: _Pass) -> None:
        """Undo what was concluded, should a receipt come after all, or the slot be free again."""
        now = self.clock.now()
        pause = min(max((now - intent.lost_at) // 8, SOONEST_LOOK_MS), LATEST_LOOK_MS)
        fate = this.transfers.fate(intent, this.head, this.final) if now - intent.updated_at >= pause else None
        if fate and fate.receipt:
            self._mined(intent, fate.receipt, this)
            return
        this.unsure.update(intent.payment_ids)
        if fate and fate.outlook is Outlook.OPEN:
            self._resume(intent, _changed(intent, now, state=TransactionState.SIGNED, search=(), lost_at=0), this)
        elif fate:
            over = self._watched_long_enough(intent)
            self._write(intent, state=TransactionState.FAILED if over else TransactionState.LOST)

    def _watched_long_enough(self, intent: OutgoingTransaction) -> bool:
        """Whether the payments' monitoring time has gone by without a receipt, a day at least."""
        served = [self._payment(each).policy.monitoring_seconds * 1000 for each in intent.members]
        watch = max(*served, LEAST_WATCH_MS)
        return self.clock.now() - intent.lost_at >= watch

    # -- in a block

    def _watch_mined(self, intent: OutgoingTransaction, this: _Pass) -> None:
        receipt = self.chain.receipt(intent.tx_hash or "")
        if receipt is None or receipt.block_number > this.head.number:
            self._without_receipt(intent, this)
        elif receipt.block_hash != intent.block_hash:
            self._mined(intent, receipt, this)
        elif receipt.block_number > this.final:
            this.moved(intent)
        else:
            self._final(intent, receipt, this)

    def _without_receipt(self, intent: OutgoingTransaction, this: _Pass) -> None:
        """Ask for the block that took it: where it stands, the missing receipt is a node's that is behind."""
        number = intent.block_number or 0
        block = self.chain.blocks([number]).get(number)
        if block is not None and block.hash != intent.block_hash:
            self._unmined(intent, this.fence, this.changed)
            return
        if block is None:
            this.unsure.update(intent.payment_ids)
        this.moved(intent)

    def _mined(self, intent: OutgoingTransaction, receipt: Receipt, this: _Pass) -> None:
        after = mined(intent, receipt, self.clock.now())
        if intent.kind is Kind.SWEEP and intent.state is TransactionState.LOST:
            self._resume(intent, after, this)
        elif intent.kind is Kind.SWEEP:
            self.money.write_intent(intent, after)
        else:
            # The coin that came frees the address for the transfer that waits for it.
            def step(payment: Payment, member: Member) -> Step:
                moves = moves_with(payment.own.moves, after, member)
                return quiet(payment, self.clock.now(), moves=moves, pending=_released(payment, intent))

            self._change(intent, after, this.fence, step, this.changed, held=False)
        if intent.state is TransactionState.LOST:
            self.log.warning("receipt_came_after_all", intent=intent.key)
        this.moved(after)

    def _resume(self, intent: OutgoingTransaction, after: OutgoingTransaction, this: _Pass) -> None:
        """Put a transaction under way again whose slot was thought to be another's."""

        def step(payment: Payment, _: Member) -> Step:
            tier = Tier.SWEEP if intent.kind is Kind.SWEEP and _credited(payment) else payment.tier
            return quiet(payment, self.clock.now(), pending=payment.own.pending or intent.key, tier=tier)

        self._change(intent, after, this.fence, step, this.changed, held=True)

    def _unmined(self, intent: OutgoingTransaction, fence: Fence, changed: list[Payment]) -> None:
        """A reorganisation took it out: the same bytes are sent again."""
        now = self.clock.now()
        after = _changed(intent, now, state=TransactionState.SIGNED, tx_hash=None, block_number=None, block_hash=None)
        if intent.kind is Kind.SWEEP and intent.unfinished:
            self.money.write_intent(intent, after)  # the payments know nothing of it yet
            return

        def step(payment: Payment, member: Member) -> Step:
            undone = quiet(
                payment,
                now,
                tier=Tier.SWEEP if _credited(payment) else payment.tier,
                moves=tuple(move for move in payment.own.moves if move.tx_hash != intent.tx_hash),
                sweeps=tuple(sweep for sweep in payment.own.sweeps if sweep.tx_hash != intent.tx_hash),
                pending=intent.key if payment.own.pending is None else payment.own.pending,
            )
            if intent.unfinished:
                return undone
            return replace(undone, entries=tuple(map(reversed_posting, postings(intent, member, now))))

        self._change(intent, after, fence, step, changed, held=True)

    def _final(self, intent: OutgoingTransaction, receipt: Receipt, this: _Pass) -> None:
        now = self.clock.now()
        state = TransactionState.FINAL if receipt.success else TransactionState.FAILED
        after = _changed(intent, now, state=TransactionState.CANCELLED if intent.cancelled else state)
        if intent.kind is Kind.FUND:
            entries = [entry for member in after.members for entry in postings(after, member, now)]
            self.money.settle(intent, after, entries, this.fence)
        else:

            def step(payment: Payment, member: Member) -> Step:
                return replace(self._finished(payment, after, member, now), entries=postings(after, member, now))

            self._change(intent, after, this.fence, step, this.changed, held=False)
        if after.state is TransactionState.FAILED:
            self.log.error("own_transaction_failed", intent=intent.key, tx_hash=intent.tx_hash)

    def _finished(self, payment: Payment, intent: OutgoingTransaction, member: Member, now: int) -> Step:
        """Settle the payment when nothing worth a transaction is left at its address."""
        ended: dict[str, Any] = {
            "moves": moves_with(payment.own.moves, intent, member),
            "pending": _released(payment, intent),
        }
        if intent.state is not TransactionState.CANCELLED:
            shown = "final" if intent.state is TransactionState.FINAL else "failed"
            ended["sweeps"] = sweeps_with(payment.own.sweeps, intent, member, shown)
        left = payment.changed(moves=ended["moves"]).unswept
        over = intent.state is TransactionState.FINAL and left <= self._dust(payment, intent)
        if not over or payment.tier is not Tier.SWEEP or ended["pending"] is not None:
            return quiet(payment, now, **ended)
        if payment.status is Status.PAID:
            return fire(payment, Trigger.SETTLED, now, **ended)
        return quiet(payment, now, **ended, tier=Tier.MONITORED)

    def _dust(self, payment: Payment, intent: OutgoingTransaction) -> int:
        """Return what is not worth another transaction, the fee of a layer below included."""
        asset = self.network.asset(payment.due.token_id)
        cost = intent.attempts[-1].cost + 2 * intent.fee if intent.token is None else 0
        return max(cost, asset.sweep_floor - 1 if asset else 0)

    # -- storing

    def _payment(self, member: Member) -> Payment:
        payment = self.payments.get(member.payment_id)
        if payment is None:
            raise _Orphan(f"payment {member.payment_id} of an own transaction is not there")
        return payment

    def _write(self, intent: OutgoingTransaction, **changes: object) -> OutgoingTransaction:
        after = _changed(intent, self.clock.now(), **changes)
        self.money.write_intent(intent, after)
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
        *others, last = after.members
        for member in others:
            payment = self._payment(member)
            if (payment.own.pending == before.key) is not held:
                changed.append(self._commit(payment, step(payment, member), fence, ()))
        payment = self._payment(last)
        changed.append(self._commit(payment, step(payment, last), fence, ((before, after),)))

    def _commit(
        self,
        payment: Payment,
        step: Step,
        fence: Fence,
        intents: tuple[tuple[OutgoingTransaction | None, OutgoingTransaction], ...],
    ) -> Payment:
        commit: Commit = self.recorder.step(payment, step, fence=fence, intents=intents)
        return commit_and_notify(self.payments, self.jobs, commit)


class _Orphan(CtripError):
    """The payment of an intent is not there."""


def _released(payment: Payment, intent: OutgoingTransaction) -> str | None:
    """Free the address of this intent, and of no other."""
    return None if payment.own.pending == intent.key else payment.own.pending


def _changed(intent: OutgoingTransaction, now: int, **changes: object) -> OutgoingTransaction:
    return replace(intent, updated_at=now, version=intent.version + 1, **changes)  # type: ignore[arg-type]


def _credited(payment: Payment) -> bool:
    return payment.status in (Status.PAID, Status.SETTLED)
