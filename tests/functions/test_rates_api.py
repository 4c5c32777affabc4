"""Rates over HTTP, what health says of them, and the function that keeps them up."""

from typing import Any

import pytest
from chalice.test import Client

import app as triggers
from ctrip.aws.schedules import ahead_of_time
from tests.functions.conftest import Api


def out(api: Api) -> None:
    for source in api.world.rate_sources:
        source.out = "timed out"


def test_the_rates_of_all_that_can_be_paid_with_are_shown_with_their_sources_and_age(api: Api) -> None:
    """An asset that has none says why."""
    shown = api.call("GET", "/api/v1/rates?currency=EUR").json
    ether, usdc = shown["data"]
    assert shown["currency"] == "EUR"
    assert (ether["asset"], ether["rate"], ether["age"], ether["code"]) == ("ETH", "2272.72727272727273", 0, None)
    assert ether["sources"] == ["chainlink", "coinbase", "kraken"]
    assert (usdc["asset"], usdc["rate"]) == ("USDC", "0.909090909090909091")
    for source in api.world.rate_sources:
        del source.values["ETH"]
    api.world.clock.at += 60_000
    ether, usdc = api.call("GET", "/api/v1/rates?currency=EUR").json["data"]
    assert (ether["rate"], ether["code"]) == (None, "asset_without_rate")
    assert ether["reason"].startswith("No two sources have a rate of ETH")
    assert usdc["code"] is None


def test_one_asset_alone_is_answered_with_its_rate_or_refused(api: Api) -> None:
    assert api.call("GET", "/api/v1/rates?currency=USD&asset=ETH").json["data"][0]["rate"] == "2500"
    out(api)
    api.world.clock.at += 60_000
    refused = api.call("GET", "/api/v1/rates?currency=USD&asset=ETH")
    assert (refused.status_code, refused.json["code"], refused.headers["Retry-After"]) == (
        503,
        "rate_unavailable",
        "10",
    )
    assert api.call("GET", "/api/v1/rates?currency=USD&asset=USDC").status_code == 503
    missing = api.call("GET", "/api/v1/rates?currency=USD&asset=FEE")
    assert (missing.status_code, missing.json["errors"][0]["code"]) == (400, "asset_not_found")


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("currency=DEM", "currency", "currency_retired"),
        ("currency=XYZ", "currency", "currency_unknown"),
        ("currency=eur", "currency", "currency_unknown"),
        ("", "currency", "missing"),
        ("currency=EUR&x=1", "x", "unknown_parameter"),
    ],
)
def test_a_currency_that_is_none_is_refused_by_name(api: Api, query: str, field: str, code: str) -> None:
    refused = api.call("GET", f"/api/v1/rates?{query}")
    assert refused.status_code == 400
    assert (refused.json["errors"][0]["field"], refused.json["errors"][0]["code"]) == (field, code)


def test_a_currency_without_a_rate_is_unavailable(api: Api) -> None:
    refused = api.call("GET", "/api/v1/rates?currency=ISK&asset=ETH")
    assert (refused.status_code, refused.json["code"]) == (400, "currency_unavailable")
    assert {each["code"] for each in api.call("GET", "/api/v1/rates?currency=ISK").json["data"]} == {
        "currency_unavailable"
    }


def test_health_tells_the_age_and_the_sources_of_each_rate_that_is_wanted(api: Api) -> None:
    assert api.call("GET", "/health/ready", key=None).json["rates"] == {}
    api.call("GET", "/api/v1/rates?currency=EUR")
    api.world.rate_sources[1].out = "it answered HTTP 500"
    api.world.clock.at += 60_000
    api.call("GET", "/api/v1/rates?currency=EUR")
    api.world.clock.at += 7_000
    shown = api.call("GET", "/health/ready", key=None).json
    assert sorted(shown["rates"]) == ["ETH", "EUR", "USDC"]
    ether = shown["rates"]["ETH"]
    assert (ether["usd"], ether["age"], ether["trouble"]) == ("2500", 7, None)
    assert ether["sources"] == ["chainlink", "coinbase"]
    assert [(each["source"], each["reason"]) for each in ether["missing"]] == [("kraken", "it answered HTTP 500")]
    assert shown["status"] == "ok"
    out(api)
    api.call("GET", "/api/v1/rates?currency=EUR")
    shown = api.call("GET", "/health/ready", key=None)
    assert (shown.status_code, shown.json["status"]) == (200, "degraded")
    assert shown.json["rates"]["ETH"]["trouble"] == "out"


def invoke(event: dict[str, Any]) -> Any:
    with Client(triggers.app) as client:
        return client.lambda_.invoke("rates", event).payload


def test_the_function_asks_for_what_it_is_called_for_and_then_keeps_it_up(api: Api) -> None:
    """By the schedule's own event: what nobody has asked for is asked of nobody."""
    asked = api.world.rate_sources[0].asked
    assert invoke(ahead_of_time()) == 0
    assert asked == []
    assert invoke(ahead_of_time({"symbols": ["ETH", "EUR"]})) == 2
    api.world.clock.at += 60_000
    assert invoke(ahead_of_time()) == 2
    assert asked == [("ETH", "EUR"), ("ETH", "EUR")]
    api.world.clock.at += 1_800_001
    assert invoke(ahead_of_time()) == 0
