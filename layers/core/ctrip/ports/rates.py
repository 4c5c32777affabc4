"""Where rates come from, and where they are kept for all functions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ctrip.domain.prices.agreement import Quote
from ctrip.domain.prices.record import RateRecord


@dataclass(frozen=True, slots=True)
class Quoted:
    """A source's answer by symbol: quotes, and why others have none; what it does not offer is not there."""

    quotes: Mapping[str, Quote] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)


class RateSource(Protocol):
    """One source of rates: a network of price feeds, or an exchange."""

    @property
    def name(self) -> str:
        """Name it, for people and records."""
        ...

    def quotes(self, symbols: Collection[str]) -> Quoted:
        """Return what units of many assets and currencies are worth in US dollars.

        Raises `SourceOut` where there is no usable answer at all, also while it rests after failures.
        """
        ...


class RateStore(Protocol):
    """The rates that all functions share."""

    def rates(self, symbols: Collection[str]) -> dict[str, RateRecord]:
        """Read the records of some symbols; what was never asked for is left out."""
        ...

    def every_rate(self) -> list[RateRecord]:
        """Read all records."""
        ...

    def keep_rates(self, records: Sequence[RateRecord]) -> None:
        """Store records; one that a later try has replaced already is left as it is."""
        ...


class RateRefresh(Protocol):
    """What asks the sources, on behalf of functions that cannot."""

    def refresh(self, symbols: Sequence[str]) -> None:
        """Ask the sources for the rates of some symbols and keep them; a source that fails raises nothing."""
        ...
