"""Approve the sweep of a payment whose money is above the stage's threshold."""

import json
from dataclasses import dataclass, replace

from ctrip.domain.audit import Origin
from ctrip.domain.detection.step import quiet
from ctrip.domain.errors import Conflict, NotFound
from ctrip.domain.payments.payment import Payment
from ctrip.domain.sweeping.standing import SweepState
from ctrip.ports.idempotency import Idempotency
from ctrip.ports.jobs import Jobs
from ctrip.ports.merchants import AccessStore
from ctrip.ports.payments import PaymentStore
from ctrip.ports.runtime import Clock, Log
from ctrip.services.shared.notify import commit_and_notify
from ctrip.services.shared.once import Answer, Once
from ctrip.services.shared.recording import Recorder
from ctrip.services.shared.retry import on_stale
from ctrip.services.sweeping.read_sweeps import SweepReader
from ctrip.views.sweeps import sweep_view

TRIES = 8
LOOK_MS = 600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepApprover:
    """Notes with a payment, and in its audit chain, who approved the sweep of which amount."""

    payments: PaymentStore
    access: AccessStore
    sweeps: SweepReader
    jobs: Jobs
    clock: Clock
    log: Log
    recorder: Recorder
    once: Once

    def approve(self, payment_id: str, origin: Origin, idempotency: Idempotency | None = None) -> Answer:
        """Approve what lies at the address now; what comes later counts anew.

        Raises `NotFound`, and `Conflict` where nothing waits for a sweep.
        """

        def attempt() -> Answer:
            payment = self.payments.get(payment_id)
            if payment is None:
                raise NotFound(f"There is no payment {payment_id[:64]}.", code="payment_not_found")
            before = self.sweeps.of(payment)
            if before is None or before.state is SweepState.PARKED or payment.own.pending is not None:
                raise Conflict("Nothing of this payment waits for a sweep.", code="sweep_not_waiting")
            if payment.unswept <= payment.review.sweep_approved:
                return self._shown(payment)
            return self._commit(payment, origin, idempotency)

        changed = Conflict("The payment is changing; read it and try again.", code="payment_changed")
        return self.once.run(idempotency, lambda: on_stale(attempt, tries=TRIES, otherwise=changed))

    def _commit(self, payment: Payment, origin: Origin, idempotency: Idempotency | None) -> Answer:
        now, amount = self.clock.now(), payment.unswept
        commit = self.recorder.step(payment, quiet(payment, now, sweep_approved=amount), origin=origin)
        answer = self._shown(commit.after)
        held = json.dumps(answer.view) if idempotency else ""
        commit_and_notify(self.payments, self.jobs, replace(commit, idempotency=idempotency, answer=held))
        self.log.info("sweep_approved", payment=payment.id, amount=str(amount), by=origin.actor)
        until = now + LOOK_MS  # the scanner asks for the sweep
        self.access.raise_gate(payment.due.chain, hot_until=until, warm_until=until, now=now)
        return answer

    def _shown(self, payment: Payment) -> Answer:
        after = self.sweeps.of(payment)
        if after is None:
            raise Conflict("Nothing of this payment waits for a sweep.", code="sweep_not_waiting")
        return Answer(sweep_view(payment, after))
