"""The endpoints of one network, in order of preference: a question is asked of one after the other."""

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from ctrip.chains.shared.endpoints import GARBAGE
from ctrip.chains.shared.errors import Missing, Reverted, Slow, Suspended, Unreachable, behind
from ctrip.domain.breaker import Breaker
from ctrip.domain.errors import BroadcastRejected, ChainError, Refused, Unavailable, WrongChain
from ctrip.ports.runtime import Clock

RETRY_SECONDS = 0.2  # once more, after a moment, where no endpoint answered at all

T = TypeVar("T")


class PooledEndpoint(Protocol):
    """What a pool asks of an endpoint beside what the questions ask."""

    name: str
    breaker: Breaker
    wrong: bool
    blind_reason: str

    def check(self) -> None:
        """Raise `WrongChain` where it is another network's."""
        ...

    def sees(self, now: int) -> bool:
        """Say whether questions of state may be asked of it."""
        ...

    def state(self, now: int) -> tuple[str, str, str]:
        """Return its name, its state and the reason, for people."""
        ...


E = TypeVar("E", bound=PooledEndpoint)


class Pool(Generic[E]):
    """Tries a question on each usable endpoint in turn. `seeing` says what is missing where nobody `sees`."""

    def __init__(
        self,
        name: str,
        endpoints: Sequence[E],
        clock: Clock,
        jitter: Callable[[], float] = lambda: 0.5,
        seeing: str = "reads at a block's hash",
    ) -> None:
        self.endpoints = tuple(endpoints)
        self._name, self._seeing = name, seeing
        self._clock = clock
        self._jitter = jitter

    def run(
        self,
        question: Callable[[E], T],
        *,
        skip: int = 0,
        turn: int = 0,
        state: bool = False,
        tries: int = 1,
    ) -> T:
        """Return the first usable answer; raises the gravest reason otherwise.

        `skip` endpoints are passed over, `turn` says which one is the first. `state` is a question at a block's hash,
        which not each endpoint can answer. Where a node is behind, it is asked up to `tries` times, after the others.
        """
        tried: dict[E, ChainError] = {}
        asked = [each for each in self.usable(turn) if not state or each.sees(self._clock.now())][skip:]
        for number in range(max(2, tries)):
            for endpoint in asked:
                try:
                    return self.attempt(endpoint, question)
                except (Reverted, BroadcastRejected):
                    raise
                except ChainError as exc:
                    tried[endpoint] = exc
            asked = self._again(tried, number, tries)
            if not asked:
                break
        raise self._gravest(list(tried.values()), state=state)

    def _again(self, tried: dict[E, ChainError], number: int, tries: int) -> list[E]:
        """Choose whom to ask once more: nodes that are behind, else all where none answered, after a moment.

        Who took all the time that there is for an answer is not given it twice.
        """
        if number + 1 < tries and (late := [endpoint for endpoint, reason in tried.items() if behind(reason)]):
            return late
        if number or not tried or not all(isinstance(reason, Unreachable) for reason in tried.values()):
            return []
        if all(isinstance(reason, Slow) for reason in tried.values()):
            return []
        self.pause()
        return [each for each in self.usable() if each in tried and not isinstance(tried[each], Slow)]

    def now(self) -> int:
        """Return unix milliseconds."""
        return self._clock.now()

    def pause(self) -> None:
        """Let a passing failure pass."""
        self._clock.wait(RETRY_SECONDS * (0.5 + self._jitter()))

    def any(self, question: Callable[[E], T | None], most: int = 2, *, state: bool = False) -> T | None:
        """Return the first answer that is not None, from at most `most` endpoints: one that lags knows less."""
        asked, reasons = 0, list[ChainError]()
        for endpoint in self.usable():
            if state and not endpoint.sees(self._clock.now()):
                continue
            try:
                answer = self.attempt(endpoint, question)
            except ChainError as exc:
                reasons.append(exc)
                continue
            if answer is not None:
                return answer
            asked += 1
            if asked == most:
                break
        if not asked:
            raise self._gravest(reasons, state=state)
        return None

    def states(self) -> list[tuple[str, str, str]]:
        """Return each endpoint's name, state and reason."""
        now = self._clock.now()
        return [each.state(now) for each in self.endpoints]

    def attempt(self, endpoint: E, question: Callable[[E], T]) -> T:
        """Ask one endpoint; whether it answered counts for or against it."""
        try:
            endpoint.check()
            answer = question(endpoint)
        except Suspended as exc:
            endpoint.breaker.suspended(self._clock.now(), exc.rest, str(exc).removeprefix(f"{endpoint.name}: "))
            raise
        except Unreachable as exc:
            endpoint.breaker.failed(self._clock.now(), str(exc).removeprefix(f"{endpoint.name}: "))
            raise
        except (Missing, Refused, BroadcastRejected):
            endpoint.breaker.worked()
            raise
        except GARBAGE as exc:
            reason = f"unreadable answer ({type(exc).__name__})"
            endpoint.breaker.failed(self._clock.now(), reason)
            raise Unreachable(f"{endpoint.name}: {reason}") from exc
        if endpoint.breaker.closed(self._clock.now()):  # else it was told to rest meanwhile, by a part of the answer
            endpoint.breaker.worked()
        return answer

    def usable(self, turn: int = 0) -> Iterator[E]:
        """Yield the endpoints that are neither resting nor of another network, the one whose turn it is first."""
        start = turn % len(self.endpoints)
        for endpoint in (*self.endpoints[start:], *self.endpoints[:start]):
            if not endpoint.wrong and endpoint.breaker.closed(self._clock.now()):
                yield endpoint

    def nobody(self) -> ChainError:
        """Return why nobody can be asked at all."""
        return self._gravest([])

    def _gravest(self, reasons: Sequence[ChainError], *, state: bool = False) -> ChainError:
        if self.endpoints and all(endpoint.wrong for endpoint in self.endpoints):
            return WrongChain(f"no endpoint of {self._name} has its chain id")
        refused = [reason for reason in reasons if isinstance(reason, Refused)]
        missing = [reason for reason in reasons if isinstance(reason, Missing)]
        told = [reason for reason in reasons if not isinstance(reason, WrongChain)]
        if state and not told and all(endpoint.wrong or endpoint.blind_reason for endpoint in self.endpoints):
            return Refused(f"no endpoint of {self._name} {self._seeing}")
        return next(iter([*refused, *missing, *told]), Unavailable(f"every endpoint of {self._name} is resting"))
