"""What the script of the hosted checkout page does: it follows the status, keeps time, copies, and leads back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import PAID_MS, Open
from tests.e2e.shop import Shop


def test_amount_and_address_are_copied(shop: Shop, visit: Open) -> None:
    """Each button names its value, puts that alone on the clipboard, and says so; the keyboard reaches it."""
    payment = shop.ask(amount=1_250_000, asset="USDC")
    seen = visit(payment["checkout_url"])
    buttons = seen.page.locator("button[data-copy]")
    for index, (name, value) in enumerate({"Copy amount": "1.25", "Copy address": payment["address"]}.items()):
        expect(buttons.nth(index)).to_have_text(name)
        buttons.nth(index).focus()
        seen.page.keyboard.press("Enter")
        expect(buttons.nth(index)).to_have_text("Copied")
        assert seen.page.evaluate("navigator.clipboard.readText()") == value
        expect(seen.page.locator("#said")).to_have_text("It is copied.")
        expect(buttons.nth(index)).to_have_text(name)
    seen.clean()


def test_a_choice_on_another_device_changes_all_of_the_page(shop: Shop, visit: Open) -> None:
    """The amount and the asset at its head too: one page never asks for two things. Nor is a choice left to offer."""
    http, price = shop.gateway.http, {"currency": "USD", "amount": "12.50"}
    made = http.post("/api/v1/payments", json={"price": price}).json()
    http.post(f"/pay/{made['id']}/choose", data={"offer": "anvil:ETH"})
    seen = visit(made["checkout_url"])
    page = seen.page
    expect(page.locator("h1")).to_have_text(re.compile("ETH$"))
    http.post(f"/pay/{made['id']}/choose", data={"offer": "anvil:USDC"})
    expect(page.locator("#due")).to_have_text("12.5", timeout=PAID_MS)
    expect(page.locator("h1")).to_have_text("12.5 USDC")
    shop.pay(http.get(f"/api/v1/payments/{made['id']}").json())
    expect(page.locator("#other")).to_have_count(0, timeout=PAID_MS)
    seen.clean()


def test_who_stays_is_not_led_away(shop: Shop, visit: Open, screens: Path) -> None:
    """The return that counts down is stopped by keyboard, also for a page that is loaded again; its button stays."""
    payment = shop.ask(amount=10**15, success_url="https://shop.example/thanks")
    seen = visit(payment["checkout_url"])
    page = seen.page
    shop.pay(payment)
    stay = page.get_by_role("button", name="Stay on this page")
    expect(stay).to_be_visible(timeout=PAID_MS)
    page.screenshot(path=screens / "returning.png", full_page=True)
    expect(page.locator("#seconds")).to_have_text(re.compile("^00:0[1-8]$"))
    stay.focus()
    page.keyboard.press("Enter")
    expect(stay).to_be_hidden()
    expect(page.get_by_role("link", name="Return to the shop")).to_be_focused()
    page.reload()
    with page.expect_response("**/status?*"):
        pass
    expect(page.get_by_role("link", name="Return to the shop")).to_be_visible()
    expect(stay).to_be_hidden()
    seen.clean()


def test_the_buyer_is_led_back_to_the_shop(shop: Shop, visit: Open) -> None:
    """Once confirmed the page offers the way back, then takes it, with the payment and the order in the address."""
    payment = shop.ask(amount=10**15, order_id="order 7", success_url="https://shop.example/thanks?lang=en")
    back = f"https://shop.example/thanks?lang=en&payment_id={payment['id']}&order_id=order%207"
    seen = visit(payment["checkout_url"], reached="https://shop.example/thanks")
    page = seen.page
    page.route("https://shop.example/**", lambda route: route.fulfill(body="Thank you!"))
    expect(page.locator("#success")).to_be_hidden()
    shop.pay(payment)
    expect(page.locator("#success")).to_be_visible(timeout=PAID_MS)
    assert page.locator("#success").get_attribute("href") == back
    seen.clean()
    page.wait_for_url(back, timeout=15_000)


@pytest.mark.parametrize("hours", [-1, 1])
def test_the_countdown_is_right_by_a_clock_an_hour_off(shop: Shop, visit: Open, hours: int) -> None:
    """The payer's clock decides nothing: neither what is left, nor whether it is over."""
    payment = shop.ask(amount=10**15)
    seen = visit(payment["checkout_url"], script=f"const now = Date.now; Date.now = () => now() + {hours * 3_600_000};")
    for _ in range(2):
        with seen.page.expect_response("**/status?*"):
            pass
        expect(seen.page.locator("#left")).to_have_text(re.compile(r"^(29:[45]\d|30:00)$"))
        expect(seen.page.locator("#how")).to_be_visible()
    seen.clean()


