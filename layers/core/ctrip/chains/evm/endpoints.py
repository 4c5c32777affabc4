"""One endpoint of a network: a URL with a breaker, whose chain id is checked before first use.

What it bears is remembered: how much it answers at once, and what it cannot do.
"""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from ctrip.chains.evm.codec import quantity
from ctrip.chains.evm.errors import Reverted, TooMuch, Unreachable, translate
from ctrip.chains.shared.endpoints import GARBAGE, TRIES, Meter, Window, names, secrets
from ctrip.chains.shared.errors import behind
from ctrip.chains.shared.transport import JsonRpc, Transport, matched
from ctrip.domain.breaker import Breaker
from ctrip.domain.errors import ChainError, ConfigurationError, Refused, WrongChain

# How long an endpoint that cannot read at a block hash is left alone with such questions.
BLIND_MS = 60_000
BATCH = 100
# Tron's main network, Nile, Shasta and what stands in for them locally. Their JSON-RPC takes a block's hash and answers
# from the newest state all the same, with what was never mined: money that never came would be seen at a block.
NOT_EVM = frozenset({728126428, 3448148188, 2494104990, 31338})

__all__ = ["BATCH", "BLIND_MS", "GARBAGE", "TRIES", "Call", "Endpoint", "Meter", "Window"]

Call = tuple[str, list[Any]]


