"""Rates of the local stage: asked for over HTTP, moved by `ctrip dev`, and what becomes of them when sources fail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.shop import Shop
from tests.e2e.stack import Up, eventually

WAIT = 30  # a rate is good for five seconds here


@pytest.fixture
def moving(up: Up) -> Iterator[Up]:
    """The gateway, whose rates are put back in the end."""
    yield up
    said(up, "outage", "all", "--end")
    said(up, "rate", "ETH", "2500")
    said(up, "rate", "USDC", "1")


def said(up: Up, *arguments: str) -> None:
    code, _, problem = up.ctrip_said("dev", *arguments)
    assert code == 0, problem


def ask(shop: Shop, asset: str, currency: str = "USD") -> httpx.Response:
    return shop.gateway.http.get(f"/api/v1/rates?currency={currency}&asset={asset}")


def rate(shop: Shop, asset: str, currency: str = "USD") -> tuple[str, list[str]] | str:
    """Return an asset's rate and its sources, or the code of the refusal."""
    answer: dict[str, Any] = ask(shop, asset, currency).json()
    if "data" not in answer:
        return str(answer["code"])
    (shown,) = answer["data"]
    return str(shown["rate"]), list(shown["sources"])


def test_a_rate_is_asked_for_moved_and_seen_to_move(moving: Up, shop: Shop) -> None:
    """Three sources agree: the feed on chain, and the recorded exchange in two exchanges' places."""
    assert rate(shop, "ETH") == ("2500", ["chainlink", "coinbase", "kraken"])
    assert rate(shop, "USDC", "EUR") == ("0.909090909090909091", ["chainlink", "coinbase", "kraken"])
    said(moving, "rate", "ETH", "3000")
    every = ["chainlink", "coinbase", "kraken"]
    eventually(lambda: rate(shop, "ETH") == ("3000", every), WAIT, "the rate that was moved")
    said(moving, "rate", "ETH", "4000", "--source", "chainlink")
    eventually(lambda: rate(shop, "ETH") == ("3000", ["coinbase", "kraken"]), WAIT, "a spike that is dropped")


def test_with_sources_out_coins_have_no_rate_and_stablecoins_go_on(moving: Up, shop: Shop) -> None:
    """Health says which source is missing, and the gateway is not down by it."""
    rate(shop, "ETH")
    assert rate(shop, "USDC") == ("1", ["chainlink", "kraken"])
    said(moving, "outage", "all")
    eventually(lambda: rate(shop, "ETH") == "rate_unavailable", WAIT, "that one source is not enough")
    assert ask(shop, "ETH").headers["Retry-After"] == "10"
    assert rate(shop, "USDC") == ("1", ["chainlink", "kraken"])
    ready = shop.gateway.http.get("/health/ready")
    assert ready.status_code == 200
    assert {each["source"] for each in ready.json()["rates"]["ETH"]["missing"]} == {"kraken", "coinbase"}
    said(moving, "outage", "all", "--end")
    said(moving, "rate", "USDC", "0.9")
    eventually(lambda: rate(shop, "USDC") == "rate_unavailable", WAIT, "a stablecoin off its peg")
    eventually(lambda: rate(shop, "ETH")[0] == "2500", WAIT, "the sources to be back")
