"""Asks the sources of rates, and keeps what two of them at least agree on."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from ctrip.domain.errors import SourceOut
from ctrip.domain.prices.agreement import Judged, Missing, Quote, Trouble, judge
from ctrip.domain.prices.peg import Peg
from ctrip.domain.prices.rate import USD
from ctrip.domain.prices.record import OUT_MS, RateRecord, renewed
from ctrip.ports.rates import Quoted, RateSource, RateStore
from ctrip.ports.runtime import Clock, Log

# Asked for once a moment ago, by somebody who was as late: then it is not asked for again.
JUST_NOW_MS = 1_000
PATIENCE = 8.0  # seconds: whoever waits for the function gives up after twelve


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRefresher:
    """Asks all sources at the same time; each fails alone. `pegs` are the stablecoins by symbol."""

    sources: Sequence[RateSource]
    store: RateStore
    pegs: Mapping[str, Peg]
    clock: Clock
    log: Log
    patience: float = PATIENCE

    def refresh(self, symbols: Sequence[str]) -> None:
        """Ask for the rates of some symbols, which somebody waits for, and keep them up from now on."""
        held, now = self.store.rates(symbols), self.clock.now()
        before = [held.get(symbol) or RateRecord(symbol) for symbol in dict.fromkeys(symbols)]
        asked = [each for each in before if now - each.tried_at >= JUST_NOW_MS]
        # Sources that were out may hang: whoever else needs the rate meanwhile is told so, and does not wait as well.
        self.store.keep_rates([replace(each, tried_at=now) for each in asked if each.trouble is Trouble.OUT])
        self._renew(asked, wanted=True)

    def run(self) -> int:
        """Ask for every rate that is still wanted, and raise alarms; return how many there are."""
        now = self.clock.now()
        wanted = self._renew([each for each in self.store.every_rate() if each.wanted(now)])
        self._alarm_about_sources(wanted, now)
        self._alarm_about_pegs({each.symbol: each for each in wanted})
        return len(wanted)

    def _alarm_about_sources(self, records: Sequence[RateRecord], now: int) -> None:
        """Raise one alarm for each source that has been without a usable answer for long, by its longest silence."""
        longest: dict[str, tuple[Missing, str]] = {}
        for record in records:
            for each in record.missing:
                if each.source not in longest or each.since < longest[each.source][0].since:
                    longest[each.source] = each, record.symbol
        for source, (missing, symbol) in sorted(longest.items()):
            if (silent := now - missing.since) >= OUT_MS:
                facts = {"what": source, "asset": symbol, "age_seconds": silent // 1000, "error": missing.reason}
                self.log.error("rate_source_out", **facts)

    def _alarm_about_pegs(self, records: Mapping[str, RateRecord]) -> None:
        for symbol, peg in self.pegs.items():
            record = records.get(symbol)
            base = RateRecord(USD, "1") if peg.currency == USD else records.get(peg.currency)
            if record and record.value and base and base.value and not peg.holds(record.value, base.value):
                self.log.error("stablecoin_depegged", asset=symbol, error=peg.off(record.value, base.value))

    def _renew(self, before: Sequence[RateRecord], *, wanted: bool = False) -> list[RateRecord]:
        if not before:
            return []
        answers = self._asked([each.symbol for each in before])
        now = self.clock.now()
        after = [renewed(each, _judged(each.symbol, answers, now), now, wanted=wanted) for each in before]
        self.store.keep_rates(after)
        return after

    def _asked(self, symbols: Sequence[str]) -> dict[str, Quoted | str]:
        """Return each source's answer, or why it has none; one that is slow keeps the others' from nobody."""
        if not self.sources:
            return {}
        pool = ThreadPoolExecutor(len(self.sources))
        asked = {source.name: pool.submit(_answer, source, symbols) for source in self.sources}
        done, _ = wait(asked.values(), self.patience)
        pool.shutdown(wait=False)
        return {name: each.result() if each in done else "it did not answer in time" for name, each in asked.items()}


def _answer(source: RateSource, symbols: Sequence[str]) -> Quoted | str:
    try:
        return source.quotes(symbols)
    except SourceOut as exc:
        return str(exc)
    except Exception as exc:  # a bug, or an answer in a shape nobody knows: the others' answers still count
        return f"it cannot be asked ({type(exc).__name__})"


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
