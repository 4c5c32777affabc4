"""Keeping rates up: who is asked, what is kept, and what is an alarm."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest

from ctrip.domain.prices.record import OUT_MS, WANTED_MS
from tests.world import World

MINUTE = 60_000


@pytest.fixture
def world():
    return World()


@pytest.fixture
def refresher(world):
    return world.stage.prices.refresher


def source(world, name):
    [found] = [each for each in world.rate_sources if each.name == name]
    return found


def minutes(world, refresher, count):
    for _ in range(count):
        world.clock.at += MINUTE
        refresher.run()


def test_what_somebody_waited_for_is_kept_up_for_half_an_hour(world, refresher):
    refresher.refresh(["ETH", "EUR"])
    minutes(world, refresher, WANTED_MS // MINUTE)
    assert len(source(world, "kraken").asked) == 1 + WANTED_MS // MINUTE
    minutes(world, refresher, 5)
    assert len(source(world, "kraken").asked) == 1 + WANTED_MS // MINUTE


def test_two_that_ask_at_the_same_moment_have_the_sources_asked_once(world, refresher):
    refresher.refresh(["ETH"])
    refresher.refresh(["ETH", "EUR"])
    assert source(world, "kraken").asked == [("ETH",), ("EUR",)]


def test_a_source_that_breaks_in_a_way_that_nobody_foresaw_breaks_alone(world, refresher):
    """A bug in what reads one source keeps nobody's rate back, and is told of as a silence is."""
    source(world, "chainlink").values = None
    refresher.refresh(["ETH"])
    record = world.stores.rates.rates(["ETH"])["ETH"]
    assert (record.value, record.sources) == ("2500", ("coinbase", "kraken"))
    assert [(each.source, each.reason) for each in record.missing] == [
        ("chainlink", "it cannot be asked (AttributeError)")
    ]


def test_a_source_that_fails_fails_alone_and_its_silence_is_dated_from_its_beginning(world, refresher):
    refresher.refresh(["ETH"])
    source(world, "kraken").out = "it answered HTTP 500"
    minutes(world, refresher, 3)
    record = world.stores.rates.rates(["ETH"])["ETH"]
    assert record.sources == ("chainlink", "coinbase")
    [missing] = record.missing
    assert (missing.source, missing.reason) == ("kraken", "it answered HTTP 500")
    assert world.clock.at - missing.since == 2 * MINUTE
    source(world, "kraken").out = ""
    minutes(world, refresher, 1)
    assert world.stores.rates.rates(["ETH"])["ETH"].missing == ()


def test_a_source_that_hangs_keeps_the_others_rate_from_nobody(world, refresher):
    hanging, kraken = threading.Event(), source(world, "kraken")
    answer = kraken.quotes
    world.rate_sources[world.rate_sources.index(kraken)] = SimpleNamespace(
        name="kraken", quotes=lambda symbols: hanging.wait(15) and answer(symbols)
    )
    replace(refresher, patience=0.1).refresh(["ETH"])
    hanging.set()
    record = world.stores.rates.rates(["ETH"])["ETH"]
    assert (record.value, record.sources) == ("2500", ("chainlink", "coinbase"))
    assert [(each.source, each.reason) for each in record.missing] == [("kraken", "it did not answer in time")]


@pytest.mark.parametrize("fault", ["out", "stalls", "lies"])
def test_a_source_without_a_usable_answer_for_ten_minutes_is_an_alarm(world, refresher, fault):
    refresher.refresh(["ETH", "USDC"])
    kraken = source(world, "kraken")
    if fault == "out":
        kraken.out = "timed out"
    elif fault == "stalls":
        kraken.age_ms = 7_200_000
    else:
        kraken.values["ETH"] = "2900"
    minutes(world, refresher, OUT_MS // MINUTE)
    assert world.log.alarms() == []
    minutes(world, refresher, 1)
    assert world.log.alarms() == ["rate_source_out"]
    [(_, _, facts)] = [line for line in world.log.lines if line[0] == "error"]
    assert (facts["what"], facts["age_seconds"]) == ("kraken", 600)
    kraken.out, kraken.age_ms, kraken.values["ETH"] = "", 0, "2500"
    minutes(world, refresher, 1)
    assert world.log.alarms() == ["rate_source_out"]


def test_a_stablecoin_off_its_peg_is_an_alarm_while_it_is(world, refresher):
    refresher.refresh(["USDC", "ETH"])
    minutes(world, refresher, 1)
    assert world.log.alarms() == []
    for each in world.rate_sources:
        each.values["USDC"] = "0.95"
    minutes(world, refresher, 2)
    assert world.log.alarms() == ["stablecoin_depegged"] * 2
    [*_, (_, _, facts)] = [line for line in world.log.lines if line[0] == "error"]
    assert (facts["asset"], facts["error"]) == ("USDC", "-50 per mille")


def test_one_market_alone_cannot_say_that_a_stablecoin_is_off_its_peg(world, refresher):
    refresher.refresh(["USDC"])
    source(world, "kraken").values["USDC"] = "0.5"
    minutes(world, refresher, 1)
    assert world.log.alarms() == []


def test_a_stage_without_sources_keeps_nothing_that_could_price_anything(world):
    world.rate_sources.clear()
    world.stage.prices.refresher.refresh(["ETH"])
    record = world.stores.rates.rates(["ETH"])["ETH"]
    assert (record.value, record.trouble.value) == ("", "unoffered")
