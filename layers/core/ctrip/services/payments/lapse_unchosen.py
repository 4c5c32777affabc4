"""End payments whose payer has chosen nothing in time: no chain is watched for them, so the clock decides."""

from dataclasses import dataclass

from ctrip.domain.detection.step import fire
from ctrip.domain.errors import Busy, Stale
from ctrip.domain.payments.machine import Trigger
from ctrip.ports import Clock, Jobs, Log, PaymentStore
from ctrip.services.shared.notify import commit_and_notify
from ctrip.services.shared.recording import Recorder

AT_MOST = 200  # in one run; the next goes on


@dataclass(frozen=True, slots=True, kw_only=True)
class UnchosenLapser:
    """Runs each minute."""

    payments: PaymentStore
    jobs: Jobs
    clock: Clock
    recorder: Recorder
    log: Log

    def run(self) -> int:
        """Let what is over expire; return how many were. One's trouble is no other's."""
        now, count = self.clock.now(), 0
        for payment in self.payments.unchosen(now - 1, AT_MOST):
            if payment.is_chosen or not payment.is_open:
                continue  # the index lags
            try:
                commit_and_notify(
                    self.payments, self.jobs, self.recorder.step(payment, fire(payment, Trigger.LAPSED, now))
                )
                count += 1
            except (Stale, Busy) as exc:
                self.log.info("expired_later", payment=payment.id, error=str(exc))
            except Exception as exc:  # a bug, or an item that cannot be read: it must not stop the others
                self.log.error("payment_broken", payment=payment.id, kind=type(exc).__name__, error=str(exc))
        return count