class Endpoint:
    """One URL. Its name is the host alone, with the port on loopback: the path and the query may hold a key.

    `voice` names whose word its answers are: the host, and on loopback the port.
    """

    def __init__(self, url: str, chain_id: int, meter: Meter, jitter: Callable[[], float], seconds: float) -> None:
        if chain_id in NOT_EVM:
            raise ConfigurationError(f"chain id {chain_id} is Tron's: it is no EVM chain (kind: tron)")
        parts = urlsplit(url)
        self.name, self.voice = names(parts)
        self.breaker = Breaker(jitter)
        self.wrong = False
        self.windows: dict[str, Window] = {}
        self.traits: dict[str, Any] = {}
        self.blind_until, self.blind_reason = 0, ""
        self._chain_id, self._answered = chain_id, chain_id
        self._checked = False
        self._secrets = secrets(parts)
        self._meter = meter
        self._rpc = JsonRpc(url, Transport(seconds))

    def window(self, name: str, maximum: int) -> Window:
        """Return the remembered window of one kind of question."""
        return self.windows.setdefault(name, Window(maximum))

    def chain_id(self) -> int:
        """Ask which network this is."""
        return quantity(self.call("eth_chainId", []))

    def check(self) -> None:
        """Refuse an endpoint of another network for good."""
        if not self._checked:
            self._answered = self.chain_id()
            self.wrong = self._answered != self._chain_id
            self._checked = True
        if self.wrong:
            remark = ", a network of Tron's, which is read in another way" if self._answered in NOT_EVM else ""
            raise WrongChain(f"{self.name} is not chain {self._chain_id} but {self._answered}{remark}")

    def sees(self, now: int) -> bool:
        """Say whether state at a block's hash may be asked of it."""
        return now >= self.blind_until

    def blind(self, now: int, reason: str) -> None:
        """Note that it cannot read at a block's hash; it is tried again after a minute."""
        self.blind_until, self.blind_reason = now + BLIND_MS, reason

    def saw(self) -> None:
        """Note that it has read at a block's hash."""
        self.blind_until, self.blind_reason = 0, ""

    def state(self, now: int) -> tuple[str, str, str]:
        """Return its name, its state and the reason, for people."""
        if self.wrong:
            return self.name, "wrong chain", f"answers chain id {self._answered}"
        if not self.breaker.closed(now):
            return self.name, "resting", self.breaker.reason
        if self.breaker.failures:
            return self.name, "unreachable", self.breaker.reason
        if self.blind_reason:
            return self.name, "cannot read at a block hash", self.blind_reason
        return self.name, "usable", ""

    def call(self, method: str, params: list[Any]) -> Any:
        """Return one call's result, or raise what the node's error means."""
        self._meter.count((method,))
        answer = self._ask(lambda: self._rpc.call(method, params))
        if not isinstance(answer, dict) or ("error" not in answer and "result" not in answer):
            raise Unreachable(f"{self.name}: no JSON-RPC answer")
        if answer.get("error") is not None:
            raise translate(answer["error"], method, self._secrets)
        return answer["result"]

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Return each call's result in order; a call that the node refused has its error in place of the result.

        Batches become smaller, down to single calls, where the node refuses their size.
        """
        window, results = self.window("batch", BATCH), list[Any]()
        kept, fitted, in_vain = window.kept(), False, False
        while len(results) < len(calls):
            part = calls[len(results) : len(results) + window.size]
            answers = self._part(part)
            if not all(map(_too_much, answers)):
                window.fits()
                fitted = True
            elif not in_vain and window.shrink(len(part)):
                continue
            else:  # a single call is too much as well: the batch's size was not the matter
                in_vain = True
                if not fitted:
                    window.put_back(kept)
            results += answers
        return results

    def steady(self, calls: Sequence[Call]) -> list[Any]:
        """Return each call's result as `batch` does, but ask again where the node did not hold the block."""
        results = self.batch(calls)
        for _ in range(TRIES - 1):
            again = [place for place, result in enumerate(results) if behind(result)]
            for place, result in zip(again, self.batch([calls[place] for place in again]), strict=True):
                results[place] = result
        return results

    def _part(self, part: Sequence[Call]) -> list[Any]:
        """Answer one batch up to the last call that was not too much; all of it where each one was."""
        try:
            answers = self._batch(part)
        except TooMuch as exc:
            return [exc] * len(part)
        except Refused as exc:
            return self._singly(part, exc)
        fit = max((place for place, answer in enumerate(answers) if not _too_much(answer)), default=-1)
        return answers[: fit + 1] or answers

    def _batch(self, calls: Sequence[Call]) -> list[Any]:
        if len(calls) == 1:
            return [self._alone(*calls[0])]
        self._meter.count([method for method, _ in calls])
        answers = self._ask(lambda: self._rpc.batch(calls))
        if isinstance(answers, dict) or (isinstance(answers, list) and len(answers) == 1 and "error" in answers[0]):
            first = answers if isinstance(answers, dict) else answers[0]
            raise translate(first.get("error"), "batch", self._secrets)
        if not matched(answers, len(calls)):
            raise Unreachable(f"{self.name}: a batch's answers do not match its calls")
        results = [self._item(method, answer) for (method, _), answer in zip(calls, answers, strict=True)]
        for result in results:
            if isinstance(result, Unreachable):
                raise result
        return results

    def _singly(self, calls: Sequence[Call], refusal: Refused) -> list[Any]:
        """Ask one by one what was refused as a batch, in words that are not about its size."""
        first = self._alone(*calls[0])
        if isinstance(first, Refused) and not isinstance(first, Reverted):
            raise refusal
        return [first, *(self._alone(*call) for call in calls[1:])]

    def _alone(self, method: str, params: list[Any]) -> Any:
        try:
            return self.call(method, params)
        except Unreachable:
            raise
        except ChainError as exc:
            return exc

    def _item(self, method: str, answer: dict[str, Any]) -> Any:
        if answer.get("error") is not None:
            return translate(answer["error"], method, self._secrets)
        return answer["result"]

    def _ask(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except Unreachable as exc:
            raise type(exc)(f"{self.name}: {exc}") from None
        except ChainError:
            raise
        except Exception as exc:  # JSON, batches and URLs fail in many ways below here, and none of them is our fault
            raise Unreachable(f"{self.name}: garbage ({type(exc).__name__})") from None


def _too_much(answer: object) -> bool:
    return isinstance(answer, TooMuch)
