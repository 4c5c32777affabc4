"""The demo shop of `make up`, as somebody who tries the gateway meets it."""

from __future__ import annotations

from pathlib import Path

import httpx
from playwright.sync_api import expect

from infra.shop.server import Shop as DemoShop
from infra.shop.server import state_of
from tests.browser.axe import violations
from tests.browser.conftest import PAID_MS, Open
from tests.e2e.shop import Shop


def test_what_is_bought_is_shipped_by_a_webhook(shop: Shop, visit: Open, screens: Path) -> None:
    """From the shop to the checkout, and back to an order that its verified webhooks have shipped."""
    with DemoShop(shop.gateway.about) as demo:
        seen = visit(demo.url, reached=demo.url)
        seen.page.get_by_role("button", name="Buy Cake").click()
        expect(seen.page).to_have_title("Pay 6 USDT")
        expect(seen.page.get_by_text("Local shop")).to_be_visible()
        [order] = demo.orders.values()
        payment = shop.http.get(f"/api/v1/payments/{order.payment_id}").raise_for_status().json()
        seen.page.goto(demo.url)
        expect(seen.page.get_by_text("waiting for the payment")).to_be_visible()
        shop.pay(payment)
        expect(seen.page.get_by_text("paid, shipped")).to_be_visible(timeout=PAID_MS)
        expect(seen.page.get_by_text("payment.confirmed")).to_be_visible()
        assert violations(seen.page) == []
        seen.page.screenshot(path=screens / "demo-shop.png", full_page=True)
        assert httpx.post(f"{demo.url}/hooks", json={"id": "evt_1"}, trust_env=False).status_code == 401
        assert "1 webhooks did not verify" in demo.page()
        assert httpx.post(f"{demo.url}/buy/nothing", trust_env=False).status_code == 404


def test_only_a_webhook_ships() -> None:
    assert state_of(["payment.created", "payment.detected", "payment.confirmed"]) == "waiting for the payment"
    assert state_of(["payment.created", "payment.paid"]) == "paid, shipped"
    assert state_of(["payment.created", "payment.expired"]) == "not paid in time"
