"""The dashboard over HTTP, on the whole gateway: every page answers, a form does its work, the figures are counted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from functions.dashboard.routes import PAGES
from tests.e2e.shop import Shop

_CSRF = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


@contextmanager
def signed_in(shop: Shop) -> Iterator[httpx.Client]:
    """Sign the local admin in, as a browser does."""
    about = shop.gateway.about
    with httpx.Client(base_url=about["api_url"], timeout=20) as browser:
        form = {"csrf": token(browser.get("/admin/login")), **about["admin"]}
        answer = browser.post("/admin/login", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/admin")
        yield browser


def token(answer: httpx.Response) -> str:
    """Return the token of a page's forms."""
    found = _CSRF.search(answer.text)
    assert found is not None, answer.text
    return found.group(1)


def test_every_page_answers_and_every_asset_is_served(shop: Shop) -> None:
    """With what the gateway really holds: a payment, its endpoint, its merchant."""
    payment = shop.ask(amount=1_000_000, asset="USDC", order_id="dashboard-1")
    endpoint = shop.http.post("/api/v1/webhooks", json={"url": shop.receiver.url, "events": ["payment.failed"]}).json()[
        "id"
    ]
    ids = {"payment_id": payment["id"], "endpoint_id": endpoint, "merchant_id": shop.gateway.about["merchant"]["id"]}
    with signed_in(shop) as browser:
        for page in PAGES:
            if page.method == "GET":
                path = re.sub(r"\{(\w+)\}", lambda match: ids[match.group(1)], page.path)
                answer = browser.get(path)
                assert answer.status_code == 200, (path, answer.text)
        for asset in set(re.findall(r'(?:src|href)="(/assets/[^"]+)"', browser.get("/admin").text)):
            assert browser.get(asset).status_code == 200, asset
    shop.http.delete(f"/api/v1/webhooks/{endpoint}")


def test_a_payment_is_cancelled_by_form(shop: Shop) -> None:
    """At once, and in the name of the admin; a payment in part is counted by who runs next, and listed."""
    partial = shop.ask(amount=3_000_000, asset="USDC", order_id="dashboard-2")
    shop.pay(partial, 1_000_000)
    unpaid = shop.ask(amount=3_000_000, asset="USDC", order_id="dashboard-3")
    with signed_in(shop) as browser:
        page = browser.get(f"/admin/payments/{unpaid['id']}")
        answer = browser.post(f"/admin/payments/{unpaid['id']}/cancel", data={"csrf": token(page), "once": "1"})
        assert answer.headers["location"] == f"/admin/payments/{unpaid['id']}?done=cancelled"
        assert shop.read(unpaid)["exceptions"] == ["manual"]
        assert "admin:" in browser.get(f"/admin/payments/{unpaid['id']}").text
    shop.told(partial, "underpaid")
    shop.pay(partial, 2_000_000)
    shop.told(partial, "paid")
