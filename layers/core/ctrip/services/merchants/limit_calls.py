"""Keep each merchant to its own share: a rate of changing calls, and a number of open payments.

Both are counted in the store in strides that a process holds for itself: a token may be spent in vain, and a limit
exceeded by what processes hold, so that nobody waits for a neighbour and a call seldom costs a write.
"""

from collections import deque
from dataclasses import dataclass, field

from ctrip.domain.errors import TooMany
from ctrip.domain.merchants.access import Limits, Merchant
from ctrip.domain.merchants.limits import Bucket, retry_after
from ctrip.ports.merchants import LimitStore
from ctrip.ports.runtime import Clock

HOLD_MS = 1_000  # what a process has not used by then is lost, as the bucket has filled up again
PLACES_AT_A_TIME = 8
PLACES_HOLD_MS = 60_000
WAIT_FOR_PLACE = 30


@dataclass(frozen=True, slots=True)
class CallLimiter:
    """Admits changing calls and new payments; `default` is the stage's own limit."""

    limits: LimitStore
    clock: Clock
    default: Limits
    _tokens: dict[str, deque[int]] = field(default_factory=dict)
    _places: dict[tuple[str, str], deque[int]] = field(default_factory=dict)

    def admit(self, merchant: Merchant) -> None:
        """Take a token from the merchant's bucket; raises `TooMany`."""
        now = self.clock.now()
        held = self._tokens.setdefault(merchant.id, deque())
        if _take(held, now):
            return
        bucket = Bucket(merchant.limits.calls_per_second or self.default.calls_per_second)
        full_at = 0
        for stride in dict.fromkeys((bucket.stride, 1)):
            cost = bucket.cost(stride)
            refused = self.limits.take_tokens(merchant.id, cost=cost, depth=bucket.depth, now=now * 1000)
            if refused is None:
                held.extend([now + HOLD_MS] * (stride - 1))
                return
            full_at = refused
        raise TooMany(
            f"More than {bucket.rate} calls a second; try again shortly.",
            retry_after=retry_after(full_at, now * 1000, bucket.cost(1), bucket.depth),
        )

    def place(self, merchant: Merchant, chain: str) -> None:
        """Count one more open payment on a chain; raises `TooMany`."""
        now = self.clock.now()
        held = self._places.setdefault((merchant.id, chain), deque())
        if _take(held, now):
            return
        most = merchant.limits.open_payments or self.default.open_payments
        for count in dict.fromkeys((min(PLACES_AT_A_TIME, max(most // 10, 1)), 1)):
            if self.limits.take_places(merchant.id, chain, count=count, most=most, now=now):
                held.extend([now + PLACES_HOLD_MS] * (count - 1))
                return
        raise TooMany(
            f"{most} payments are open on {chain}; wait for some to be paid or to expire, or cancel them.",
            code="too_many_open_payments",
            retry_after=WAIT_FOR_PLACE,
        )

    def back(self, merchant: Merchant, chain: str) -> None:
        """Give a place back that no payment came to stand in."""
        held = self._places.setdefault((merchant.id, chain), deque())
        held.append(self.clock.now() + PLACES_HOLD_MS)


def _take(held: deque[int], now: int) -> bool:
    """Use one that is held and still good; other threads may take from the same."""
    while True:
        try:
            if now < held.popleft():
                return True
        except IndexError:
            return False
