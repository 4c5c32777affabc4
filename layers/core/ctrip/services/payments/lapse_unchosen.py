"""End payments whose payer has chosen nothing in time: no chain is watched for them, so the clock decides."""

from dataclasses import dataclass

from ctrip.domain.detection.step import fire
from ctrip.domain.errors import Busy, Stale
from ctrip.domain.payments.machine import Trigger
from ctrip.domain.payments.payment import Payment
from ctrip.ports.jobs import Jobs
from ctrip.ports.payments import PaymentStore
from ctrip.ports.runtime import Clock, Log
from ctrip.services.shared.notify import commit_and_notify
from ctrip.services.shared.recording import Recorder

AT_A_TIME = 100
WORK_MS = 15_000  # half of what the function has: the next run goes on


@dataclass(frozen=True, slots=True, kw_only=True)
class UnchosenLapser:
    """Runs each minute."""

    payments: PaymentStore
    jobs: Jobs
    clock: Clock
    recorder: Recorder
    log: Log

    def run(self) -> int:
        """Let what is over expire, those first that are over for longest; return how many were.

        One's trouble is no other's: what could not be ended now is passed over until the next run.
        """
        began, count, after = self.clock.now(), 0, ""
        while True:
            found, after = self.payments.unchosen(began - 1, AT_A_TIME, after=after)
            count += sum(map(self._lapse, found))
            if not after or self.clock.now() - began >= WORK_MS:
                return count

    def _lapse(self, payment: Payment) -> bool:
        if payment.is_chosen or not payment.is_open:
            return False  # the index lags
        try:
            step = fire(payment, Trigger.LAPSED, self.clock.now())
            commit_and_notify(self.payments, self.jobs, self.recorder.step(payment, step))
        except (Stale, Busy) as exc:
            self.log.info("expired_later", payment=payment.id, error=str(exc))
        except Exception as exc:  # a bug, or an item that cannot be read: it must not stop the others
            self.log.error("payment_broken", payment=payment.id, kind=type(exc).__name__, error=str(exc))
        else:
            return True
        return False
