"""Kraken's public ticker as a source of rates.

Source: docs.kraken.com/api/docs/rest-api/get-ticker-information, of November 2026: GET /0/public/Ticker?pair=A,B
answers {"error": [], "result": {name: {"a": [ask, ...], "b": [bid, ...], ...}}} with prices as text; an unknown pair is
an error for all of the question. The names are those that it answers with, which are its older ones.
"""

from collections.abc import Collection, Mapping
from typing import Any

from ctrip.domain.errors import SourceOut
from ctrip.domain.prices.agreement import Quote
from ctrip.domain.prices.rate import inverted, midpoint, read_rate, written
from ctrip.net.exchange import GARBAGE, QUOTED_FOR_MS, ExchangeApi
from ctrip.ports.rates import Quoted
from ctrip.ports.runtime import Clock

ADDRESS = "https://api.kraken.com"
NAME = "kraken"
# By symbol: the pair that is asked for and answered; and those that are quoted in units of the symbol for a dollar.
PAIRS = {
    "ETH": "XETHZUSD",
    "BTC": "XXBTZUSD",
    "USDC": "USDCUSD",
    "USDT": "USDTZUSD",
    "DAI": "DAIUSD",
    "POL": "POLUSD",
    "BNB": "BNBUSD",
    "TRX": "TRXUSD",
    "EUR": "ZEURZUSD",
    "GBP": "ZGBPZUSD",
    "AUD": "AUDUSD",
    "JPY": "ZUSDZJPY",
    "CAD": "ZUSDZCAD",
    "CHF": "USDCHF",
}
INVERTED = frozenset({"JPY", "CAD", "CHF"})
WIDEST_PER_MILLE = 20  # a book whose ask is further above its bid than that has no price
UNKNOWN_PAIR = "EQuery:Unknown asset pair"


class Kraken:
    """The middle between bid and ask of Kraken's markets in US dollars."""

    name = NAME

    def __init__(self, api: ExchangeApi, clock: Clock) -> None:
        self._api, self._clock = api, clock

    def quotes(self, symbols: Collection[str]) -> Quoted:
        """Return what it quotes; raises `SourceOut`. A pair that it lists no longer fails alone."""
        wanted = {symbol: PAIRS[symbol] for symbol in symbols if symbol in PAIRS}
        if not wanted:
            return Quoted()
        found = self._tickers(wanted.values())
        if found is None:
            alone = {pair: self._tickers([pair]) for pair in wanted.values()} if len(wanted) > 1 else {}
            found = {pair: tickers[pair] for pair, tickers in alone.items() if tickers and pair in tickers}
        quotes, failed, now = {}, {}, self._clock.now()
        for symbol, pair in wanted.items():
            try:
                quotes[symbol] = Quote(NAME, symbol, _price(symbol, found[pair]), now, QUOTED_FOR_MS)
            except GARBAGE as exc:
                failed[symbol] = f"it has no price of {pair} ({type(exc).__name__})"
        return Quoted(quotes, failed)

    def _tickers(self, pairs: Collection[str]) -> Mapping[str, Any] | None:
        """Return the tickers by pair; None where it does not list one of them."""
        found: Mapping[str, Any] | None = self._api.get("/0/public/Ticker", {"pair": ",".join(pairs)}, _result)
        return found


def _result(answer: Any) -> Mapping[str, Any] | None:
    if UNKNOWN_PAIR in answer["error"]:
        return None
    if answer["error"]:
        raise SourceOut("it answered an error")
    return dict(answer["result"])


def _price(symbol: str, ticker: Any) -> str:
    ask, bid = read_rate(ticker["a"][0]), read_rate(ticker["b"][0])
    if not bid <= ask or (ask - bid) * 1000 > ask * WIDEST_PER_MILLE:
        raise ValueError("no market")
    middle = midpoint(bid, ask)
    return written(inverted(middle) if symbol in INVERTED else middle)
