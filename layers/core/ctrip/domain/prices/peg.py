"""Stablecoins: taken for what they are pegged to, while the market does too."""

from dataclasses import dataclass
from decimal import Decimal

from ctrip.domain.prices.rate import read_rate


@dataclass(frozen=True, slots=True)
class Peg:
    """An asset counts as one unit of `currency`, while its market is less than so many per mille away from that."""

    currency: str
    per_mille: int

    def holds(self, market: str, currency: str) -> bool:
        """Whether a market's value is near enough to the currency's, both in US dollars."""
        pegged = read_rate(currency)
        return abs(read_rate(market) - pegged) * 1000 <= pegged * self.per_mille

    def off(self, market: str, currency: str) -> str:
        """Say how far the market is away, for people."""
        pegged = read_rate(currency)
        return f"{(read_rate(market) - pegged) * Decimal(1000) / pegged:+.0f} per mille"
