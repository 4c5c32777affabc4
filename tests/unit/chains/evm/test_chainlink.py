"""Chainlink's feeds: what a feed, a rollup or a node has to be like for its word to count."""

from dataclasses import dataclass, field

import pytest

from ctrip.chains.evm.chainlink import DECIMALS, DESCRIPTION, LATEST_ROUND, Chainlink, FeedsOfChain
from ctrip.domain.chains.chain import Block
from ctrip.domain.errors import SourceOut, Unavailable
from ctrip.domain.prices.feed import GRACE_SECONDS, ChainFeeds, Feed
from ctrip.feeds import feeds
from tests.fakes.clock import FakeClock
from tests.world import NETWORK

ETH, EUR, UPTIME = "0x" + "e1" * 20, "0x" + "e2" * 20, "0x" + "5e" * 20
FEEDS = {
    "ETH": Feed(symbol="ETH", address=ETH, heartbeat=3_600, descriptions=("ETH / USD",)),
    "EUR": Feed(symbol="EUR", address=EUR, heartbeat=86_400, descriptions=("EUR / USD",)),
}


def words(*values):
    return b"".join(value.to_bytes(32, signed=value < 0) for value in values)


def text(value):
    return words(32, len(value)) + value.encode().ljust(32, b"\0")


@dataclass
class Node:
    """A node whose contracts answer as they are told."""

    clock: FakeClock
    network = NETWORK
    answers: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)
    head_age: int = 1
    down: bool = False

    def __post_init__(self):
        for address, name, value in ((ETH, "ETH / USD", 2500_12345678), (EUR, "EUR / USD", 1_10000000)):
            self.answers |= {(address, DESCRIPTION): text(name), (address, DECIMALS): words(8)}
            self.say(address, value)

    def say(self, address, value, *, age=60, started=None):
        now = self.clock.at // 1000
        at = now - age
        self.answers[address, LATEST_ROUND] = words(7, value, at if started is None else started, at, 7)

    def head(self):
        if self.down:
            raise Unavailable("every endpoint of anvil is resting")
        return Block(9, "0x", "0x", self.clock.at - self.head_age * 1000)

    def latest(self, calls):
        self.asked.append(list(calls))
        return [self.answers.get(call) for call in calls]


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def node(clock):
    return Node(clock)


def source(*nodes, sequencer=None):
    return Chainlink([FeedsOfChain(node, ChainFeeds(FEEDS, sequencer), node.clock) for node in nodes])


def test_an_answer_has_eight_decimals_and_the_time_of_its_round(node, clock):
    found = source(node).quotes(["ETH", "EUR", "FEE"])
    assert found.failed == {}
    assert found.quotes["ETH"].value == "2500.12345678"
    assert found.quotes["EUR"].value == "1.1"
    assert found.quotes["ETH"].at == clock.at - 60_000
    assert found.quotes["ETH"].good_for == (3_600 + 900) * 1000
    assert found.quotes["EUR"].good_for == (86_400 + 900) * 1000


def test_what_a_contract_calls_itself_is_asked_once(node):
    chainlink = source(node)
    for _ in range(3):
        chainlink.quotes(["ETH"])
    assert [len(calls) for calls in node.asked] == [3, 1, 1]


@pytest.mark.parametrize(
    ("data", "answer", "said"),
    [
        (DESCRIPTION, text("BTC / USD"), "calls itself 'BTC / USD'"),
        (DESCRIPTION, text("ETH / EUR"), "calls itself 'ETH / EUR'"),
        (DESCRIPTION, b"", "has no name"),
        (DESCRIPTION, words(32, 2**255) + b"ETH / USD", "has no name"),
        (DESCRIPTION, None, "does not say what it is"),
        (DECIMALS, words(18), "has other decimals than 8"),
        (DECIMALS, b"\x08", "has other decimals than 8"),
        (DECIMALS, None, "does not say what it is"),
    ],
)
def test_a_contract_that_is_another_feed_is_not_read(node, data, answer, said):
    node.answers[ETH, data] = answer
    for _ in range(2):
        found = source(node).quotes(["ETH", "EUR"])
        assert list(found.quotes) == ["EUR"]
        assert said in found.failed["ETH"]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"",
        b"\x01" * 31,
        words(7, 0, 1, 1, 7),
        words(7, -5, 1, 1, 7),
        words(7, 5, 1, 0, 7),
        words(1, 2, 3, 4, 5, 6),
    ],
)
def test_a_feed_that_answers_nonsense_fails_alone(node, answer):
    node.answers[ETH, LATEST_ROUND] = answer
    found = source(node).quotes(["ETH", "EUR"])
    assert (list(found.quotes), list(found.failed)) == (["EUR"], ["ETH"])


