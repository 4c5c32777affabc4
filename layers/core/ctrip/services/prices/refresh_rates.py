"""Asks the sources of rates, and keeps what two of them at least agree on."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ctrip.domain.errors import SourceOut
from ctrip.domain.prices.agreement import Judged, Quote, judge
from ctrip.domain.prices.record import RateRecord, renewed
from ctrip.ports import Clock, Log, RateSource, RateStore
from ctrip.ports.rates import Quoted

# Asked for once a moment ago, by somebody who was as late: then it is not asked for again.
JUST_NOW_MS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRefresher:
    """Asks all sources at the same time; each fails alone."""

    sources: Sequence[RateSource]
    store: RateStore
    clock: Clock
    log: Log

    def refresh(self, symbols: Sequence[str]) -> None:
        """Ask for the rates of some symbols, which somebody waits for, and keep them up from now on."""
        held, now = self.store.rates(symbols), self.clock.now()
        before = [held.get(symbol) or RateRecord(symbol) for symbol in dict.fromkeys(symbols)]
        self._renew([each for each in before if now - each.tried_at >= JUST_NOW_MS], wanted=True)

    def _renew(self, before: Sequence[RateRecord], *, wanted: bool = False) -> list[RateRecord]:
        if not before:
            return []
        answers = self._asked([each.symbol for each in before])
        now = self.clock.now()
        after = [renewed(each, _judged(each.symbol, answers, now), now, wanted=wanted) for each in before]
        self.store.keep_rates(after)
        return after

    def _asked(self, symbols: Sequence[str]) -> dict[str, Quoted | str]:
        """Return each source's answer, or why it has none."""
        if not self.sources:
            return {}
        with ThreadPoolExecutor(len(self.sources)) as pool:
            answers = pool.map(lambda source: _answer(source, symbols), self.sources)
            return dict(zip((each.name for each in self.sources), answers, strict=True))


def _answer(source: RateSource, symbols: Sequence[str]) -> Quoted | str:
    try:
        return source.quotes(symbols)
    except SourceOut as exc:
        return str(exc)


def _judged(symbol: str, answers: dict[str, Quoted | str], now: int) -> Judged:
    quotes, failed = list[Quote](), dict[str, str]()
    for name, answer in answers.items():
        if isinstance(answer, str):
            failed[name] = answer
        elif symbol in answer.quotes:
            quotes.append(answer.quotes[symbol])
        elif symbol in answer.failed:
            failed[name] = answer.failed[symbol]
    return judge(quotes, failed, now)
