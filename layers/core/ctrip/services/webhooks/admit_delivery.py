"""Which deliveries may begin now: a bounded number for each endpoint, and few to one that does not answer.

Workers deliver a batch side by side, and a batch ends with its slowest delivery. An endpoint that hangs would otherwise
hold all workers for 15 seconds at a time, and the endpoints that answer would wait for it. One that has not answered
yet, or not lately, therefore gets one delivery at a time.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

AT_ONCE = 5  # deliveries that a process has under way at most to one endpoint, which answers; one to any other
SLOW_MS = 2_000  # one under way for longer makes its endpoint a slow one: nobody waits for its turn there
TRIED_MS = 500  # the same of an unknown endpoint's first delivery; for one that was silent nobody waits at all
TRY_AGAIN_MS = 5_000  # for which a delivery is put off meanwhile
FAILURES_TO_OPEN = 5  # deliveries in a row without an answer, after which the breaker opens
HUNG = 2  # as many failures is one that kept a worker waiting to the end
FIRST_REST_MS, LONGEST_REST_MS = 30_000, 300_000  # of an open breaker, doubled after each try that fails
REMEMBERED = 10_000  # endpoints
_PATIENCE = 0.1  # seconds between two looks at an endpoint's deliveries


class NoTimeLeft(Exception):
    """A delivery was not begun, as it might outlast the invocation."""


class Outcome(Enum):
    """What a delivery showed of its endpoint."""

    ANSWERED = "answered"
    SILENT = "silent"  # no answer
    HUNG = "hung"  # none in time
    UNKNOWN = "unknown"  # the fault was our own


@dataclass(slots=True)
class _State:
    under_way: dict[int, int] = field(default_factory=dict)  # when each delivery began, by its number
    at_once: int = 1  # as many may be under way
    failures: int = 0
    rests_until: int = 0
    rest: int = FIRST_REST_MS

    @property
    def idle(self) -> bool:
        return not (self.under_way or self.failures)

    @property
    def full(self) -> bool:
        return len(self.under_way) >= self.at_once

    def longest(self, now: int) -> int:
        return now - min(self.under_way.values(), default=now)


@dataclass(frozen=True, slots=True)
class Admission:
    """A delivery that may begin (`until` is None), or the moment until which it is put off."""

    number: int = 0
    until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointGates:
    """Admits deliveries, for all threads of a process; `now` returns the time, `spread` a number from -1 to 1."""

    now: Callable[[], int]
    spread: Callable[[], float]
    _states: dict[str, _State] = field(default_factory=dict)
    _moved: threading.Condition = field(default_factory=threading.Condition)
    _numbers: list[int] = field(default_factory=lambda: [0])

    def enter(self, endpoint: str, *, begin_by: int) -> Admission:
        """Wait for a delivery's turn at an endpoint, or put it off; raises `NoTimeLeft` after `begin_by`.

        Whoever is admitted calls `leave`.
        """
        with self._moved:
            state = self._state(endpoint)
            while True:
                now = self.now()
                if now > begin_by:
                    raise NoTimeLeft
                if (until := self._rests_until(state, now)) is not None:
                    return Admission(until=until)
                if not state.full:
                    self._numbers[0] += 1
                    state.under_way[self._numbers[0]] = now
                    return Admission(self._numbers[0])
                self._moved.wait(_PATIENCE)

    def leave(self, endpoint: str, admission: Admission, outcome: Outcome) -> None:
        """End a delivery: the next may begin, and the breaker learns what it showed."""
        with self._moved:
            state = self._state(endpoint)
            state.under_way.pop(admission.number, None)
            if outcome is Outcome.ANSWERED:
                state.failures, state.rests_until, state.rest = 0, 0, FIRST_REST_MS
                state.at_once = min(2 * state.at_once, AT_ONCE)
            elif outcome is not Outcome.UNKNOWN:
                state.at_once = 1
                self._failed(state, HUNG if outcome is Outcome.HUNG else 1)
            self._moved.notify_all()

    def _rests_until(self, state: _State, now: int) -> int | None:
        """Return until when an endpoint is left alone; None where a delivery to it may begin, or wait for its turn."""
        if now < state.rests_until:
            return state.rests_until
        opened = state.failures >= FAILURES_TO_OPEN
        if opened and state.under_way:
            return now + self._spread(FIRST_REST_MS)  # one delivery tries whether it answers again
        if not state.full:
            return None
        if state.at_once == AT_ONCE:
            return now + self._spread(FIRST_REST_MS) if state.longest(now) > SLOW_MS else None
        return now + self._spread(TRY_AGAIN_MS) if state.failures or state.longest(now) > TRIED_MS else None

    def _failed(self, state: _State, failures: int) -> None:
        state.failures += failures
        now = self.now()
        if state.failures >= FAILURES_TO_OPEN and now >= state.rests_until:
            state.rests_until = now + self._spread(state.rest)
            state.rest = min(2 * state.rest, LONGEST_REST_MS)

    def _spread(self, milliseconds: int) -> int:
        return round(milliseconds * (1 + self.spread() / 5))

    def _state(self, endpoint: str) -> _State:
        if (state := self._states.get(endpoint)) is None:
            if len(self._states) >= REMEMBERED:
                self._forget_the_idle()
            state = self._states[endpoint] = _State()
        return state

    def _forget_the_idle(self) -> None:
        for name in [name for name, state in self._states.items() if state.idle]:
            del self._states[name]
