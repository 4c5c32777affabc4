"""What a source of rates promises: of the fake, of Chainlink's feeds on Anvil, and of the exchanges' adapters."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from ctrip.chains.evm.chainlink import Chainlink, FeedsOfChain
from ctrip.chains.evm.client import EvmChain
from ctrip.domain.errors import SourceOut
from ctrip.feeds import feeds
from ctrip.net.coinbase import Coinbase
from ctrip.net.exchange import ExchangeApi
from ctrip.net.kraken import Kraken
from ctrip.networks import load_networks
from ctrip.ports.rates import RateSource
from ctrip.system import SystemClock
from infra.stack import exchange
from infra.stack import feeds as mocks
from tests.evm_support import Anvil, free_port
from tests.fakes.rates import FakeSource

VALUES = {"ETH": "2500", "USDT": "1", "EUR": "1.1", "JPY": "0.0067"}


@dataclass
class Subject:
    """A source, and the world that it speaks of."""

    source: RateSource
    says: Callable[[str, str], None]
    is_out: Callable[[], RateSource]


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Run a recorded exchange; return its address."""
    server = exchange.server(folder, 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def api(base: str, **options: object) -> ExchangeApi:
    return ExchangeApi(base, SystemClock(), loopback=True, **options)  # type: ignore[arg-type]


def on_chain(url: str) -> Chainlink:
    chain = EvmChain(load_networks(["anvil"])["anvil"], [url], SystemClock(), seconds=2)
    return Chainlink([FeedsOfChain(chain, feeds().chains["anvil"], SystemClock())])


@pytest.fixture(params=["fake", "chainlink", "kraken", "coinbase"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    """Each of them, with the usual values."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    if request.param == "fake":
        fake = FakeSource("fake", SystemClock(), dict(VALUES))

        def silent() -> FakeSource:
            fake.out = "timed out"
            return fake

        yield Subject(fake, fake.values.__setitem__, silent)
    elif request.param == "chainlink":
        anvil: Anvil = request.getfixturevalue("anvil")
        with anvil.scratch():
            # Other tests have moved its time: a chain whose newest block is old is not believed.
            anvil.rpc("evm_setNextBlockTimestamp", SystemClock().now() // 1000)
            anvil.rpc("evm_mine")
            yield Subject(
                on_chain(anvil.url),
                lambda symbol, value: mocks.move(anvil.url, symbol, value) and None,
                lambda: on_chain(nowhere),
            )
    else:
        adapter = {"kraken": Kraken, "coinbase": Coinbase}[request.param]
        with served(tmp_path) as base:

            def moved(symbol: str, value: str) -> None:
                exchange.move(tmp_path, request.param, **{symbol: value})

            yield Subject(adapter(api(base), SystemClock()), moved, lambda: adapter(api(nowhere), SystemClock()))


def near(value: str, wanted: str) -> bool:
    return abs(Decimal(value) - Decimal(wanted)) * 1000 < Decimal(wanted)


def test_many_are_quoted_at_once_in_dollars_as_of_now(subject: Subject) -> None:
    found = subject.source.quotes(VALUES)
    assert found.failed == {}
    assert sorted(found.quotes) == sorted(VALUES)
    for symbol, quote in found.quotes.items():
        assert near(quote.value, VALUES[symbol]), quote
        assert (quote.symbol, quote.source) == (symbol, subject.source.name)
        assert abs(SystemClock().now() - quote.at) < quote.good_for
        assert quote.good_for > 0


def test_what_it_does_not_offer_is_absent_and_no_failure(subject: Subject) -> None:
    found = subject.source.quotes(["ETH", "FEE", "ISK"])
    assert (sorted(found.quotes), found.failed) == (["ETH"], {})
    assert subject.source.quotes([]).quotes == {}
    assert subject.source.quotes(["FEE"]).quotes == {}


def test_what_moves_is_seen_to_move(subject: Subject) -> None:
    for symbol, value in (("ETH", "3123.5"), ("JPY", "0.0071")):
        subject.says(symbol, value)
        assert near(subject.source.quotes([symbol]).quotes[symbol].value, value)


def test_one_that_does_not_answer_is_out(subject: Subject) -> None:
    source = subject.is_out()
    with pytest.raises(SourceOut) as out:
        source.quotes(["ETH"])
    assert str(out.value)


def test_the_recorded_exchange_and_the_local_feeds_say_the_same_at_first(tmp_path: Path) -> None:
    with served(tmp_path) as base:
        for adapter in (Kraken, Coinbase):
            found = adapter(api(base), SystemClock()).quotes(mocks.INITIAL)
            assert len(found.quotes) >= len(mocks.INITIAL) - 1
            assert all(near(quote.value, mocks.INITIAL[symbol]) for symbol, quote in found.quotes.items())


def test_coinbase_is_not_asked_whether_a_dollar_coin_is_worth_a_dollar(tmp_path: Path) -> None:
    """It takes it for one by definition."""
    with served(tmp_path) as base:
        assert Coinbase(api(base), SystemClock()).quotes(["USDC"]).quotes == {}


def test_a_pair_that_kraken_lists_no_longer_fails_alone(tmp_path: Path) -> None:
    """It answers an error for all of a question."""
    with served(tmp_path) as base:
        found = Kraken(api(base), SystemClock()).quotes(["ETH", "POL", "EUR"])
    assert sorted(found.quotes) == ["ETH", "EUR"]
    assert "POLUSD" in found.failed["POL"]
