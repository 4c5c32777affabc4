"""The book of rates: what an asset is worth, and what becomes of a payment's price when sources fail."""

from dataclasses import replace

import pytest

from ctrip.domain.chains.assets import Asset
from ctrip.domain.errors import BadRequest, Busy, InvalidField, RateUnavailable
from ctrip.domain.prices.price import Price
from ctrip.domain.prices.record import GRACE_MS
from tests.fakes.rates import FakeSource
from tests.world import NETWORK, SETTINGS, USDC, World

FRESH_MS = SETTINGS.rate_seconds * 1000
EUR = Price("EUR", 1250)


@pytest.fixture
def world():
    return World()


@pytest.fixture
def book(world):
    return world.stage.prices.book


def later(world, ms=FRESH_MS + 1):
    world.clock.at += ms


def put(world, symbol, value, *, sources=("chainlink", "kraken", "coinbase")):
    for source in world.rate_sources:
        if source.name in sources:
            source.values[symbol] = value


def take_out(world, *names):
    for source in world.rate_sources:
        if not names or source.name in names:
            source.out = "timed out"


def code(refused):
    return refused.value.code


def test_an_amount_is_due_by_the_rate_through_the_dollar(world, book):
    amount, rate = book.amount(EUR, NETWORK, NETWORK.coin)
    # 12.50 EUR are 13.75 USD, and an ether is worth 2500 of those.
    assert amount == 5_500_000_000_000_000
    assert (rate.asset, rate.currency, rate.at) == ("ETH", "EUR", world.clock.at)
    assert rate.rate.startswith("2272.7272")
    assert rate.sources == ("chainlink", "coinbase", "kraken")


def test_a_price_in_dollars_needs_the_assets_rate_alone(world, book):
    amount, rate = book.amount(Price("USD", 250_000), NETWORK, NETWORK.coin)
    assert (amount, rate.rate) == (10**18, "2500")
    assert world.rate_sources[0].asked == [("ETH",)]


def test_a_stablecoin_counts_as_what_it_is_pegged_to(book):
    assert book.rate("USDC", "USD").rate == "1"
    amount, rate = book.amount(EUR, NETWORK, USDC)
    assert amount == 13_750_000  # and not by the market's 1.0001
    assert rate.rate.startswith("0.909090")


def test_a_rate_is_shared_and_asked_for_once_while_it_is_fresh(world, book):
    for _ in range(3):
        book.rate("ETH", "EUR")
    later(world, FRESH_MS)
    book.rate("ETH", "EUR")
    assert len(world.rate_sources[0].asked) == 1
    later(world, 1)
    book.rate("ETH", "EUR")
    assert len(world.rate_sources[0].asked) == 2


def test_an_asset_that_no_two_sources_know_has_no_rate(book):
    with pytest.raises(BadRequest) as refused:
        book.rate("FEE", "EUR")
    assert code(refused) == "asset_without_rate"


