"""The page that describes the API, as a developer sees it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESK, PHONE, Open
from tests.e2e.shop import Shop


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_the_reference_is_read(shop: Shop, visit: Open, screens: Path, size: tuple[int, int], scheme: str) -> None:
    """It finds its own style and nothing of anybody else's, fits the window, and its links lead where they say."""
    seen = visit(f"{shop.gateway.about['api_url']}/docs", size, scheme)
    page = seen.page
    expect(page).to_have_title("cTrip API")
    page.get_by_text("payments", exact=True).first.click()
    page.get_by_role("link", name="POST Create a payment").click()
    operation = page.locator("#create_payment")
    expect(operation).to_be_in_viewport()
    expect(operation.get_by_text("/api/v1/payments")).to_be_visible()
    page.screenshot(path=screens / f"docs-{size[0]}-{scheme}.png")
    operation.get_by_role("link", name="order_id_in_use").click()
    expect(page.locator("#code-order_id_in_use")).to_be_in_viewport()
    assert page.evaluate("getComputedStyle(document.querySelector('article')).borderRadius") == "12px"
    seen.clean()
