"""Whether the gateway does its work: each chain's scanner, head and sweeping, each queue, each rate."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ctrip.domain.chains.assets import Network
from ctrip.domain.detection.gates import Gate, Tip
from ctrip.domain.detection.readiness import judge
from ctrip.domain.prices.agreement import Trouble
from ctrip.ports.merchants import AccessStore
from ctrip.ports.money import MoneyStore
from ctrip.ports.rates import RateStore
from ctrip.ports.runtime import Clock, Log
from ctrip.views.health import ChainHealth, Readiness, ReadinessStatus, chain_health
from ctrip.views.rates import rate_health

ALARM_EVERY_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthChecker:
    """Judges readiness from what the workers left behind; it asks no node. `treasury_of` names a chain's treasury."""

    networks: Mapping[str, Network]
    money: MoneyStore
    access: AccessStore
    rates: RateStore
    clock: Clock
    log: Log
    queues: Callable[[], dict[str, int]]
    treasury_of: Callable[[Network], str]
    _alarmed: dict[str, int] = field(default_factory=dict)

    def check(self) -> tuple[bool, Readiness]:
        """Return whether every part is up, and the report."""
        now = self.clock.now()
        names = sorted(self.networks)
        gates, tips = self.access.gates(names), self.money.tips(names)
        chains = {name: self._chain(self.networks[name], gates.get(name), tips.get(name), now) for name in names}
        depths = self.queues()
        ready = all(chain["status"] in ("ok", "idle") for chain in chains.values())
        dead = any(depth for name, depth in depths.items() if name.endswith("-dlq"))
        refused = any(chain["sweeping"]["status"] == "refused" for chain in chains.values())
        wanted = [each for each in self.rates.every_rate() if each.wanted(now)]
        unpriced = any(each.trouble in (Trouble.OUT, Trouble.DISAGREE) for each in wanted)
        degraded = dead or refused or unpriced
        status: ReadinessStatus = "down" if not ready else "degraded" if degraded else "ok"
        rates = {each.symbol: rate_health(each, now) for each in wanted}
        return ready, {"status": status, "chains": chains, "queues": depths, "rates": rates}

    def _chain(self, network: Network, gate: Gate | None, tip: Tip | None, now: int) -> ChainHealth:
        verdict, tip = judge(network, gate, tip, now), tip or Tip(chain=network.name)
        if verdict.unseen:
            self._alarm(network.name, verdict.status, verdict.reason, now)
        return chain_health(network, verdict, tip, self.treasury_of(network), now)

    def _alarm(self, chain: str, status: str, reason: str | None, now: int) -> None:
        if now - self._alarmed.get(chain, -ALARM_EVERY_MS) >= ALARM_EVERY_MS:
            self._alarmed[chain] = now
            self.log.error("no_successful_pass", chain=chain, status=status, error=reason)
