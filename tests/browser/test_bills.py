"""The pages of payment links and invoices: by keyboard, on a phone and on a desk, without faults of accessibility."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.conftest import DESK, PHONE, Open
from tests.e2e.shop import Shop

LINES = [
    {
        "description": "A day's work, with a description that does not fit into one line",
        "quantity": 2,
        "unit_price": "450.00",
    },
    {"description": "Travel", "quantity": 1_000, "unit_price": "0.05"},
]


def made(shop: Shop, what: str, **asked: Any) -> dict[str, Any]:
    """Make a link or an invoice."""
    return dict(shop.http.post(f"/api/v1/{what}", json=asked).raise_for_status().json())


@pytest.mark.parametrize(("size", "scheme"), [(PHONE, "dark"), (DESK, "light")], ids=["phone", "desk"])
def test_a_payer_opens_a_link_names_an_amount_and_goes_on_to_choose(
    shop: Shop, visit: Open, screens: Path, size: tuple[int, int], scheme: str
) -> None:
    link = made(
        shop, "links", title="A gift", currency="USD", minimum="5.00", description="For anything that you like."
    )
    seen = visit(f"{link['url']}?lang=en", size, scheme)
    page = seen.page
    expect(page).to_have_title("A gift")
    page.get_by_label("Amount in USD").fill("4,99")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("This amount cannot be paid here.")
    expect(page.get_by_role("textbox")).to_have_value("4,99")
    assert violations(page) == []
    page.screenshot(path=screens / f"link-{size[0]}-{scheme}.png", full_page=True)
    page.get_by_role("textbox").fill("12,50")
    page.keyboard.press("Enter")
    expect(page.locator("#price")).to_have_text("US$12.50")
    expect(page.get_by_role("radio").first).to_be_visible()
    # The answer to a wrong amount is 400, which Chromium notes in its console.
    seen.problems = [each for each in seen.problems if "400" not in each]
    seen.clean()


@pytest.mark.parametrize(("size", "scheme"), [((320, 640), "dark"), (DESK, "light")], ids=["narrow", "desk"])
def test_an_invoice_is_read_paid_and_read_again(
    shop: Shop, visit: Open, screens: Path, size: tuple[int, int], scheme: str
) -> None:
    invoice = made(
        shop, "invoices", currency="USD", items=LINES, customer_name="Ann", note="Thank you.", assets=["anvil:USDC"]
    )
    seen = visit(f"{invoice['url']}?lang=en", size, scheme)
    page, name = seen.page, f"{size[0]}-{scheme}"
    expect(page.locator("#total")).to_have_text("US$950.00")
    assert violations(page) == []
    page.screenshot(path=screens / f"invoice-open-{name}.png", full_page=True)
    seen.clean()
    page.get_by_role("button", name="Pay US$950.00").press("Enter")
    page.get_by_role("radio").check()
    page.get_by_role("button", name="Go on").press("Enter")
    expect(page.locator("#address")).to_be_attached()
    [attempt] = shop.http.get(f"/api/v1/invoices/{invoice['id']}").json()["payments"]
    shop.pay(shop.read(attempt))
    shop.becomes(attempt, fulfillable=True)
    page.goto(f"{invoice['url']}?lang=ar")
    expect(page.locator("main")).to_have_attribute("data-state", "paid")
    assert violations(page) == []
    page.screenshot(path=screens / f"invoice-paid-{name}.png", full_page=True)
    seen.clean()
