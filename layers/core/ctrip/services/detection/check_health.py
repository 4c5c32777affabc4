"""Whether the gateway does its work: each chain's scanner, head and sweeping, each queue."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ctrip.domain.chains.assets import Network
from ctrip.domain.detection.gates import Gate, Tip
from ctrip.domain.detection.readiness import judge
from ctrip.ports import AccessStore, Clock, Log, MoneyStore
from ctrip.views.payments import rfc3339

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
    treasury_of: Callable[[str], str]
    _alarmed: dict[str, int] = field(default_factory=dict)

    def check(self) -> tuple[bool, dict[str, Any]]:
        """Return whether every part is up, and the report."""
        now = self.clock.now()
        names = sorted(self.networks)
        gates, tips = self.access.gates(names), self.money.tips(names)
        chains = {name: self._chain(self.networks[name], gates.get(name), tips.get(name), now) for name in names}
        depths = self.queues()
        ready = all(chain["status"] in ("ok", "idle") for chain in chains.values())
        dead = any(depth for name, depth in depths.items() if name.endswith("-dlq"))
        refused = any(chain["sweeping"]["status"] == "refused" for chain in chains.values())
        status = "down" if not ready else "degraded" if dead or refused else "ok"
        return ready, {"status": status, "chains": chains, "queues": depths}

    def _chain(self, network: Network, gate: Gate | None, tip: Tip | None, now: int) -> dict[str, Any]:
        verdict, tip = judge(network, gate, tip, now), tip or Tip(chain=network.name)
        if verdict.unseen:
            self._alarm(network.name, verdict.status, verdict.reason, now)
        age = max(now - tip.block_time, 0) // 1000 if tip.number else None
        return {
            "status": verdict.status,
            "reason": verdict.reason,
            "head": tip.number or None,
            "head_age": age,
            "lag": None if age is None else max(age - round(network.block_seconds), 0),
            "last_scan": rfc3339(tip.passed_at or None),
            "last_failure": tip.failure or None,
            "failing_since": rfc3339(tip.failing_since or None),
            "open_payments": tip.open_payments,
            "endpoints": [{"host": host, "state": state, "reason": why or None} for host, state, why in tip.endpoints],
            "sweeping": self._sweeping(network.name, tip),
        }

    def _sweeping(self, chain: str, tip: Tip) -> dict[str, Any]:
        """Say whether deposits are swept, and where to; what only a node can tell, the sweeper has noted."""
        treasury = self.treasury_of(chain)
        if not treasury:
            return {"status": "off", "treasury": None, "reason": "No treasury is configured for this chain."}
        reason = tip.sweeping_refused if tip.sweeping_to.lower() == treasury.lower() else ""
        return {"status": "refused" if reason else "ok", "treasury": treasury, "reason": reason or None}

    def _alarm(self, chain: str, status: str, reason: str | None, now: int) -> None:
        if now - self._alarmed.get(chain, -ALARM_EVERY_MS) >= ALARM_EVERY_MS:
            self._alarmed[chain] = now
            self.log.error("no_successful_pass", chain=chain, status=status, error=reason)
