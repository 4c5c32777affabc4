"""A source of rates that says what it is told to, and stalls, lies and falls silent when told."""

from collections.abc import Collection
from dataclasses import dataclass, field

from ctrip.domain.errors import SourceOut
from ctrip.domain.prices.agreement import Quote
from ctrip.ports.rates import Quoted
from ctrip.ports.runtime import Clock

# What a unit is worth in US dollars, where a test says nothing else.
USUAL = {"ETH": "2500", "USDC": "1.0001", "EUR": "1.1", "JPY": "0.0067", "KWD": "3.25"}
GOOD_FOR_MS = 3_600_000


@dataclass(slots=True)
class FakeSource:
    """The `ports.RateSource` in memory; `out` is why it does not answer, `asked` lists what it was asked for."""

    name: str
    clock: Clock
    values: dict[str, str] = field(default_factory=lambda: dict(USUAL))
    failed: dict[str, str] = field(default_factory=dict)
    out: str = ""
    age_ms: int = 0
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def quotes(self, symbols: Collection[str]) -> Quoted:
        self.asked.append(tuple(sorted(symbols)))
        if self.out:
            raise SourceOut(self.out)
        at = self.clock.now() - self.age_ms
        said = {
            each: Quote(self.name, each, self.values[each], at, GOOD_FOR_MS)
            for each in self.values.keys() & set(symbols)
        }
        return Quoted(said, {each: why for each, why in self.failed.items() if each in symbols})
