"""What an asset is worth in a currency, and what is due for a price: from the rates that all functions share."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ctrip.domain.chains.assets import Asset, Network
from ctrip.domain.errors import BadRequest, CtripError, RateUnavailable, Refusal
from ctrip.domain.prices.agreement import Trouble
from ctrip.domain.prices.peg import Peg
from ctrip.domain.prices.price import Price
from ctrip.domain.prices.rate import USD, LockedRate, amount_due
from ctrip.domain.prices.record import RateRecord
from ctrip.ports.rates import RateRefresh, RateStore
from ctrip.ports.runtime import Clock, Log

RETRY_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RateBook:
    """Prices assets; a rate that is older than `fresh_ms` is asked for anew before it is used.

    `pegs` are the stablecoins by symbol, `aliases` what an asset's symbol means where it is only a test network's name.
    """

    store: RateStore
    refresh: RateRefresh
    pegs: Mapping[str, Peg]
    fresh_ms: int
    clock: Clock
    log: Log
    aliases: Mapping[str, str] = field(default_factory=dict)

    def rate(self, asset: str, currency: str) -> LockedRate:
        """Return an asset's present rate in a currency.

        Raises `BadRequest` where fewer than two sources agree (`currency_unavailable`) or know of the asset at all
        (`asset_without_rate`), and `RateUnavailable` where sources are out, or a stablecoin is off its peg.
        """
        return self._rate(asset, currency, self._records([asset], currency))

    def amount(self, price: Price, network: Network, asset: Asset) -> tuple[int, LockedRate]:
        """Return what is due for a price in base units of an asset, rounded up, and by which rate; raises as `rate`."""
        rate = self.rate(asset.symbol, price.currency)
        return amount_due(price, rate, asset.decimals), rate

    def amounts(self, price: Price, assets: Iterable[Asset]) -> dict[Asset, tuple[int, LockedRate] | Refusal]:
        """Return what is due in each of several assets, or why none is; the rates are read together."""
        wanted = list(assets)
        records = self._records([each.symbol for each in wanted], price.currency)
        return {asset: self._due(price, asset, records) for asset in wanted}

    def rates(self, assets: Iterable[str], currency: str) -> dict[str, LockedRate | Refusal]:
        """Return the present rates of several assets in a currency, or why there is none; read together."""
        wanted = list(dict.fromkeys(assets))
        records = self._records(wanted, currency)
        found: dict[str, LockedRate | Refusal] = {}
        for asset in wanted:
            try:
                found[asset] = self._rate(asset, currency, records)
            except Refusal as refusal:
                found[asset] = refusal
        return found

    def _due(self, price: Price, asset: Asset, records: Mapping[str, RateRecord]) -> tuple[int, LockedRate] | Refusal:
        try:
            rate = self._rate(asset.symbol, price.currency, records)
            return amount_due(price, rate, asset.decimals), rate
        except Refusal as refusal:
            return refusal

    def _rate(self, asset: str, currency: str, records: Mapping[str, RateRecord]) -> LockedRate:
        now, symbol = self.clock.now(), self.aliases.get(asset, asset)
        peg = self.pegs.get(symbol)
        own = self._usable(symbol, records, now, lasting=peg is not None)
        unit = self._currency(currency, records, now, lasting=peg is not None)
        parts, value = [own, unit], own.value
        if peg is not None:
            base = self._currency(peg.currency, records, now, lasting=True)
            parts, value = [own, unit, base], base.value
            if not peg.holds(own.value, base.value):
                raise _off_peg(asset, peg.currency, peg.off(own.value, base.value))
        sources = sorted({source for each in parts for source in each.sources})
        at = min(each.agreed_at for each in parts)
        return LockedRate(asset, currency, value, unit.value, tuple(sources), at)

    def _currency(
        self, currency: str, records: Mapping[str, RateRecord], now: int, *, lasting: bool = False
    ) -> RateRecord:
        if currency == USD:
            return RateRecord(USD, "1", agreed_at=now)
        return self._usable(currency, records, now, lasting=lasting, currency=True)

    def _usable(
        self,
        symbol: str,
        records: Mapping[str, RateRecord],
        now: int,
        *,
        lasting: bool = False,
        currency: bool = False,
    ) -> RateRecord:
        """Return a record whose value may be used; raises what else is to be answered."""
        record = records.get(symbol) or RateRecord(symbol)
        if record.fresh(now, self.fresh_ms) or (lasting and record.lasting(now)):
            return record
        if record.trouble is Trouble.DISAGREE:
            raise BadRequest(f"The sources of {symbol}'s rate disagree.", code="currency_unavailable")
        if record.trouble is Trouble.UNOFFERED and currency:
            words = f"No two sources have a rate of {symbol}; name the price in another currency."
            raise BadRequest(words, code="currency_unavailable")
        if record.trouble is Trouble.UNOFFERED:
            raise BadRequest(f"No two sources have a rate of {symbol}; name an amount.", code="asset_without_rate")
        raise RateUnavailable(f"No present rate of {symbol} is known; try again shortly.", retry_after=RETRY_SECONDS)

    def _records(self, assets: Iterable[str], currency: str) -> dict[str, RateRecord]:
        """Read what is needed, and have asked for anew what is old."""
        symbols = {self.aliases.get(asset, asset) for asset in assets}
        bases = {self.pegs[symbol].currency for symbol in symbols if symbol in self.pegs}
        needed = sorted({*symbols, *bases, currency} - {USD})
        records, now = self.store.rates(needed), self.clock.now()
        due = [each for each in needed if each not in records or records[each].due(now, self.fresh_ms)]
        if not due:
            return records
        try:
            self.refresh.refresh(due)
        except CtripError as exc:  # what is kept may still do
            self.log.warning("rates_not_refreshed", error=exc)
            return records
        return self.store.rates(needed)


def _off_peg(asset: str, currency: str, off: str) -> RateUnavailable:
    words = f"{asset} is {off} off its peg to {currency}; no payment is priced in it meanwhile."
    return RateUnavailable(words, retry_after=RETRY_SECONDS)
