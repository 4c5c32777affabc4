"""The safety net under sweeping: a chain with unfinished transactions is looked at, whatever its gate says."""

from collections.abc import Sequence
from dataclasses import dataclass

from ctrip.domain.jobs import ScanJob
from ctrip.domain.sweeping.sweep import TransactionState
from ctrip.ports.jobs import Jobs
from ctrip.ports.merchants import AccessStore
from ctrip.ports.money import MoneyStore
from ctrip.ports.runtime import Clock

LOOK_MS = 600_000


@dataclass(frozen=True, slots=True)
class SweepResumer:
    """Runs each five minutes."""

    money: MoneyStore
    access: AccessStore
    jobs: Jobs
    clock: Clock
    chains: Sequence[str]

    def run(self) -> list[str]:
        """Open and scan every chain that has unfinished own transactions; return their names.

        One pass is enough where there are only such that are watched in case a receipt comes after all.
        """
        now, busy = self.clock.now(), []
        for chain in self.chains:
            if states := {transaction.state for transaction in self.money.unfinished(chain)}:
                busy.append(chain)
                hot = now + LOOK_MS if states - {TransactionState.LOST} else 0
                if self.access.raise_gate(chain, hot_until=hot, warm_until=now + LOOK_MS, now=now):
                    self.jobs.scan(ScanJob(chain))
        return busy
