"""Whether the gateway lives and works, as the world sees it."""

from typing import Annotated, Literal, NotRequired, TypedDict

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.kinds import same
from ctrip.domain.detection.gates import Tip
from ctrip.domain.detection.readiness import Verdict
from ctrip.views.fields import Address, Long, Shape, Time, rfc3339_if
from ctrip.views.rates import RateHealth

ReadinessStatus = Literal["ok", "degraded", "down"]


class Liveness(TypedDict):
    """It lives."""

    status: Literal["ok"]


class Endpoint(TypedDict):
    """A node, as the scanner found it."""

    host: str
    state: str
    reason: Annotated[str | None, "Why it is not used, or not for everything."]


class Sweeping(TypedDict):
    """Whether deposits are swept; `off`: there is no treasury, `refused`: it is not trusted, and nothing is sent."""

    status: Annotated[str, Shape(examples=("ok", "off", "refused"))]
    treasury: Address | None
    reason: str | None
    alone: Annotated[str | None, "Why tokens are swept address by address; null where they are swept in batches."]


class ChainHealth(TypedDict):
    """Whether a chain is looked at. Ready are `ok`, and `idle`: nothing is due, or it became due a moment ago."""

    status: Annotated[
        str,
        "`failing`: passes run, and none succeeds; `not_scanned`: passes are due, and none comes.",
        Shape(examples=("ok", "idle", "failing", "not_scanned", "stale_head", "paused")),
    ]
    reason: Annotated[str | None, "Why it is not ready."]
    head: Long | None
    head_age: Annotated[int | None, "Seconds."]
    lag: Annotated[int | None, "Seconds beyond the block time."]
    last_scan: Annotated[Time | None, "The last pass that succeeded."]
    last_failure: Annotated[str | None, "Why the last pass that failed did."]
    failing_since: Annotated[Time | None, "Since when every pass has failed; null: the last did not."]
    open_payments: int
    parked_payments: Annotated[int, "How many payments hold money that is worth less than its gas."]
    endpoints: list[Endpoint]
    sweeping: Sweeping


class Readiness(TypedDict):
    """Whether every part is up."""

    status: ReadinessStatus
    reason: NotRequired[Annotated[str, "Why the stage may not start; absent where it has started."]]
    chains: dict[str, ChainHealth]
    queues: dict[str, int]
    rates: Annotated[dict[str, RateHealth], "Of what somebody has asked for lately, by asset or currency."]


def not_started(reason: str) -> Readiness:
    """Render a stage whose settings are refused: it does nothing, and there is nothing else to show."""
    return {"status": "down", "reason": reason, "chains": {}, "queues": {}, "rates": {}}


def chain_health(network: Network, verdict: Verdict, tip: Tip, treasury: str, now: int) -> ChainHealth:
    """Render what is judged of a chain at `now` (unix milliseconds); `treasury` is empty where there is none."""
    age = max(now - tip.block_time, 0) // 1000 if tip.number else None
    return {
        "status": verdict.status,
        "reason": verdict.reason,
        "head": tip.number or None,
        "head_age": age,
        "lag": None if age is None else max(age - round(network.block_seconds), 0),
        "last_scan": rfc3339_if(tip.passed_at or None),
        "last_failure": tip.failure or None,
        "failing_since": rfc3339_if(tip.failing_since or None),
        "open_payments": tip.open_payments,
        "parked_payments": sum(each.payments for each in tip.parked),
        "endpoints": [{"host": host, "state": state, "reason": why or None} for host, state, why in tip.endpoints],
        "sweeping": _sweeping(tip, treasury),
    }


def _sweeping(tip: Tip, treasury: str) -> Sweeping:
    """Show whether deposits are swept, and where to; what only a node knows, the sweeper has noted."""
    if not treasury:
        reason = "No treasury is configured for this chain."
        return {"status": "off", "treasury": None, "reason": reason, "alone": None}
    known = same(tip.sweeping_to, treasury)
    reason, alone = (tip.sweeping_refused, tip.sweeping_alone) if known else ("", "")
    return {
        "status": "refused" if reason else "ok",
        "treasury": treasury,
        "reason": reason or None,
        "alone": alone or None,
    }
