"""Coinbase's exchange rates as a source of rates.

Source: docs.cdp.coinbase.com/coinbase-app/track-apis/exchange-rates, of November 2026: without a key, GET
/v2/exchange-rates?currency=USD answers {"data": {"currency": "USD", "rates": {code: units for a dollar, as text}}}.
"""

from collections.abc import Collection, Mapping
from typing import Any

from ctrip.domain.prices.agreement import Quote
from ctrip.domain.prices.currencies import CURRENT
from ctrip.domain.prices.rate import USD, inverted, read_rate, written
from ctrip.net.exchange import QUOTED_FOR_MS, ExchangeApi
from ctrip.ports.rates import Quoted
from ctrip.ports.runtime import Clock

ADDRESS = "https://api.coinbase.com"
NAME = "coinbase"
# By name, as it lists many assets, of which some share a symbol with others'. Not USDC: that it takes for a dollar by
# definition, so its word says nothing of the market.
ASSETS = frozenset({"ETH", "BTC", "USDT", "DAI", "POL", "BNB"})


class Coinbase:
    """What Coinbase gives for a US dollar, turned round."""

    name = NAME

    def __init__(self, api: ExchangeApi, clock: Clock) -> None:
        self._api, self._clock = api, clock

    def quotes(self, symbols: Collection[str]) -> Quoted:
        """Return what it quotes; raises `SourceOut`."""
        wanted = [symbol for symbol in symbols if symbol in ASSETS or symbol in CURRENT]
        if not wanted:
            return Quoted()
        rates: Mapping[str, Any] = self._api.get("/v2/exchange-rates", {"currency": USD}, _rates)
        quotes, failed, now = {}, {}, self._clock.now()
        for symbol in wanted:
            if symbol not in rates:
                continue
            try:
                value = written(inverted(read_rate(rates[symbol])))
                quotes[symbol] = Quote(NAME, symbol, value, now, QUOTED_FOR_MS)
            except ValueError as exc:
                failed[symbol] = f"its answer is {exc}"
        return Quoted(quotes, failed)


def _rates(answer: Any) -> Mapping[str, Any]:
    if answer["data"]["currency"] != USD:
        raise ValueError("another currency")
    return dict(answer["data"]["rates"])