def test_a_feed_that_stalls_says_how_old_its_answer_is(node, clock):
    """Whether it is too old is decided where sources are compared."""
    node.say(ETH, 2500_00000000, age=90_000)
    assert source(node).quotes(["ETH"]).quotes["ETH"].at == clock.at - 90_000_000


@pytest.mark.parametrize(
    ("status", "started", "said"),
    [(1, -7_200, "is down"), (2, -7_200, "is down"), (0, -GRACE_SECONDS, "is back for 3600 s only"), (0, 0, "is back")],
)
def test_a_rollups_feeds_count_for_nothing_while_its_sequencer_is_down_and_an_hour_after(
    node, clock, status, started, said
):
    node.say(UPTIME, status, started=clock.at // 1000 + started)
    with pytest.raises(SourceOut, match=said):
        source(node, sequencer=UPTIME).quotes(["ETH"])


def test_a_rollups_feeds_count_once_the_sequencer_is_up_for_longer(node, clock):
    node.say(UPTIME, 0, started=clock.at // 1000 - GRACE_SECONDS - 1)
    assert source(node, sequencer=UPTIME).quotes(["ETH"]).quotes["ETH"].value == "2500.12345678"


@pytest.mark.parametrize("answer", [None, b"", words(0, 0, 0, 0, 0)])
def test_an_uptime_feed_that_does_not_answer_is_no_word_for_the_sequencer(node, answer):
    node.answers[UPTIME, LATEST_ROUND] = answer
    with pytest.raises(SourceOut):
        source(node, sequencer=UPTIME).quotes(["ETH"])


def test_a_network_that_stands_still_is_no_source(node):
    """Its feeds look young for as long as their heartbeat lasts."""
    node.head_age = NETWORK.head_age_alarm + 1
    with pytest.raises(SourceOut, match="newest block"):
        source(node).quotes(["ETH"])


def test_another_network_answers_for_one_that_does_not(node, clock):
    other = Node(clock)
    other.say(ETH, 2600_00000000)
    node.down = True
    found = source(node, other).quotes(["ETH"])
    assert (found.quotes["ETH"].value, found.failed) == ("2600", {})
    node.down, node.answers[ETH, LATEST_ROUND] = False, None
    assert source(node, other).quotes(["ETH", "EUR"]).quotes["ETH"].value == "2600"


def test_with_every_network_down_the_source_is_out(node, clock):
    other = Node(clock)
    node.down = other.down = True
    with pytest.raises(SourceOut, match="resting"):
        source(node, other).quotes(["ETH"])
    assert source(node).quotes(["FEE"]).quotes == {}


def test_the_table_of_feeds_names_networks_that_there_are_and_addresses_that_people_write():
    from eth_utils.address import is_checksum_address

    from ctrip.networks import load_networks

    networks, held = load_networks(), feeds()
    for name, chain in held.chains.items():
        assert networks[name].kind == "evm"
        every = [feed.address for feed in chain.feeds.values()] + ([chain.sequencer] if chain.sequencer else [])
        assert all(is_checksum_address(each) for each in every), name
        assert len(set(every)) == len(every)
    rollups = {name for name, chain in held.chains.items() if chain.sequencer}
    assert rollups == {"base", "arbitrum", "optimism"}
    assert set(held.pegs) == {"USDC", "USDT", "DAI"}


def test_the_local_feeds_stand_where_the_table_says():
    from infra.stack import feeds as mocks

    local = feeds().chains["anvil"].feeds
    assert {symbol: feed.address for symbol, feed in local.items()} == mocks.addresses()


def test_a_feed_may_have_an_older_name_than_its_coin():
    assert feeds().chains["polygon"].feeds["POL"].descriptions == ("POL / USD", "MATIC / USD")
    assert feeds().chains["base"].feeds["ETH"].descriptions == ("ETH / USD",)
