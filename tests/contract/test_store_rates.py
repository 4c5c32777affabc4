"""The store of rates: the fake, and the real one over DynamoDB."""

from dataclasses import replace

from ctrip.domain.prices.agreement import Missing, Trouble
from ctrip.domain.prices.record import RateRecord
from tests.fakes.clock import T0

ETH = RateRecord(
    symbol="ETH",
    value="2500.123456789012345678901234567890123456",
    sources=("chainlink", "kraken"),
    agreed_at=T0,
    tried_at=T0,
    wanted_at=T0,
)


def test_what_is_kept_reads_back_exactly(stores):
    out = replace(ETH, symbol="EUR", trouble=Trouble.OUT, missing=(Missing("kraken", "timed out", T0 - 5),))
    stores.rates.keep_rates([ETH, out])
    assert stores.rates.rates(["EUR", "ETH", "JPY"]) == {"ETH": ETH, "EUR": out}
    assert sorted(stores.rates.every_rate(), key=lambda each: each.symbol) == [ETH, out]


def test_a_later_try_stays_and_the_rest_is_stored(stores):
    later = replace(ETH, value="2600", tried_at=T0 + 1)
    stores.rates.keep_rates([later])
    other = replace(ETH, symbol="BNB")
    stores.rates.keep_rates([ETH, other])
    assert stores.rates.rates(["ETH", "BNB"]) == {"ETH": later, "BNB": other}


def test_nothing_is_kept_of_what_nobody_asked_for(stores):
    assert stores.rates.rates(["ETH"]) == {}
    assert stores.rates.rates([]) == {}
    assert stores.rates.every_rate() == []
