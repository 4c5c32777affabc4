"""The endpoints of one network, in order.

Each has a breaker, its chain id is checked before first use, and what it bears is remembered.
"""

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ctrip.chains.evm.codec import quantity
from ctrip.chains.evm.errors import Missing, Reverted, TooMuch, Unreachable, translate
from ctrip.chains.evm.transport import provider
from ctrip.domain.errors import BroadcastRejected, ChainError, Refused, Unavailable, WrongChain
from ctrip.ports import Clock

FAILURES_TO_OPEN = 3
RETRY_SECONDS = 0.2  # once more, after a moment, where no endpoint answered at all
FIRST_REST_MS = 1_000
LONGEST_REST_MS = 60_000
BATCH = 100
# What reading an answer of the wrong shape raises.
GARBAGE = (KeyError, TypeError, ValueError, IndexError, AttributeError)

Call = tuple[str, list[Any]]
T = TypeVar("T")


@dataclass(slots=True)
class Meter:
    """What was asked of a network: calls by method, and HTTP requests."""

    calls: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, methods: Sequence[str]) -> None:
        """Count one request."""
        with self._lock:
            self.calls.update(methods)
            self.requests += 1


@dataclass(slots=True)
class Window:
    """How much is asked at once: halves when refused, doubles again after successes, later after each refusal."""

    maximum: int
    size: int = 0
    patience: int = 4
    _streak: int = 0

    def __post_init__(self) -> None:
        self.size = self.size or self.maximum

    def shrink(self, asked: int, least: int = 1) -> bool:
        """Halve what was asked; False, and nothing learnt, where that was `least` or less already."""
        self._streak = 0
        if asked <= least:
            return False
        self.size = max(least, min(self.size, asked) // 2)
        self.patience = min(256, self.patience * 2)
        return True

    def fits(self) -> None:
        """Note a success."""
        self._streak += 1
        if self._streak >= self.patience and self.size < self.maximum:
            self.size, self._streak = min(self.maximum, self.size * 2), 0


@dataclass(slots=True)
class Breaker:
    """Opens after three failures in a row; then lets one try through after a rest that doubles."""

    jitter: Callable[[], float]
    failures: int = 0
    until: int = 0
    rest: int = FIRST_REST_MS

    def closed(self, now: int) -> bool:
        """Say whether the endpoint may be asked."""
        return now >= self.until

    def failed(self, now: int) -> None:
        """Count a failure; rest between half and the whole of the present pause."""
        self.failures += 1
        if self.failures >= FAILURES_TO_OPEN:
            self.until = now + int(self.rest * (1 + self.jitter()) / 2)
            self.rest = min(LONGEST_REST_MS, self.rest * 2)

    def stand_aside(self, now: int) -> None:
        """Rest for long without a failure: others know more."""
        self.until = now + int(LONGEST_REST_MS * (1 + self.jitter()) / 2)

    def worked(self) -> None:
        """Close."""
        self.failures, self.until, self.rest = 0, 0, FIRST_REST_MS


class Endpoint:
    """One URL. Its name is the host alone: the path and the query may hold a key."""

    def __init__(
        self, url: str, chain_id: int, meter: Meter, clock: Clock, jitter: Callable[[], float], seconds: float
    ) -> None:
        parts = urlsplit(url)
        self.name = parts.hostname or "?"
        self.breaker = Breaker(jitter)
        self.wrong = False
        self.windows: dict[str, Window] = {}
        self.traits: dict[str, Any] = {}
        self._chain_id = chain_id
        self._checked = False
        self._secret = url[url.find(parts.netloc) + len(parts.netloc) :].strip("/")
        self._meter = meter
        self._provider = provider(url, clock, seconds)

    def window(self, name: str, maximum: int) -> Window:
        """Return the remembered window of one kind of question."""
        return self.windows.setdefault(name, Window(maximum))

    def chain_id(self) -> int:
        """Ask which network this is."""
        return quantity(self.call("eth_chainId", []))

    def check(self) -> None:
        """Refuse an endpoint of another network for good."""
        if not self._checked:
            self.wrong = self.chain_id() != self._chain_id
            self._checked = True
        if self.wrong:
            raise WrongChain(f"{self.name} is not chain {self._chain_id}")

    def call(self, method: str, params: list[Any]) -> Any:
        """Return one call's result, or raise what the node's error means."""
        self._meter.count((method,))
        answer = self._ask(lambda: self._provider.make_request(method, params))
        if not isinstance(answer, dict) or ("error" not in answer and "result" not in answer):
            raise Unreachable(f"{self.name}: no JSON-RPC answer")
        if answer.get("error") is not None:
            raise translate(answer["error"], method, self._secret)
        return answer["result"]

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Return each call's result in order; a call that the node refused has its error in place of the result."""
        window, results = self.window("batch", BATCH), list[Any]()
        while len(results) < len(calls):
            part = calls[len(results) : len(results) + window.size]
            try:
                answers = self._batch(part)
            except Refused:
                if not window.shrink(len(part)):
                    raise
                continue
            if len(part) > 1 and any(isinstance(answer, TooMuch) for answer in answers) and window.shrink(len(part)):
                continue
            window.fits()
            results += answers
        return results

    def _batch(self, calls: Sequence[Call]) -> list[Any]:
        if len(calls) == 1:
            return [self._alone(*calls[0])]
        self._meter.count([method for method, _ in calls])
        answers = self._ask(lambda: self._provider.make_batch_request(list(calls)))  # type: ignore[arg-type]
        if isinstance(answers, dict) or (isinstance(answers, list) and len(answers) == 1 and "error" in answers[0]):
            first = answers if isinstance(answers, dict) else answers[0]
            raise translate(first.get("error"), "batch", self._secret)
        # web3 only hopes for the order where ids are missing; here a result must not become another address's.
        first_id = answers[0]["id"] if answers else None
        if not isinstance(first_id, int) or [answer["id"] for answer in answers] != list(
            range(first_id, first_id + len(calls))
        ):
            raise Unreachable(f"{self.name}: a batch's answers do not match its calls")
        results = [self._item(method, answer) for (method, _), answer in zip(calls, answers, strict=True)]
        for result in results:
            if isinstance(result, Unreachable):
                raise result
        return results

    def _alone(self, method: str, params: list[Any]) -> Any:
        try:
            return self.call(method, params)
        except Unreachable:
            raise
        except ChainError as exc:
            return exc

    def _item(self, method: str, answer: dict[str, Any]) -> Any:
        if answer.get("error") is not None:
            return translate(answer["error"], method, self._secret)
        return answer["result"]

    def _ask(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except (*GARBAGE, RuntimeWarning) as exc:
            raise Unreachable(f"{self.name}: garbage ({type(exc).__name__})") from None
        except Unreachable as exc:
            raise Unreachable(f"{self.name}: {exc}") from None


class Pool:
    """Tries a question on each usable endpoint in turn."""

    def __init__(
        self, name: str, endpoints: Sequence[Endpoint], clock: Clock, jitter: Callable[[], float] = lambda: 0.5
    ) -> None:
        self.endpoints = tuple(endpoints)
        self._name = name
        self._clock = clock
        self._jitter = jitter

    def run(self, question: Callable[[Endpoint], T], *, skip: int = 0) -> T:
        """Return the first usable answer, passing over `skip` endpoints; raises the gravest reason otherwise."""
        for last in (False, True):
            reasons: list[ChainError] = []
            for endpoint in itertools.islice(self._usable(), skip, None):
                try:
                    return self._attempt(endpoint, question)
                except (Reverted, BroadcastRejected):
                    raise
                except ChainError as exc:
                    reasons.append(exc)
            passing = bool(reasons) and all(isinstance(reason, Unreachable) for reason in reasons)
            if last or not passing:
                raise self._gravest(reasons)
            self._clock.wait(RETRY_SECONDS * (0.5 + self._jitter()))
        raise AssertionError  # the second turn returns or raises

    def any(self, question: Callable[[Endpoint], T | None], most: int = 2) -> T | None:
        """Return the first answer that is not None, from at most `most` endpoints: one that lags knows less."""
        asked, reasons = 0, list[ChainError]()
        for endpoint in self._usable():
            try:
                answer = self._attempt(endpoint, question)
            except ChainError as exc:
                reasons.append(exc)
                continue
            if answer is not None:
                return answer
            asked += 1
            if asked == most:
                break
        if not asked:
            raise self._gravest(reasons)
        return None

    def states(self) -> list[tuple[str, str]]:
        """Return each endpoint's name and state."""
        now = self._clock.now()
        return [
            (each.name, "wrong chain" if each.wrong else "usable" if each.breaker.closed(now) else "resting")
            for each in self.endpoints
        ]

    def _attempt(self, endpoint: Endpoint, question: Callable[[Endpoint], T]) -> T:
        try:
            endpoint.check()
            answer = question(endpoint)
        except Unreachable:
            endpoint.breaker.failed(self._clock.now())
            raise
        except (Missing, Refused, BroadcastRejected):
            endpoint.breaker.worked()
            raise
        except GARBAGE as exc:
            endpoint.breaker.failed(self._clock.now())
            raise Unreachable(f"{endpoint.name}: unreadable answer ({type(exc).__name__})") from exc
        endpoint.breaker.worked()
        return answer

    def _usable(self) -> Iterator[Endpoint]:
        for endpoint in self.endpoints:
            if not endpoint.wrong and endpoint.breaker.closed(self._clock.now()):
                yield endpoint

    def _gravest(self, reasons: Sequence[ChainError]) -> ChainError:
        if self.endpoints and all(endpoint.wrong for endpoint in self.endpoints):
            return WrongChain(f"no endpoint of {self._name} has its chain id")
        refused = [reason for reason in reasons if isinstance(reason, Refused)]
        missing = [reason for reason in reasons if isinstance(reason, Missing)]
        told = [reason for reason in reasons if not isinstance(reason, WrongChain)]
        return next(iter([*refused, *missing, *told]), Unavailable(f"every endpoint of {self._name} is resting"))
