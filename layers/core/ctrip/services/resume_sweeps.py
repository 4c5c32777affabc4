"""The safety net under sweeping: a chain with unfinished transactions is looked at, whatever its gate says."""

from collections.abc import Sequence
from dataclasses import dataclass

from ctrip.ports import AccessStore, Clock, Jobs, MoneyStore

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
        """Open and scan every chain that has unfinished own transactions; return their names."""
        now = self.clock.now()
        busy = [chain for chain in self.chains if self.money.unfinished(chain)]
        for chain in busy:
            if self.access.raise_gate(chain, hot_until=now + LOOK_MS, warm_until=now + LOOK_MS, now=now):
                self.jobs.scan(chain)
        return busy