def test_what_no_two_sources_know_is_asked_for_no_more_often_than_a_rate(world, book):
    for _ in range(3):
        with pytest.raises(BadRequest):
            book.rate("FEE", "USD")
        later(world, FRESH_MS // 2)
    assert len(world.rate_sources[0].asked) == 1


def test_a_currency_that_no_two_sources_know_is_unavailable(world, book):
    put(world, "KPW", "0.0011", sources=("coinbase",))
    for currency in ("ISK", "KPW"):
        with pytest.raises(BadRequest) as refused:
            book.rate("ETH", currency)
        assert code(refused) == "currency_unavailable"
        assert refused.value.status == 400


def test_sources_that_disagree_make_a_price_unavailable_at_once(world, book):
    book.rate("ETH", "EUR")
    put(world, "ETH", "2700", sources=("chainlink",))
    take_two = [each for each in world.rate_sources if each.name == "coinbase"]
    take_two[0].values.pop("ETH")
    later(world)
    with pytest.raises(BadRequest) as refused:
        book.rate("ETH", "EUR")
    assert code(refused) == "currency_unavailable"


def test_one_source_that_spikes_or_stalls_changes_nothing(world, book):
    put(world, "ETH", "9999", sources=("kraken",))
    assert book.rate("ETH", "USD").sources == ("chainlink", "coinbase")
    later(world)
    put(world, "ETH", "2500")
    world.rate_sources[0].age_ms = 7_200_000
    assert book.rate("ETH", "USD").sources == ("coinbase", "kraken")


def test_with_all_sources_out_a_coins_price_is_refused_and_soon_asked_for_again(world, book):
    book.rate("ETH", "USD")
    take_out(world)
    later(world)
    with pytest.raises(RateUnavailable) as refused:
        book.rate("ETH", "USD")
    assert (refused.value.status, code(refused), refused.value.retry_after) == (503, "rate_unavailable", 10)
    world.rate_sources[0].out = world.rate_sources[1].out = ""
    later(world, 5_000)
    assert book.rate("ETH", "USD").rate == "2500"


def test_one_source_alone_is_not_enough_while_another_is_out(world, book):
    take_out(world, "kraken", "coinbase")
    with pytest.raises(RateUnavailable):
        book.rate("ETH", "USD")


def test_sources_that_are_out_are_not_asked_for_each_payment(world, book):
    take_out(world)
    for _ in range(5):
        with pytest.raises(RateUnavailable):
            book.rate("ETH", "USD")
    assert len(world.rate_sources[0].asked) == 1


@pytest.mark.parametrize("currency", ["USD", "EUR"])
def test_with_all_sources_out_a_stablecoin_goes_on_for_an_hour_by_the_last_value(world, book, currency):
    first = book.rate("USDC", currency)
    take_out(world)
    later(world, GRACE_MS)
    assert book.rate("USDC", currency) == first if currency == "EUR" else book.rate("USDC", currency).rate == "1"
    later(world, 1)
    with pytest.raises(RateUnavailable):
        book.rate("USDC", currency)


def test_without_a_last_value_a_stablecoin_has_no_rate_either(world, book):
    take_out(world)
    with pytest.raises(RateUnavailable):
        book.rate("USDC", "USD")


@pytest.mark.parametrize("market", ["0.97", "1.03"])
def test_a_stablecoin_off_its_peg_prices_nothing_until_it_is_back(world, book, market):
    put(world, "USDC", market)
    with pytest.raises(RateUnavailable) as refused:
        book.rate("USDC", "EUR")
    assert code(refused) == "rate_unavailable"
    assert "off its peg" in refused.value.detail
    put(world, "USDC", "0.985")
    later(world)
    assert book.rate("USDC", "USD").rate == "1"


def test_one_alone_waits_for_sources_that_hang(world, book):
    """Everybody else is refused at once: else all of the API's functions would wait, and take no other call."""
    take_out(world)
    with pytest.raises(RateUnavailable):
        book.rate("ETH", "USD")
    later(world)
    waiting, meanwhile = world.rate_sources[0], []

    class Hanging(FakeSource):
        def quotes(self, symbols):
            if not meanwhile:
                meanwhile.append("asked")
                with pytest.raises(RateUnavailable):
                    book.rate("ETH", "USD")
            return waiting.quotes(symbols)

    world.rate_sources[0] = Hanging(waiting.name, world.clock)
    with pytest.raises(RateUnavailable):
        book.rate("ETH", "USD")
    assert (meanwhile, len(waiting.asked)) == (["asked"], 2)


def test_a_stablecoin_whose_market_falls_while_a_source_is_out_is_not_priced_by_its_last_value(world, book):
    """A feed that is written once a day still says a dollar, an exchange says 90 cents, and the other is silent."""
    book.rate("USDC", "USD")
    take_out(world, "coinbase")
    put(world, "USDC", "0.90", sources=("kraken",))
    later(world)
    for _ in range(2):
        with pytest.raises(BadRequest) as refused:
            book.rate("USDC", "USD")
        assert code(refused) == "currency_unavailable"
        later(world, 5_000)


def test_the_last_value_of_a_coin_off_its_peg_does_not_price_it_when_the_sources_go(world, book):
    put(world, "USDC", "0.9")
    with pytest.raises(RateUnavailable):
        book.rate("USDC", "USD")
    take_out(world)
    later(world)
    with pytest.raises(RateUnavailable, match="off its peg"):
        book.rate("USDC", "USD")


def test_a_guard_whose_sources_disagree_is_no_guard(world, book):
    book.rate("USDC", "USD")
    put(world, "USDC", "0.8", sources=("kraken",))
    [coinbase] = [each for each in world.rate_sources if each.name == "coinbase"]
    coinbase.values.pop("USDC")
    later(world)
    with pytest.raises(BadRequest) as refused:
        book.rate("USDC", "USD")
    assert code(refused) == "currency_unavailable"


def test_a_test_networks_coin_is_priced_as_what_it_stands_for(world, book):
    put(world, "BNB", "900")
    rate = book.rate("tBNB", "USD")
    assert (rate.asset, rate.rate) == ("tBNB", "900")


def test_several_assets_are_priced_together_and_fail_apart(world, book):
    fee = Asset("anvil", "FEE", 18, "x", "0x00000000000000000000000000000000000000ee")
    found = book.amounts(EUR, [NETWORK.coin, USDC, fee])
    assert found[USDC][0] == 13_750_000
    assert found[NETWORK.coin][1].rate.startswith("2272.72")
    assert isinstance(found[fee], BadRequest)
    assert len(world.rate_sources[0].asked) == 1
    rates = book.rates(["ETH", "USDC", "FEE", "ETH"], "EUR")
    assert list(rates) == ["ETH", "USDC", "FEE"]
    assert rates["FEE"].code == "asset_without_rate"


def test_a_price_that_no_amount_can_hold_is_refused(world, book):
    put(world, "ETH", "0.000000000000000000000000000000000000000000000000000000000001")
    with pytest.raises(InvalidField):
        book.amount(Price("USD", 10**17), NETWORK, NETWORK.coin)


def test_where_nobody_can_ask_the_sources_it_is_as_if_they_were_out(world):
    """What is kept goes on for its time, and a stablecoin's for an hour."""
    world.stage.prices.book.rates(["USDC", "ETH"], "USD")

    class Broken:
        def refresh(self, symbols):
            raise Busy("the function is not there")

    book = replace(world.stage.prices.book, refresh=Broken())
    assert book.rate("ETH", "USD").rate == "2500"
    later(world)
    assert book.rate("USDC", "USD").rate == "1"
    with pytest.raises(RateUnavailable):
        book.rate("ETH", "USD")
    later(world, GRACE_MS)
    with pytest.raises(RateUnavailable):
        book.rate("USDC", "USD")
    assert {line[1] for line in world.log.lines if line[0] == "warning"} == {"rates_not_refreshed"}
