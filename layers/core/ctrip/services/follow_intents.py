"""Follow own transactions from their bytes to their finality, and account for what they moved."""

from dataclasses import dataclass, replace

from ctrip.domain.assets import Network
from ctrip.domain.chain import Block, Move, Receipt
from ctrip.domain.decide import Step, fire, quiet
from ctrip.domain.errors import AlreadyExists, BroadcastRejected, Stale
from ctrip.domain.ledger import (
    GAS_EXPENSE,
    GAS_STATION,
    ON_ADDRESSES,
    OPERATOR,
    TOKEN_FEE_EXPENSE,
    TREASURY,
    Entry,
)
from ctrip.domain.machine import Trigger
from ctrip.domain.payment import Payment, Status, Sweep, Tier
from ctrip.domain.sweep import Intent, IntentState, Kind, mined
from ctrip.ports import Chain, Clock, Commit, Fence, Jobs, Log, MoneyStore, PaymentStore
from ctrip.services.recording import Recorder

NONCE_PATIENCE = 20  # blocks after which a nonce that the chain has used, without a receipt of ours, was another's


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentFollower:
    """Follows one chain's unfinished intents, as part of a scanner's pass."""

    network: Network
    chain: Chain
    payments: PaymentStore
    money: MoneyStore
    jobs: Jobs
    clock: Clock
    recorder: Recorder
    log: Log

    def follow(self, head: Block, final: int, fence: Fence) -> tuple[list[Payment], int]:
        """Take every unfinished intent a step further where the chain allows; `final` is the height of its finality.

        Returns the payments that changed, and how many intents were unfinished.
        """
        unfinished = self.money.unfinished(self.network.name)
        changed = [self._one(intent, head, final, fence) for intent in unfinished]
        return [payment for payment in changed if payment is not None], len(unfinished)

    def reopen(self, payment: Payment, key: str, fence: Fence) -> Payment | None:
        """Take an own transaction back whose block a reorganisation removed, however final it seemed."""
        chain, sender, nonce = key.split("#")
        intent = self.money.intent(chain, sender, int(nonce))
        if intent is None or intent.tx_hash is None:
            return None
        self.log.warning("own_transaction_reorganised", intent=key, payment=payment.id)
        try:
            return self._unmined(intent, fence)
        except (Stale, AlreadyExists) as exc:
            self.log.warning("own_transaction_moved_on", intent=key, error=str(exc))
            return None

    def _one(self, intent: Intent, head: Block, final: int, fence: Fence) -> Payment | None:
        try:
            if intent.state is IntentState.MINED:
                return self._watch_mined(intent, head, final, fence)
            return self._watch_sent(intent, head, fence)
        except Stale:
            self.log.info("intent_moved_on", intent=intent.key)
        except AlreadyExists as exc:
            self.log.error("intent_stuck", intent=intent.key, error=str(exc))
        return None

    def _watch_sent(self, intent: Intent, head: Block, fence: Fence) -> Payment | None:
        for attempt in reversed(intent.attempts):
            receipt = self.chain.receipt(attempt.tx_hash)
            if receipt is not None and receipt.block_number <= head.number:
                return self._mined(intent, receipt, fence)
        last = intent.attempts[-1]
        if head.number - last.head >= NONCE_PATIENCE and self.chain.nonce(intent.sender) > intent.nonce:
            return self._overtaken(intent, fence)
        if not self.chain.known(last.tx_hash):
            try:
                self.chain.broadcast(last.raw)
            except BroadcastRejected as exc:
                self.log.warning("rebroadcast_rejected", intent=intent.key, error=str(exc))
        return None

    def _overtaken(self, intent: Intent, fence: Fence) -> Payment | None:
        """Somebody else used the nonce: a restored store, or a key in other hands. It will never be mined."""
        self.log.error("nonce_taken", intent=intent.key)
        payment, now = self._payment(intent), self.clock.now()
        after = _changed(intent, now, state=IntentState.FAILED)
        return self._commit(payment, quiet(payment, now, pending=_released(payment, intent)), intent, after, fence)

    def _watch_mined(self, intent: Intent, head: Block, final: int, fence: Fence) -> Payment | None:
        receipt = self.chain.receipt(intent.tx_hash or "")
        if receipt is None or receipt.block_number > head.number:
            return None if self._still_mined(intent, head) else self._unmined(intent, fence)
        if receipt.block_hash != intent.block_hash:
            return self._mined(intent, receipt, fence)
        deep = head.number - receipt.block_number + 1 >= self.network.confirmations
        if not deep or receipt.block_number > final:
            return None
        return self._final(intent, receipt, fence)

    def _still_mined(self, intent: Intent, head: Block) -> bool:
        """Whether the block that took it stands: then a missing receipt is a node's that is behind."""
        if intent.block_number is None or intent.block_number > head.number:
            return False
        block = self.chain.blocks([intent.block_number]).get(intent.block_number)
        return block is None or block.hash == intent.block_hash

    def _mined(self, intent: Intent, receipt: Receipt, fence: Fence) -> Payment | None:
        payment = self._payment(intent)
        after = mined(intent, receipt, self.clock.now())
        step = quiet(
            payment,
            self.clock.now(),
            moves=(*_without(payment.moves, receipt.tx_hash), *_moves(after, receipt)),
            sweeps=_with(payment.sweeps, after, "mined") if intent.kind is Kind.SWEEP else payment.sweeps,
            pending=_released(payment, intent) if intent.kind is Kind.FUND else payment.pending,
        )
        return self._commit(payment, step, intent, after, fence)

    def _unmined(self, intent: Intent, fence: Fence) -> Payment | None:
        """A reorganisation took it out: the same bytes are sent again."""
        payment = self._payment(intent)
        after = _changed(
            intent, self.clock.now(), state=IntentState.SIGNED, tx_hash=None, block_number=None, block_hash=None
        )
        swept = payment.status in (Status.PAID, Status.SETTLED)
        step = quiet(
            payment,
            self.clock.now(),
            tier=Tier.SWEEP if swept else payment.tier,
            moves=_without(payment.moves, intent.tx_hash),
            sweeps=tuple(sweep for sweep in payment.sweeps if sweep.tx_hash != intent.tx_hash),
            pending=intent.key if payment.pending is None else payment.pending,
        )
        if not intent.unfinished:
            step = replace(step, entries=tuple(_reversed(entry) for entry in _entries(intent, self.clock.now())))
        return self._commit(payment, step, intent, after, fence)

    def _final(self, intent: Intent, receipt: Receipt, fence: Fence) -> Payment | None:
        now = self.clock.now()
        after = _changed(intent, now, state=IntentState.FINAL if receipt.success else IntentState.FAILED)
        entries = _entries(after, now)
        if not receipt.success:
            self.log.error("own_transaction_failed", intent=intent.key, tx_hash=intent.tx_hash)
        if intent.kind is Kind.FUND:
            for entry in entries:
                self.money.post(entry)
            self.money.write_intent(intent, after)
            return None
        payment = self._payment(intent)
        step = replace(self._finished(payment, after, now), entries=entries)
        return self._commit(payment, step, intent, after, fence)

    def _finished(self, payment: Payment, intent: Intent, now: int) -> Step:
        """Settle the payment when nothing worth a transaction is left at its address."""
        sweeps = _with(payment.sweeps, intent, "final" if intent.state is IntentState.FINAL else "failed")
        last = intent.attempts[-1]
        # What another transaction would cost, the fee of a layer below included, is not worth one.
        dust = last.gas * last.max_fee + 2 * intent.fee if intent.token is None else 0
        pending = _released(payment, intent)
        if intent.state is IntentState.FAILED or payment.unswept > dust or payment.tier is not Tier.SWEEP:
            return quiet(payment, now, sweeps=sweeps, pending=pending)
        if payment.status is Status.PAID:
            return fire(payment, Trigger.SETTLED, now, sweeps=sweeps, pending=pending)
        return quiet(payment, now, sweeps=sweeps, pending=pending, tier=Tier.MONITORED)

    def _payment(self, intent: Intent) -> Payment:
        payment = self.payments.get(intent.payment_id)
        if payment is None:
            raise Stale(f"payment {intent.payment_id} of intent {intent.key} is not there")
        return payment

    def _commit(self, payment: Payment, step: Step, before: Intent, after: Intent, fence: Fence) -> Payment:
        commit: Commit = self.recorder.step(payment, step, fence=fence, intents=((before, after),))
        self.payments.commit(commit)
        if commit.event:
            self.jobs.deliver([(payment.merchant_id, commit.event.ulid, 1)])
        return commit.after


