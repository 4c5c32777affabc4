"""The hosted checkout page and its status, without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.shop import Shop

UNKNOWN = "00000000-0000-4000-8000-00000000dead"


@pytest.fixture
def buyer(shop: Shop) -> Iterator[httpx.Client]:
    """Somebody without a key."""
    with httpx.Client(base_url=shop.gateway.about["api_url"], trust_env=False) as client:
        yield client


def test_the_page_is_served_to_whoever_knows_the_id(shop: Shop, buyer: httpx.Client) -> None:
    """The page shows amount, address and QR as inline SVG, under a policy that allows no inline script."""
    payment = shop.ask(amount=1_250_000, asset="USDC", description="Two <b>coffees</b>")
    answer = buyer.get(payment["checkout_url"])
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    page = answer.text
    assert "<svg" in page
    assert payment["address"] in page
    assert "1.25" in page
    assert "&lt;b&gt;coffees&lt;/b&gt;" in page
    assert "<b>" not in page
    assert "style=" not in page


@pytest.mark.parametrize("name", ["checkout.css", "checkout.js", "favicon.svg"])
def test_the_pages_files_are_there(buyer: httpx.Client, name: str) -> None:
    """What the page loads is served by the gateway itself."""
    answer = buyer.get(f"/assets/{name}")
    assert answer.status_code == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", ["checkout.html", "render.py", "..%2frender.py", "%2e%2e", "", "CHECKOUT.CSS", "a%00"])
def test_no_other_file_is_served(buyer: httpx.Client, name: str) -> None:
    """Only the named files leave the package."""
    assert buyer.get(f"/assets/{name}").status_code == 404


def test_an_unknown_id_gets_a_page(buyer: httpx.Client) -> None:
    """Nobody's payment is a readable 404, and its status a 404 in our shape."""
    for unknown in (UNKNOWN, "nonsense", "<script>alert(1)</script>"):
        page = buyer.get(f"/pay/{unknown}" if "<" not in unknown else "/pay/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
        assert page.status_code == 404
        assert "Payment not found" in page.text
        assert "alert" not in page.text
        assert "Content-Security-Policy" in page.headers
    status = buyer.get(f"/pay/{UNKNOWN}/status")
    assert (status.status_code, status.json()["code"]) == (404, "payment_not_found")


def test_the_status_is_open_and_tells_nothing_private(
    shop: Shop, buyer: httpx.Client, begun: dict[str, dict[str, Any]]
) -> None:
    """Any origin may read the status; order, metadata, description, sweeps and keys are not in it."""
    payment = shop.ask(
        amount=9,
        order_id="private-order",
        metadata={"private-key": "private-value"},
        description="private-words",
    )
    shop.told(begun["USDC"], "settled")
    for each, status in ((payment, "pending"), (begun["USDC"], "settled")):
        answer = buyer.get(f"/pay/{each['id']}/status", headers={"Origin": "https://shop.example"})
        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Cache-Control"] == "no-store"
        shown = answer.json()
        assert (shown["id"], shown["status"]) == (each["id"], status)
        private = {"order_id", "metadata", "description", "sweeps", "transfers", "derivation_path", "webhook_url"}
        assert not private & set(shown)
        assert "private-" not in answer.text
    asked = buyer.options(
        f"/pay/{payment['id']}/status",
        headers={"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"},
    )
    assert asked.headers["Access-Control-Allow-Origin"] == "*"


def test_the_way_back_carries_payment_and_order(shop: Shop, buyer: httpx.Client) -> None:
    """The return addresses keep their own query and gain the payment's id and the order's."""
    payment = shop.ask(
        amount=9,
        order_id="back & forth",
        success_url="https://shop.example/thanks?lang=en&q=%c3%a4+b;c#top",
        cancel_url="http://localhost:3000/cart",
    )
    shown = buyer.get(f"/pay/{payment['id']}/status").json()
    more = f"payment_id={payment['id']}&order_id=back%20%26%20forth"
    assert shown["success_url"] == f"https://shop.example/thanks?lang=en&q=%c3%a4+b;c&{more}#top"
    assert shown["cancel_url"] == f"http://localhost:3000/cart?{more}"
