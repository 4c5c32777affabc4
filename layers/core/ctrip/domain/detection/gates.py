"""When a chain is scanned, and how far its scanner has come."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """How long a chain has something due: looped until `hot_until`, looked at now and then until `warm_until`.

    `opened_at` is when it was last opened after it had been closed.
    """

    chain: str
    hot_until: int = 0
    warm_until: int = 0
    daily_at: int = 0
    opened_at: int = 0
    paused: bool = False

    def daily_due(self, now: int) -> bool:
        """Whether every address ever given out is to be looked at; never before the first payment."""
        return 0 < self.daily_at <= now


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """How far the daily look at every address has come on a chain: the merchant and index that are next."""

    chain: str
    merchant_id: str = ""
    index: int = 0


@dataclass(frozen=True, slots=True)
class Parked:
    """How many payments of a token (or `native`) are not worth their gas, and what their addresses hold at least."""

    token: str
    payments: int = 0
    amount: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    """Who scans a chain (`fence`) and how far it has come; times are unix milliseconds.

    `number` and `hash` name the newest block seen; `scanned_at` is the last pass, `passed_at` the last successful one,
    `looked_at` the last in which everything new was looked at; `position` is how far the round over the slow tiers is.
    `failing_since` is when the unbroken row of failed passes began, 0 after a successful one, and `failure` the reason
    of the last failure. `parked` are the payments that are not worth their gas, as the last whole round over the slow
    tiers counted them, which ended at `parked_at`; `parking` is what the round under way has counted so far.
    `endpoints` are host, state and reason. `sweeping_to` is the treasury that the sweeper checked last,
    `sweeping_refused` why it does not sweep there, and `sweeping_alone` why it does not sweep tokens in batches; the
    scanner does not write these three.
    """

    chain: str
    fence: int = 0
    number: int = 0
    hash: str = ""
    block_time: int = 0
    scanned_at: int = 0
    passed_at: int = 0
    looked_at: int = 0
    position: str = ""
    failing_since: int = 0
    failure: str = ""
    open_payments: int = 0
    parked: tuple[Parked, ...] = ()
    parked_at: int = 0
    parking: tuple[Parked, ...] = ()
    endpoints: tuple[tuple[str, str, str], ...] = ()
    sweeping_to: str = ""
    sweeping_refused: str = ""
    sweeping_alone: str = ""