def _released(payment: Payment, intent: Intent) -> str | None:
    """Free the address of this intent, and of no other."""
    return None if payment.pending == intent.key else payment.pending


def _changed(intent: Intent, now: int, **changes: object) -> Intent:
    return replace(intent, updated_at=now, version=intent.version + 1, **changes)  # type: ignore[arg-type]


def _with(sweeps: tuple[Sweep, ...], intent: Intent, status: str) -> tuple[Sweep, ...]:
    others = tuple(sweep for sweep in sweeps if sweep.tx_hash != intent.tx_hash)
    return (*others, Sweep(intent.tx_hash or "", status, intent.amount))


def _without(moves: tuple[Move, ...], tx_hash: str | None) -> tuple[Move, ...]:
    return tuple(move for move in moves if move.tx_hash != tx_hash)


def _reversed(entry: Entry) -> Entry:
    return replace(entry, id=f"{entry.id}#reversed", debit=entry.credit, credit=entry.debit)


def _moves(intent: Intent, receipt: Receipt) -> tuple[Move, ...]:
    """What the transaction did to the deposit address, from its receipt."""

    def move(token: str | None, amount: int) -> Move:
        return Move(receipt.tx_hash, token, amount, receipt.block_number, receipt.block_hash, intent.key)

    if intent.kind is Kind.FUND:
        return (move(None, intent.amount),) if intent.amount else ()
    if intent.token is None:
        return (move(None, -(intent.amount + receipt.fee)),)
    return (*((move(intent.token, -intent.left),) if intent.left else ()), move(None, -receipt.fee))


def _entries(intent: Intent, now: int) -> tuple[Entry, ...]:
    """Post what moved and what it cost; the gas is the operator's expense."""
    source, target = (GAS_STATION, ON_ADDRESSES) if intent.kind is Kind.FUND else (ON_ADDRESSES, TREASURY)
    gas_from = GAS_STATION if intent.kind is Kind.FUND else ON_ADDRESSES
    rows = [
        ("moved", intent.asset, source, target, intent.amount),
        ("gas", "native", gas_from, GAS_EXPENSE, intent.fee),
        ("kept", intent.asset, source, TOKEN_FEE_EXPENSE, intent.left - intent.amount),
    ]
    return tuple(
        Entry(
            # The version too: a reorganisation that is undone brings the very same block back.
            id=f"{intent.key}#{intent.block_hash}#{intent.version:06d}#{name}",
            owner=OPERATOR,
            chain=intent.chain,
            asset=asset,
            debit=debit,
            credit=credit,
            amount=amount,
            payment_id=intent.payment_id,
            tx_hash=intent.tx_hash,
            at=now,
        )
        for name, asset, credit, debit, amount in rows
        if amount
    )
