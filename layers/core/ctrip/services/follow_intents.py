"""Follow own transactions from their bytes to their finality, and account for what they moved."""

from dataclasses import dataclass, replace
from typing import Any

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
from ctrip.domain.payment import Payment, Status, Tier
from ctrip.domain.sweep import Intent, IntentState, Kind, mined, moves_with, parse_key, sweeps_with
from ctrip.ports import Chain, Clock, Commit, Fence, Jobs, Log, MoneyStore, PaymentStore
from ctrip.services.recording import Recorder

NONCE_PATIENCE = 20  # blocks after which a nonce that the chain has used, without a receipt of ours, was another's


@dataclass(frozen=True, slots=True)
class Followed:
    """What a look at own transactions found: payments that changed, and how many transactions are unfinished.

    `moves` are by payment what its sweep has moved that is mined and not final: facts of this pass, stored with the
    payment only once they are final.
    """

    changed: tuple[Payment, ...]
    moves: dict[str, tuple[Move, ...]]
    unfinished: int
    unsure: frozenset[str] = frozenset()
    failure: Exception | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentFollower:
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

    def follow(self, head: Block, final: int, fence: Fence) -> Followed:
        """Take every unfinished intent a step further where the chain allows; `final` is the height of its finality."""
        unfinished = self.money.unfinished(self.network.name)
        changed, moves = [], dict[str, tuple[Move, ...]]()
        for intent in unfinished:
            found = self._one(intent, head, final, fence)
            if isinstance(found, Payment):
                changed.append(found)
            elif found is not None:
                moves[found.payment_id] = moves_with(moves.get(found.payment_id, ()), found)
        return Followed(tuple(changed), moves, len(unfinished))

    def reopen(self, payment: Payment, key: str, fence: Fence) -> Payment | None:
        """Take an own transaction back whose block a reorganisation removed, however final it seemed."""
        intent = self.money.intent(*parse_key(key))
        if intent is None or intent.tx_hash is None:
            return None
        self.log.warning("own_transaction_reorganised", intent=key, payment=payment.id)
        try:
            return self._unmined(intent, fence)
        except (Stale, AlreadyExists) as exc:
            self.log.warning("own_transaction_moved_on", intent=key, error=str(exc))
            return None

    def _one(self, intent: Intent, head: Block, final: int, fence: Fence) -> Payment | Intent | None:
        """Return the payment that changed, or the mined sweep that has not changed it yet."""
        try:
            if intent.state is IntentState.MINED:
                return self._watch_mined(intent, head, final, fence)
            return self._watch_sent(intent, head, fence)
        except Stale:
            self.log.info("intent_moved_on", intent=intent.key)
        except AlreadyExists as exc:
            self.log.error("intent_stuck", intent=intent.key, error=str(exc))
        return None

    def _watch_sent(self, intent: Intent, head: Block, fence: Fence) -> Payment | Intent | None:
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

    def _watch_mined(self, intent: Intent, head: Block, final: int, fence: Fence) -> Payment | Intent | None:
        receipt = self.chain.receipt(intent.tx_hash or "")
        sweep = intent if intent.kind is Kind.SWEEP else None
        if receipt is None or receipt.block_number > head.number:
            return sweep if self._still_mined(intent, head) else self._unmined(intent, fence)
        if receipt.block_hash != intent.block_hash:
            return self._mined(intent, receipt, fence)
        deep = head.number - receipt.block_number + 1 >= self.network.confirmations
        if not deep or receipt.block_number > final:
            return sweep
        return self._final(intent, receipt, fence)

    def _still_mined(self, intent: Intent, head: Block) -> bool:
        """Whether the block that took it stands: then a missing receipt is a node's that is behind."""
        if intent.block_number is None or intent.block_number > head.number:
            return False
        block = self.chain.blocks([intent.block_number]).get(intent.block_number)
        return block is None or block.hash == intent.block_hash

    def _mined(self, intent: Intent, receipt: Receipt, fence: Fence) -> Payment | Intent:
        now = self.clock.now()
        after = mined(intent, receipt, now)
        if intent.kind is Kind.SWEEP:
            self.money.write_intent(intent, after)
            return after
        # The gas that came frees the address for the transfer that waits for it.
        payment = self._payment(intent)
        step = quiet(payment, now, moves=moves_with(payment.moves, after), pending=_released(payment, intent))
        return self._commit(payment, step, intent, after, fence)

    def _unmined(self, intent: Intent, fence: Fence) -> Payment | None:
        """A reorganisation took it out: the same bytes are sent again."""
        after = _changed(
            intent, self.clock.now(), state=IntentState.SIGNED, tx_hash=None, block_number=None, block_hash=None
        )
        if intent.kind is Kind.SWEEP and intent.unfinished:
            self.money.write_intent(intent, after)  # the payment knows nothing of it yet
            return None
        payment = self._payment(intent)
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
        last = intent.attempts[-1]
        # What another transaction would cost, the fee of a layer below included, is not worth one.
        dust = last.gas * last.max_fee + 2 * intent.fee if intent.token is None else 0
        ended: dict[str, Any] = {
            "moves": moves_with(payment.moves, intent),
            "sweeps": sweeps_with(payment.sweeps, intent, "final" if intent.state is IntentState.FINAL else "failed"),
            "pending": _released(payment, intent),
        }
        left = replace(payment, moves=ended["moves"]).unswept
        if intent.state is IntentState.FAILED or left > dust or payment.tier is not Tier.SWEEP:
            return quiet(payment, now, **ended)
        if payment.status is Status.PAID:
            return fire(payment, Trigger.SETTLED, now, **ended)
        return quiet(payment, now, **ended, tier=Tier.MONITORED)

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


def _without(moves: tuple[Move, ...], tx_hash: str | None) -> tuple[Move, ...]:
    return tuple(move for move in moves if move.tx_hash != tx_hash)


def _reversed(entry: Entry) -> Entry:
    return replace(entry, id=f"{entry.id}#reversed", debit=entry.credit, credit=entry.debit)


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
