"""Read the gates and start a scanner for every chain that is due; an idle chain costs this one read."""

from collections.abc import Sequence
from dataclasses import dataclass

from ctrip.ports import AccessStore, Clock, Jobs

WARM_EVERY_MS = 300_000
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class ScanStarter:
    """Runs each minute."""

    access: AccessStore
    jobs: Jobs
    clock: Clock
    chains: Sequence[str]

    def run(self) -> list[str]:
        """Start a scanner per chain that is hot, and each five minutes per chain that is warm; return their names."""
        now = self.clock.now()
        gates = self.access.gates(self.chains)
        if any(gate.daily_at for gate in gates.values()):
            self._begin_rounds([chain for chain in self.chains if not gates[chain].daily_at], now)
        warm_turn = now % WARM_EVERY_MS < MINUTE_MS
        started = []
        for chain in self.chains:
            gate = gates.get(chain)
            if gate is None or gate.paused:
                continue
            if now < gate.hot_until or gate.daily_due(now) or (warm_turn and now < gate.warm_until):
                self.jobs.scan(chain)
                started.append(chain)
        return started

    def _begin_rounds(self, chains: Sequence[str], now: int) -> None:
        """Let the daily look reach chains that nobody was asked to pay on: money may come there by mistake."""
        for chain in chains:
            self.access.raise_gate(chain, hot_until=0, warm_until=0, now=now)
