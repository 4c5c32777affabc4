"""Decide the payments of one pass: look at each, take the steps that the look allows, commit, tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ctrip.domain.alarms import DEEP_REORG
from ctrip.domain.chains.chain import Block
from ctrip.domain.chains.kinds import rules_of
from ctrip.domain.detection.decide import next_step
from ctrip.domain.detection.observe import Look
from ctrip.domain.detection.step import Step, fire, quiet
from ctrip.domain.detection.watch import Watch
from ctrip.domain.errors import AlreadyExists, NotHeld, NotKept, Stale, Unavailable
from ctrip.domain.payments.machine import Trigger
from ctrip.domain.payments.payment import Payment
from ctrip.domain.webhooks.events import Event
from ctrip.ports.chain import Chain
from ctrip.ports.gates import Fence
from ctrip.ports.jobs import Jobs
from ctrip.ports.merchants import AccessStore
from ctrip.ports.payments import PaymentStore
from ctrip.ports.runtime import Clock, Log
from ctrip.services.detection.look_at import Looker
from ctrip.services.detection.own_transactions import OwnTransactions
from ctrip.services.detection.sight import Sight
from ctrip.services.detection.troubles import Troubles
from ctrip.services.detection.trust_chain import ChainTrust
from ctrip.services.detection.vouch_address import AddressVoucher
from ctrip.services.detection.watch_list import WatchList
from ctrip.services.shared.notify import notify
from ctrip.services.shared.recording import Recorder

STEPS = 12  # more than the longest walk through the machine; a guard against a rule that never ends
OLDER = (1, 2, 4, 8)  # blocks before the head that are looked at instead, where no endpoint has the head's state
RETRIES = 50  # explanations asked for again in one pass


@dataclass(slots=True, kw_only=True)
class PaymentDecider:
    """Decides what is watched on one chain, for one scanner."""

    chain: Chain
    payments: PaymentStore
    access: AccessStore
    jobs: Jobs
    clock: Clock
    recorder: Recorder
    looker: Looker
    trust: ChainTrust
    voucher: AddressVoucher
    log: Log
    fence: Fence
    watch: WatchList
    own: OwnTransactions
    troubles: Troubles
    paused: bool = False  # a deep reorganisation has paused the chain: this pass is the last

    def decide(
        self, due: Sequence[Watch], head: Block, previous: Block | None, *, now: int, final: int, lags: bool
    ) -> Block:
        """Look at what is due, decide and commit; return the block that the look stood on, the oldest where several.

        What a chain that shows its newest state alone could not tell before it went on is looked at on its new block.
        """
        sight, by_id = self._look(due, head, previous, now=now, final=final, lags=lags)
        with self.troubles.apart("what is left"):
            # Elsewhere a newer head would be one that nobody has judged, and what is unknown is a contract's fault.
            goes_on = rules_of(self.trust.network).seen_final
            left = [row for row in due if by_id[row.id] is None] if goes_on else []
            while left and (newer := self.chain.head()).number > head.number:
                head = newer
                final_here = self.trust.final_height(head)
                _, found = self._look(left, head, previous, now=now, final=final_here, lags=lags)
                by_id |= found
                still = [row for row in left if found[row.id] is None]
                if len(still) == len(left):
                    break
                left = still
        self.watch.looked(due, by_id)
        with self.troubles.apart("explanations"):
            self._explain_again(sight)
        return sight.at

    def _look(
        self, due: Sequence[Watch], head: Block, previous: Block | None, *, now: int, final: int, lags: bool
    ) -> tuple[Sight, dict[str, int | None]]:
        """Look at rows on one block; return what the look stands on, and balances by payment, None where unknown."""
        at, balances = self._balances(due, head)
        by_id = {row.id: balance for row, balance in zip(due, balances, strict=True)}
        rows = [row for row in due if row.to_be_read(by_id[row.id], at.time)]
        rows = [row for row in rows if not self.trust.set_aside(row.token)]
        payments = list(self.watch.payments_of(rows, now).values())
        if lags or at.number < head.number:
            payments = [each for each in payments if _newest(each) <= at.number]
        base = min(at.number, previous.number) if previous else at.number
        sight, blind = self.looker.sight(payments, at, final=final, base=base, previous=previous)
        payments = [each for each in payments if each.id not in blind and not self.own.reopened(each, sight)]
        self._decide_all(payments, by_id, sight)
        if blind:
            self.troubles.found["headers"] = Unavailable(f"no endpoint holds what {len(blind)} payments need")
        return sight, by_id

    def _balances(self, due: Sequence[Watch], head: Block) -> tuple[Block, list[int | None]]:
        """Read the balances at the head, or at the newest block before it whose state an endpoint has."""
        chain = self.chain
        try:
            return head, chain.balances(head, due)
        except NotKept:
            return head, [None] * len(due)  # the chain has gone on since its head was asked for
        except NotHeld as exc:
            missing = exc
        older = chain.blocks([head.number - back for back in OLDER if head.number >= back])
        for number in sorted(older, reverse=True):
            try:
                return older[number], chain.balances(older[number], due)
            except NotHeld as exc:
                missing = exc
        raise missing

    def _decide_all(self, payments: Sequence[Payment], balances: dict[str, int | None], sight: Sight) -> None:
        seen, stored = [], {payment.id: payment for payment in payments}
        for payment in payments:
            balance = balances[payment.id]
            if balance is None or _nothing_new(payment, balance, sight.at):
                continue
            with self.troubles.apart(payment.id):
                as_seen = self.own.with_moves(payment)
                if not self.own.awaited(as_seen, balance, sight):
                    seen.append((as_seen, balance))
        looks = self.looker.looks(seen, sight, fresh=self.watch.fresh, apart=self.troubles.apart)
        told: list[Event] = []
        try:
            for as_seen, _ in seen:
                if as_seen.id not in looks:
                    continue  # whatever was in the way is noted
                with self.troubles.apart(as_seen.id):
                    look = self.looker.judged(as_seen, looks[as_seen.id], self.trust, self.voucher)
                    self._take_steps(stored[as_seen.id], look, told)
        finally:
            notify(self.jobs, told)

    def _take_steps(self, payment: Payment, look: Look, told: list[Event]) -> None:
        """Take every step that this look allows, each in its own transaction."""
        for _ in range(STEPS):
            step = next_step(payment, look, self.clock.now())
            if step is None:
                return
            try:
                payment = self._commit(payment, step, told)
            except (Stale, AlreadyExists) as exc:
                self.log.info("payment_moved_on", payment=payment.id, error=str(exc))
                self.watch.round_at = 0  # look again in the next pass, whatever its tier
                if (fresh := self.payments.get(payment.id)) is not None:
                    self.watch.forget(payment.id)
                    self.watch.keep(fresh)
                return
        self.log.error("rules_without_end", payment=payment.id)

    def _commit(self, payment: Payment, step: Step, told: list[Event]) -> Payment:
        commit = self.recorder.step(payment, step, fence=self.fence)
        if step.alarm == DEEP_REORG:
            self.access.pause(payment.due.chain, True)  # first: it can be repeated, and must not be lost
        self.payments.commit(commit)
        self.watch.keep(commit.after)
        if step.alarm == DEEP_REORG:
            self.paused = True  # undone and paused: this pass is the last
        if step.alarm:
            self.log.error(step.alarm, payment=payment.id, chain=payment.due.chain)
        if commit.event:
            told.append(commit.event)
        return commit.after

    # -- what is still unexplained

    def _explain_again(self, sight: Sight) -> None:
        """Ask again for what is unexplained and due; what is found is told, what is not waits for longer."""
        now = self.clock.now()
        held = [*self.watch.read.values(), *self.watch.slow_read.values()]
        wanted = [each for each in held if each.may_be_unexplained and each.seen.explain_at <= now]
        wanted = [each for each in wanted if now < each.window_ends][:RETRIES] if self.looker.explainer.prompt else []
        if not wanted:
            return
        looks = [self.looker.as_recorded(each, sight) for each in wanted]
        questions = [self.looker.whole_question(each, look, sight) for each, look in zip(wanted, looks, strict=True)]
        found = self.looker.explained(questions, sight, self.troubles.apart)
        told: list[Event] = []
        for payment in wanted:
            with self.troubles.apart(payment.id):
                if (look := found.get(payment.id)) is None:
                    continue
                changes: dict[str, Any] = {
                    "transfers": look.transfers,
                    "explained": look.explained,
                    "explain_at": look.explain_at,
                    "explain_tries": look.explain_tries,
                }
                better = look.explained > payment.seen.explained
                step = fire(payment, Trigger.EXPLAINED, now, **changes) if better else quiet(payment, now, **changes)
                try:
                    self._commit(payment, step, told)
                except Stale:
                    self.watch.forget(payment.id)  # it moved on, and is read again when it is due
        notify(self.jobs, told)


def _newest(payment: Payment) -> int:
    """Return the newest block that a payment's record speaks of: no look before it tells anything of it."""
    seen = [observation.block_number for observation in payment.seen.observations[-1:]]
    return max([*seen, *(move.block_number for move in payment.own.moves)], default=0)


def _nothing_new(payment: Payment, balance: int, at: Block) -> bool:
    """Whether an unpaid payment is as it was: most are, in most passes."""
    known = balance == (payment.seen.baseline or 0) and not payment.seen.amount_received
    return payment.is_unseen and known and not (payment.flags or at.time > payment.due.expires_at)
