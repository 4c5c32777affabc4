"""Read the gates and start a scanner for every chain that is due; an idle chain costs this one read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ctrip.domain.chains.assets import Network
from ctrip.domain.detection.gates import Gate
from ctrip.domain.detection.readiness import judge
from ctrip.domain.jobs import ScanJob
from ctrip.ports.jobs import Jobs
from ctrip.ports.merchants import AccessStore
from ctrip.ports.money import MoneyStore
from ctrip.ports.runtime import Clock, Log

WARM_EVERY_MS = 300_000
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanStarter:
    """Runs each minute."""

    networks: Mapping[str, Network]
    access: AccessStore
    money: MoneyStore
    jobs: Jobs
    clock: Clock
    log: Log

    def run(self) -> list[str]:
        """Start a scanner per chain that is hot, and each five minutes per chain that is warm; return their names.

        A hot chain whose passes fail, or do not come, is an alarm.
        """
        now = self.clock.now()
        names = tuple(self.networks)
        gates = self.access.gates(names)
        if any(gate.daily_at for gate in gates.values()):
            self._begin_rounds([chain for chain in names if not gates[chain].daily_at], now)
        warm_turn = now % WARM_EVERY_MS < MINUTE_MS
        started = []
        for chain in names:
            gate = gates.get(chain)
            if gate is None or gate.paused:
                continue
            if now < gate.hot_until or gate.daily_due(now) or (warm_turn and now < gate.warm_until):
                self.jobs.scan(ScanJob(chain))
                started.append(chain)
        self._alarm({chain: gates[chain] for chain in started if now < gates[chain].hot_until}, now)
        return started

    def _alarm(self, hot: Mapping[str, Gate], now: int) -> None:
        """Raise an alarm for each chain on which passes are due and none succeeds."""
        tips = self.money.tips(tuple(hot)) if hot else {}
        for chain, gate in hot.items():
            verdict = judge(self.networks[chain], gate, tips.get(chain), now)
            if verdict.unseen:
                self.log.error("no_successful_pass", chain=chain, status=verdict.status, error=verdict.reason)

    def _begin_rounds(self, chains: Sequence[str], now: int) -> None:
        """Let the daily look reach chains that nobody was asked to pay on: money may come there by mistake."""
        for chain in chains:
            self.access.raise_gate(chain, hot_until=0, warm_until=0, now=now)
