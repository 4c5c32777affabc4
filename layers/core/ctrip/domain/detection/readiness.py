"""Whether a chain is looked at as it should be: judged from its gate and from what its scanner left behind."""

from dataclasses import dataclass

from ctrip.domain.chains.assets import Network
from ctrip.domain.detection.gates import Gate, Tip

FAILING_PASSES = 5  # passes in a row that must have failed before a chain counts as failing
LEAST_FAILING_MS = 30_000  # and for so long at least: a chain of one-second passes may stumble for a moment
SCAN_LATE_MS = 150_000  # two missed minutes of the schedule that starts the scanners
REFUSED_AFTER_MS = 600_000  # how long every pass must have failed before no new payment is taken
FRESH_MS = 120_000  # an older failure says nothing of today: nobody has looked since

READY = frozenset({"ok", "idle"})
PAUSED = "stopped after a deep reorganisation or by an operator, until somebody resumes it"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A chain's status (ok, idle, failing, not_scanned, stale_head, paused), with a reason where it is not ready."""

    status: str
    reason: str | None = None

    @property
    def ready(self) -> bool:
        """Whether payments on the chain are looked after."""
        return self.status in READY

    @property
    def unseen(self) -> bool:
        """Whether passes are due and none succeeds."""
        return self.status in ("failing", "not_scanned")


def judge(network: Network, gate: Gate | None, tip: Tip | None, now: int) -> Verdict:
    """Judge a chain at `now` (unix milliseconds); a closed gate is idle, whatever happened before it closed."""
    if gate is not None and gate.paused:
        return Verdict("paused", f"The chain is {PAUSED}.")
    if gate is None or now >= gate.hot_until:
        return Verdict("idle")
    tip = tip or Tip(chain=network.name)
    looked = tip.scanned_at
    if now - max(looked, gate.opened_at) > SCAN_LATE_MS:
        return Verdict("not_scanned", f"No pass came for {_seconds(now - max(looked, gate.opened_at))}.{_last(tip)}")
    if looked < gate.opened_at or not looked:
        return Verdict("idle")  # it was opened a moment ago
    row = _failing_for(gate, tip, now)
    if row >= max(round(FAILING_PASSES * network.poll_seconds * 1000), LEAST_FAILING_MS):
        return Verdict("failing", f"Every pass has failed for {_seconds(row)}.{_last(tip)}")
    if tip.number and now - tip.block_time > network.head_age_alarm * 1000:
        return Verdict("stale_head", f"The newest block is {_seconds(now - tip.block_time)} old.")
    return Verdict("ok")


def closed_to_payments(network: Network, gate: Gate, tip: Tip | None, now: int) -> str | None:
    """Say why no payment may be created on a chain; None where one may.

    A closed gate takes payments, whatever happened before it closed: nobody has tried since.
    """
    if gate.paused:
        return f"{network.title} is {PAUSED}; no payment is taken on it meanwhile."
    if tip is None or now >= gate.hot_until or now - tip.scanned_at > FRESH_MS:
        return None
    if _failing_for(gate, tip, now) >= REFUSED_AFTER_MS:
        return f"{network.title} could not be looked at for more than ten minutes; no payment is taken on it meanwhile."
    return None


def _failing_for(gate: Gate, tip: Tip, now: int) -> int:
    """Return how long every pass has failed, counted from the gate's opening where that came later."""
    return now - max(tip.failing_since, gate.opened_at) if tip.failing_since else 0


def _last(tip: Tip) -> str:
    return f" The last failure: {tip.failure}" if tip.failing_since and tip.failure else ""


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds // 1000} s"
