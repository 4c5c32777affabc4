"""Whether the gateway does its work: each chain's scanner and head, each queue."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ctrip.domain.access import Gate, Tip
from ctrip.domain.assets import Network
from ctrip.domain.view import rfc3339
from ctrip.ports import AccessStore, Clock, MoneyStore

SCAN_LATE_MS = 150_000  # two missed minutes of a chain that has work


@dataclass(frozen=True, slots=True)
class HealthChecker:
    """Judges readiness from what the workers left behind; it asks no node."""

    networks: Mapping[str, Network]
    money: MoneyStore
    access: AccessStore
    clock: Clock
    queues: Callable[[], dict[str, int]]

    def check(self) -> tuple[bool, dict[str, Any]]:
        """Return whether every part is up, and the report."""
        now = self.clock.now()
        names = sorted(self.networks)
        gates, tips = self.access.gates(names), self.money.tips(names)
        chains = {name: self._chain(self.networks[name], gates.get(name), tips.get(name), now) for name in names}
        depths = self.queues()
        dead = {name: depth for name, depth in depths.items() if name.endswith("-dlq") and depth}
        ready = all(chain["status"] in ("ok", "idle") for chain in chains.values())
        status = "ok" if ready and not dead else "degraded" if ready else "down"
        return ready, {"status": status, "chains": chains, "queues": depths}

    def _chain(self, network: Network, gate: Gate | None, tip: Tip | None, now: int) -> dict[str, Any]:
        report: dict[str, Any] = {"status": "idle", "head": None, "head_age": None, "lag": None, "last_scan": None}
        report["open_payments"] = tip.open_payments if tip else 0
        report["endpoints"] = [{"host": host, "state": state} for host, state, _ in tip.endpoints] if tip else []
        if tip and tip.number:
            age = max(now - tip.block_time, 0) // 1000
            lag = max(age - round(network.block_seconds), 0)
            report |= {"head": tip.number, "head_age": age, "lag": lag, "last_scan": rfc3339(tip.scanned_at)}
        if gate and gate.paused:
            return report | {"status": "paused"}
        if gate is None or now >= gate.hot_until:
            return report
        return report | {"status": _judge(network, tip, now)}


def _judge(network: Network, tip: Tip | None, now: int) -> str:
    if tip is None or now - tip.scanned_at > SCAN_LATE_MS:
        return "not_scanned"
    return "stale_head" if now - tip.block_time > network.head_age_alarm * 1000 else "ok"
