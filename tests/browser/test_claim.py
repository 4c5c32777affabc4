"""The page on which a payer names where a refund goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from infra.stack import wallet
from tests.browser.conftest import DESK, PHONE, Open
from tests.e2e.shop import Shop

PAYER = wallet.funded(6).address


@pytest.fixture(scope="module")
def paid(shop: Shop) -> dict[str, Any]:
    """A payment that is settled."""
    payment = shop.ask(asset="USDC", amount=20_000_000)
    shop.pay(payment)
    return shop.becomes(payment, status="settled")


def refund(shop: Shop, paid: dict[str, Any]) -> dict[str, Any]:
    """Ask for a refund whose payer names the address."""
    answer = shop.http.post(f"/api/v1/payments/{paid['id']}/refunds", json={"amount_decimal": "1.25"})
    return dict(answer.raise_for_status().json())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_a_payer_names_an_address_by_keyboard(
    shop: Shop, paid: dict[str, Any], visit: Open, screens: Path, size: tuple[int, int], scheme: str
) -> None:
    """A wrong one is told and kept in its field; the right one is shown once more, then it is for good."""
    asked = refund(shop, paid)
    seen = visit(asked["claim_url"], size, scheme)
    page, name = seen.page, f"{size[0]}-{scheme}"
    expect(page).to_have_title("Where should your refund go?")
    expect(page.get_by_role("heading")).to_have_text("1.25 USDC")
    page.screenshot(path=screens / f"claim-asked-{name}.png")
    page.keyboard.press("Tab")
    page.keyboard.type("0x12")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This address cannot be used. It is no address of this network")
    expect(page.get_by_role("textbox")).to_have_value("0x12")
    expect(page.get_by_role("textbox")).to_have_attribute("aria-invalid", "true")
    page.screenshot(path=screens / f"claim-wrong-{name}.png")
    page.get_by_role("textbox").fill(PAYER)
    page.keyboard.press("Enter")
    expect(page.locator("#address")).to_have_text(PAYER)
    page.screenshot(path=screens / f"claim-confirm-{name}.png")
    page.get_by_role("link", name="Change the address").click()
    page.get_by_role("textbox").fill(f" {PAYER.lower()} ")
    page.get_by_role("button").click()
    expect(page.locator("#address")).to_have_text(PAYER)
    page.get_by_role("button", name="Yes, send it there").click()
    expect(page).to_have_title("Your refund")
    expect(page.locator("#address")).to_have_text(PAYER)
    page.screenshot(path=screens / f"claim-done-{name}.png")
    page.reload()
    expect(page.get_by_role("textbox")).to_have_count(0)
    # The answer to a wrong address is 400, which Chromium notes in its console.
    seen.problems = [each for each in seen.problems if "400" not in each]
    seen.clean()


def test_a_page_of_no_refund_says_what_to_do(shop: Shop, visit: Open) -> None:
    seen = visit(f"{shop.gateway.about['api_url']}/claim/{'a' * 32}", PHONE, "light")
    expect(seen.page.get_by_role("heading")).to_have_text("Refund not found")
