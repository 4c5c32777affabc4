"""What a merchant decides about a payment by hand: cancel it, or accept it late."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from ctrip.domain.audit import Origin
from ctrip.domain.detection.step import fire, quiet
from ctrip.domain.errors import Conflict, Forbidden
from ctrip.domain.jobs import ScanJob
from ctrip.domain.payments.machine import Trigger
from ctrip.domain.payments.payment import Flag, Hold, Payment, Tier
from ctrip.ports.idempotency import Idempotency
from ctrip.ports.jobs import Jobs
from ctrip.ports.merchants import AccessStore
from ctrip.ports.payments import PaymentStore
from ctrip.ports.runtime import Clock
from ctrip.services.payments.read_payment import PaymentReader
from ctrip.services.shared.notify import commit_and_notify
from ctrip.services.shared.once import Answer, Once
from ctrip.services.shared.recording import Recorder
from ctrip.services.shared.retry import on_stale
from ctrip.views.payments import payment_view

DUST_PER_MILLE = 1
TRIES = 3
LOOK_MS = 600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCloser:
    """Cancels and accepts payments."""

    reader: PaymentReader
    payments: PaymentStore
    access: AccessStore
    jobs: Jobs
    clock: Clock
    recorder: Recorder
    once: Once

    def cancel(
        self, merchant_id: str | None, payment_id: str, origin: Origin, idempotency: Idempotency | None = None
    ) -> Answer:
        """Cancel while no more than dust has arrived.

        Raises `Conflict` afterwards, and a second time; the same idempotency key gets the first answer again.
        """

        def attempt() -> Answer:
            payment = self.reader.find(merchant_id, payment_id)
            dust = payment.due.amount * DUST_PER_MILLE // 1000
            if not payment.is_open or payment.seen.amount_received > dust:
                raise Conflict(
                    f"A payment that is {payment.status} cannot be cancelled.", code="payment_not_cancellable"
                )
            step = fire(payment, Trigger.CANCELLED, self.clock.now())
            commit = replace(self.recorder.step(payment, step, origin=origin), idempotency=idempotency)
            if idempotency is not None and idempotency.owner != payment.merchant_id:
                # An event is found by its merchant alone, so an admin's key remembers the answer itself.
                commit = replace(commit, answer=json.dumps(payment_view(commit.after)))
            return Answer(payment_view(commit_and_notify(self.payments, self.jobs, commit)))

        return self._once(attempt, idempotency)

    def accept(
        self, merchant_id: str | None, payment_id: str, origin: Origin, idempotency: Idempotency | None = None
    ) -> Answer:
        """Ask for a late or held payment to be credited; the scanner does it at the confirmed depth.

        Raises `Forbidden` where money left unexplained and a merchant asks: that loss is the operator's to judge.
        """

        def attempt() -> Answer:
            payment = self.reader.find(merchant_id, payment_id)
            if payment.review.accept_requested:
                return Answer(payment_view(payment))
            if merchant_id is not None and payment.review.hold is Hold.OUTFLOW:
                raise Forbidden(
                    "Money left this address without the gateway; only the operator may release it.",
                    code="operator_required",
                )
            if not _acceptable(payment):
                raise Conflict(
                    "Only an expired or held payment with funds can be accepted.", code="payment_not_acceptable"
                )
            now = self.clock.now()
            closed = self.access.raise_gate(
                payment.due.chain, hot_until=now + LOOK_MS, warm_until=now + LOOK_MS, now=now
            )
            # Raised anew, so that a scanner which holds it already reads it again.
            asked = {"accept_requested": True, "accept_amount": payment.seen.amount_received}
            step = quiet(payment, now, **asked, tier=Tier.OPEN, raised_at=now)
            commit = replace(self.recorder.step(payment, step, origin=origin), idempotency=idempotency)
            # No event tells of a request, so the key remembers the answer itself.
            commit = replace(commit, answer=json.dumps(payment_view(commit.after)) if idempotency else "")
            after = commit_and_notify(self.payments, self.jobs, commit)
            if closed:
                self.jobs.scan(ScanJob(payment.due.chain, origin.request_id))
            return Answer(payment_view(after))

        return self._once(attempt, idempotency)

    def _once(self, attempt: Callable[[], Answer], idempotency: Idempotency | None) -> Answer:
        changed = Conflict("The payment is changing; read it and try again.", code="payment_changed")
        return self.once.run(idempotency, lambda: on_stale(attempt, tries=TRIES, otherwise=changed))


def _acceptable(payment: Payment) -> bool:
    waits = payment.is_expired or Flag.HELD in payment.flags
    return waits and (payment.seen.amount_received > 0 or payment.own.credited > 0)
