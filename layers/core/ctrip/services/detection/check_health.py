"""Whether the gateway does its work: each chain's scanner, head and sweeping, each queue."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ctrip.domain.chains.assets import Network
from ctrip.domain.detection.gates import Gate, Tip
from ctrip.domain.detection.readiness import judge
from ctrip.ports import AccessStore, Clock, Log, MoneyStore
from ctrip.views.health import ChainHealth, Readiness, ReadinessStatus, chain_health

ALARM_EVERY_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthChecker:
    """Judges readiness from what the workers left behind; it asks no node. `treasury_of` names a chain's treasury."""

    networks: Mapping[str, Network]
    money: MoneyStore
    access: AccessStore
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
        status: ReadinessStatus = "down" if not ready else "degraded" if dead or refused else "ok"
        return ready, {"status": status, "chains": chains, "queues": depths}

    def _chain(self, network: Network, gate: Gate | None, tip: Tip | None, now: int) -> ChainHealth:
        verdict, tip = judge(network, gate, tip, now), tip or Tip(chain=network.name)
        if verdict.unseen:
            self._alarm(network.name, verdict.status, verdict.reason, now)
        return chain_health(network, verdict, tip, self.treasury_of(network), now)

    def _alarm(self, chain: str, status: str, reason: str | None, now: int) -> None:
        if now - self._alarmed.get(chain, -ALARM_EVERY_MS) >= ALARM_EVERY_MS:
            self._alarmed[chain] = now
            self.log.error("no_successful_pass", chain=chain, status=status, error=reason)