def test_from_the_deadline_by_the_servers_clock_nothing_is_shown_to_pay(shop: Shop, visit: Open) -> None:
    """At once, and before the server's next words, even while it cannot be reached."""
    payment = shop.ask(amount=10**15)
    seen = visit(payment["checkout_url"])
    page = seen.page

    def later(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "server_time": payment["expires_at"]})

    expect(page.locator("#how")).to_be_visible()
    page.route("**/status?*", later)
    expect(page.locator("#how")).to_be_hidden()
    page.route("**/status?*", lambda route: route.abort())
    expect(page.locator("#trouble")).to_contain_text("cannot reach")
    expect(page.locator("#how")).to_be_hidden()
    page.unroute_all()
    expect(page.locator("#how")).to_be_visible()


def test_what_cannot_be_read_again_is_not_asked_for(shop: Shop, visit: Open) -> None:
    """A part has arrived and the page's new amount is not to be had: the old one is hidden until it is."""
    payment = shop.ask(amount=3_000_000, asset="USDC")
    seen = visit(payment["checkout_url"])
    page = seen.page
    page.route(payment["checkout_url"], lambda route: route.abort())
    shop.pay(payment, 1_000_000)
    expect(page.get_by_role("status")).to_contain_text("pay the rest: 2 USDC", timeout=PAID_MS)
    expect(page.locator("#how")).to_be_hidden()
    page.unroute_all()
    expect(page.locator("#due")).to_have_text("2")
    expect(page.locator("#how")).to_be_visible()


def test_the_live_region_changes_only_with_its_words(shop: Shop, visit: Open) -> None:
    """Asking again and again says nothing again; a payment that is seen does."""
    payment = shop.ask(amount=10**15)
    seen = visit(payment["checkout_url"])
    page = seen.page
    page.evaluate(
        """() => {
          window.changes = 0;
          const watch = new MutationObserver((found) => { window.changes += found.length; });
          watch.observe(document.getElementById("state"), { childList: true, characterData: true, subtree: true });
        }"""
    )
    for _ in range(3):
        with page.expect_response("**/status?*"):
            pass
    assert page.evaluate("window.changes") == 0
    shop.pay(payment)
    expect(page.get_by_role("status")).to_contain_text("Paid", timeout=PAID_MS)
    assert page.evaluate("window.changes") > 0
    seen.clean()


@pytest.mark.parametrize("works", [True, False])
def test_without_the_clipboards_interface_it_is_copied_or_selected(shop: Shop, visit: Open, works: bool) -> None:
    """On plain http there is none: the old way copies; where that fails too, the value is selected, and it is said."""
    payment = shop.ask(amount=1_250_000, asset="USDC")
    script = "Object.defineProperty(navigator, 'clipboard', { value: undefined });" + (
        "" if works else "document.execCommand = () => false;"
    )
    seen = visit(payment["checkout_url"], script=script)
    page = seen.page
    page.evaluate("document.addEventListener('copy', () => { window.copied = String(getSelection()); })")
    page.get_by_role("button", name="Copy address").click()
    expect(page.locator("#said")).to_have_text(re.compile("^It is copied" if works else "selected now"))
    assert page.evaluate("String(getSelection())") == payment["address"]
    assert page.evaluate("window.copied") == (payment["address"] if works else None)
    seen.clean()


@pytest.mark.parametrize("failure", ["abort", 503, "garbage"])
def test_a_failing_status_is_said_and_asking_goes_on(shop: Shop, visit: Open, failure: str | int) -> None:
    """The words of the payment stay beside; once the status answers, the page follows it."""
    payment = shop.ask(amount=3_000_000, asset="USDC")
    seen = visit(payment["checkout_url"])
    page = seen.page

    def fail(route: Route) -> None:
        if failure == "abort":
            route.abort()
        else:
            route.fulfill(status=503 if failure == 503 else 200, body="<html>")

    page.route("**/status?*", fail)
    status = page.get_by_role("status")
    expect(status).to_contain_text("cannot reach the shop's server")
    expect(status).to_contain_text("Waiting for your payment")
    shop.pay(payment, 1_000_000)
    shop.told(payment, "underpaid")
    page.unroute_all()
    expect(status).to_contain_text("pay the rest: 2 USDC", timeout=PAID_MS)
    expect(status).not_to_contain_text("cannot reach")
