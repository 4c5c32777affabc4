"""The hosted checkout page, as a buyer sees it."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
import segno
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import DESK, PAID_MS, PHONE, Open
from tests.e2e.shop import Shop

EVIL = [
    "<script>alert(1)</script>",
    "</title><script>alert(2)</script>",
    '"><img src=x onerror=alert(3)>',
    "' onmouseover='alert(4)",
    "{{ 7 * 7 }}{% include 'missing.html' %}",
    "javascript:alert(5)",
    "</svg><svg onload=alert(6)>",
    "\u202e\u0000\u2028<b>bold</b>",
]
DARK_MODULES = """
(svg) => {
  svg.scrollIntoView({ block: "center" });
  const frame = svg.getBoundingClientRect();
  const count = svg.viewBox.baseVal.width;
  const step = frame.width / count;
  const rows = [];
  for (let y = 0; y < count; y++) {
    let row = "";
    for (let x = 0; x < count; x++) {
      const hit = document.elementFromPoint(frame.left + (x + 0.5) * step, frame.top + (y + 0.5) * step);
      row += hit && hit.matches("path[stroke]") ? "1" : "0";
    }
    rows.push(row);
  }
  return rows;
}
"""
# What is painted in the corner of a picture, in its quiet zone.
CORNER = """
(svg) => {
  const frame = svg.getBoundingClientRect();
  const hit = document.elementFromPoint(frame.left + 4, frame.top + frame.height / 2);
  return svg.contains(hit) ? getComputedStyle(hit).fill : "not of the picture";
}
"""


def shown_qr(page: Page, which: str = ".qr") -> list[str]:
    """Return the QR code's modules, light border included, as they are painted on the screen."""
    return list(page.locator(f"{which} svg").evaluate(DARK_MODULES))


def true_qr(text: str) -> list[str]:
    """Return the modules that encode a text, by segno itself."""
    code = segno.make(text, error="m", micro=False)
    return ["".join("1" if module else "0" for module in row) for row in code.matrix_iter(border=4)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_the_page_says_what_to_pay(shop: Shop, visit: Open, screens: Path, size: tuple[int, int], scheme: str) -> None:
    """Amount, network, address, QR, status and time left are there, on a phone and on a desk, by day and by night."""
    payment = shop.ask(
        amount=12_500_000,
        asset="USDC",
        description="Order 1042: two coffees and a cake",
        cancel_url="https://shop.example/cart",
    )
    seen = visit(payment["checkout_url"], size, scheme)
    page = seen.page
    expect(page).to_have_title("Pay 12.5 USDC")
    expect(page.get_by_role("heading", level=1)).to_have_text("12.5 USDC")
    expect(page.locator("#address")).to_have_text(payment["address"])
    expect(page.locator("#heading")).to_have_text("Waiting for your payment")
    expect(page.get_by_text("Order 1042: two coffees and a cake")).to_be_visible()
    expect(page.locator("#left")).to_have_text(re.compile(r"^(00:)?(29:5\d|30:00)$"))
    assert page.get_by_role("link", name="Open in wallet").get_attribute("href") == payment["payment_uri"]
    assert page.locator("#cancel").get_attribute("href") == f"https://shop.example/cart?payment_id={payment['id']}"
    expect(page.locator(".qr svg")).to_be_visible()
    assert page.locator(".qr svg").evaluate("svg => svg.getBoundingClientRect().width") >= 240
    page.screenshot(path=screens / f"pending-{size[0]}-{scheme}.png", full_page=True)
    assert shown_qr(page) == true_qr(payment["payment_uri"])
    assert page.locator(".qr svg").evaluate(CORNER) == "rgb(255, 255, 255)"
    page.locator("#way-address summary").click()
    expect(page.locator(".qr")).to_be_hidden()
    page.screenshot(path=screens / f"address-{size[0]}-{scheme}.png", full_page=True)
    assert page.locator(".qr-address svg").evaluate("svg => svg.getBoundingClientRect().width") >= 240
    assert shown_qr(page, ".qr-address") == true_qr(payment["address"])
    seen.clean()


def test_the_qr_code_is_segnos_own(shop: Shop, visit: Open) -> None:
    """The SVG draws, line by line, what segno draws for the payment's URI."""
    payment = shop.ask(amount=10**18)
    seen = visit(payment["checkout_url"])
    out = io.BytesIO()
    segno.make(payment["payment_uri"], error="m", micro=False).save(out, kind="svg", border=4, light="#fff")
    drawn = re.findall(r' d="([^"]+)"', out.getvalue().decode())
    assert seen.page.locator(".qr svg path").evaluate_all("all => all.map(one => one.getAttribute('d'))") == drawn
    seen.clean()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_payment(shop: Shop, visit: Open, screens: Path, scheme: str) -> None:
    """Part of the money, then all of it: the page says so by itself, and hides how to pay once nothing is due."""
    payment = shop.ask(amount=3_000_000, asset="USDC")
    seen = visit(payment["checkout_url"], scheme=scheme)
    page = seen.page
    shop.pay(payment, 1_000_000)
    expect(page.get_by_role("status")).to_contain_text("Part of the amount has arrived", timeout=PAID_MS)
    expect(page.locator("#received")).to_have_text("1")
    expect(page.locator("#how")).to_be_visible()
    # Nothing that is shown, copied or scanned may ask for what has arrived already.
    expect(page.locator("#due")).to_have_text("2")
    assert page.locator("#copy-due").get_attribute("data-copy") == "2"
    rest = payment["payment_uri"].replace("uint256=3000000", "uint256=2000000")
    assert shown_qr(page) == true_qr(rest)
    assert page.get_by_role("link", name="Open in wallet").get_attribute("href") == rest
    expect(page).to_have_title("Pay the rest: 2 USDC")
    page.screenshot(path=screens / f"underpaid-{scheme}.png", full_page=True)
    shop.pay(payment, 2_000_000)
    expect(page.get_by_role("status")).to_contain_text("Paid", timeout=PAID_MS)
    expect(page.locator("#received")).to_have_text("3")
    expect(page.locator("#how")).to_be_hidden()
    expect(page).to_have_title("Paid 3 USDC")
    expect(page.locator(".transaction")).to_have_count(2)
    page.screenshot(path=screens / f"paid-{scheme}.png", full_page=True)
    seen.clean()
    again = visit(payment["checkout_url"], scheme=scheme)
    expect(again.page.get_by_role("status")).to_contain_text("Paid")
    expect(again.page.locator("#how")).to_be_hidden()
    again.clean()


def test_what_arrived_of_an_expired_payment_is_with_the_shop(shop: Shop, visit: Open, screens: Path) -> None:
    """The page says who has the money, and whom to ask; it does not say that nothing was sent."""
    payment = shop.ask(amount=8_000_000, asset="USDC", expires_in=60, cancel_url="https://shop.example/cart")
    seen = visit(payment["checkout_url"])
    shop.pay(payment, 5_000_000)
    expect(seen.page.locator("#due")).to_have_text("3", timeout=PAID_MS)
    shop.let_pass(61)
    expect(seen.page.get_by_role("status")).to_contain_text("The shop has your 5 USDC", timeout=PAID_MS)
    expect(seen.page.get_by_role("status")).to_contain_text("Ask the shop")
    expect(seen.page).to_have_title("Expired: the shop has your 5 USDC")
    expect(seen.page.locator("#how")).to_be_hidden()
    expect(seen.page.get_by_role("link", name="Return to the shop")).to_be_visible()
    seen.page.screenshot(path=screens / "expired-part.png", full_page=True)
    seen.clean()


def test_a_wrong_asset_is_named_and_the_right_one_asked_for(shop: Shop, visit: Open, screens: Path) -> None:
    """Who sent USDT for USDC learns that it has come, that it does not count, and what would."""
    payment = shop.ask(amount=4_000_000, asset="USDC")
    seen = visit(payment["checkout_url"])
    shop.pay({**payment, "token_id": shop.chain["tokens"]["USDT"]["id"]}, 2_500_000)
    status = seen.page.get_by_role("status")
    expect(status).to_contain_text("2.5 USDT has arrived, but this payment is in USDC", timeout=2 * PAID_MS)
    expect(status).to_contain_text("To pay, send 4 USDC on Anvil (local)")
    expect(seen.page.locator("#how")).to_be_visible()
    assert shown_qr(seen.page) == true_qr(payment["payment_uri"])
    seen.page.screenshot(path=screens / "wrong-asset.png", full_page=True)
    seen.clean()


def test_too_much_and_cancelled_have_words_of_their_own(shop: Shop, visit: Open, screens: Path) -> None:
    """What is too much is named; who was cancelled is sent back to the shop."""
    over, cancelled = shop.ask(amount=4_000_000, asset="USDC"), shop.ask(amount=4_000_000, asset="USDC")
    shop.pay(over, 4_500_000)
    shop.told(over, "paid")
    shop.http.post(f"/api/v1/payments/{cancelled['id']}/cancel").raise_for_status()
    for payment, words in ((over, "0.5 USDC too much"), (cancelled, "The shop has cancelled this payment")):
        seen = visit(payment["checkout_url"], (320, 640), "dark")
        expect(seen.page.get_by_role("status")).to_contain_text(words)
        expect(seen.page.locator("#how")).to_be_hidden()
        seen.page.screenshot(path=screens / f"{payment['id']}.png", full_page=True)
        seen.clean()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_light_and_fits_a_narrow_screen(shop: Shop, visit: Open, screens: Path, scheme: str) -> None:
    """60 KB or less with all that it loads; at 320 pixels the QR code is still 240 wide."""
    payment = shop.ask(amount=12_345_678, asset="USDC", description="Order 1042: two coffees and a cake")
    api = shop.gateway.about["api_url"]
    parts = ("/assets/checkout.css", "/assets/checkout.js", "/assets/favicon.svg", f"/pay/{payment['id']}/status")
    bodies = [shop.http.get(url).content for url in (payment["checkout_url"], *(f"{api}{part}" for part in parts))]
    assert sum(map(len, bodies)) <= 60 * 1024
    seen = visit(payment["checkout_url"], (320, 640), scheme)
    assert seen.page.locator(".qr svg").evaluate("svg => svg.getBoundingClientRect().width") >= 240
    seen.page.screenshot(path=screens / f"narrow-{scheme}.png", full_page=True)
    assert shown_qr(seen.page) == true_qr(payment["payment_uri"])
    seen.clean()


def test_an_expired_page_asks_for_nothing(shop: Shop, visit: Open, screens: Path) -> None:
    """After the deadline the page warns, and shows neither address nor QR."""
    payment = shop.ask(amount=10**15, expires_in=60)
    seen = visit(payment["checkout_url"])
    shop.let_pass(61)
    expect(seen.page.get_by_role("status")).to_contain_text("expired", timeout=PAID_MS)
    expect(seen.page.locator("#how")).to_be_hidden()
    seen.page.screenshot(path=screens / "expired.png", full_page=True)
    seen.clean()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_unknown_payment_is_a_page_too(shop: Shop, visit: Open, screens: Path, scheme: str) -> None:
    """An id that nobody has leads to words, not to an error."""
    seen = visit(f"{shop.gateway.about['api_url']}/pay/00000000-0000-4000-8000-00000000dead", scheme=scheme)
    expect(seen.page.get_by_role("heading", level=1)).to_have_text("Payment not found")
    seen.page.screenshot(path=screens / f"missing-{scheme}.png", full_page=True)
    # The browser itself logs that the document was a 404.
    seen.problems = [problem for problem in seen.problems if "404" not in problem]
    seen.clean()


def test_what_a_merchant_writes_stays_text(shop: Shop, visit: Open) -> None:
    """Scripts in a description, an order or metadata run nowhere, and are shown as they were written."""
    for number, text in enumerate(EVIL):
        payment = shop.ask(
            amount=5,
            description=text,
            order_id=f"{number}{text}",
            metadata={"note": text},
            success_url="https://shop.example/?next=javascript:alert(8)",
        )
        seen = visit(payment["checkout_url"])
        page = seen.page
        expect(page.locator("#heading")).to_have_text("Waiting for your payment")
        expect(page.locator("#left")).to_have_text(re.compile(r"\d\d:\d\d"))
        shown = page.locator(".description").text_content() or ""
        assert shown.strip() == text.replace("\0", "").strip()  # HTML has no U+0000
        page.locator(".description").hover()
        assert page.locator("script").count() == 2
        assert page.locator("img, b, iframe").count() == 0
        seen.clean()


def test_a_huge_amount_fits_a_small_screen(shop: Shop, visit: Open, screens: Path) -> None:
    """The largest amount there is breaks no layout."""
    payment = shop.ask(amount=2**256 - 1, asset="DAI", description="M" * 500)
    seen = visit(payment["checkout_url"], (320, 640))
    whole, _, fraction = payment["amount_decimal"].partition(".")
    expect(seen.page.locator("#amount")).to_have_text(f"{int(whole):,}.{fraction}")
    seen.page.screenshot(path=screens / "huge.png", full_page=True)
    assert shown_qr(seen.page) == true_qr(payment["payment_uri"])
    seen.clean()


def test_without_javascript_the_page_still_tells(chromium: Browser, shop: Shop, screens: Path) -> None:
    """Whoever turned scripts off sees what to pay, and after a reload what has become of it."""
    payment = shop.ask(amount=1_250_000, asset="USDC")
    with chromium.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844}) as context:
        page = context.new_page()
        page.goto(payment["checkout_url"])
        expect(page.locator("#address")).to_have_text(payment["address"])
        expect(page.locator(".qr svg")).to_be_visible()
        expect(page.locator("button[data-copy]").first).to_be_hidden()
        page.screenshot(path=screens / "no-script-pending.png", full_page=True)
        shop.pay(payment, 250_000)
        shop.told(payment, "underpaid")
        page.get_by_role("link", name="Load it again").click()
        expect(page.locator("#due")).to_have_text("1")
        rest = payment["payment_uri"].replace("uint256=1250000", "uint256=1000000")
        assert page.get_by_role("link", name="Open in wallet").get_attribute("href") == rest
        page.locator("#way-address summary").click()
        expect(page.locator(".qr-address svg")).to_be_visible()
        shop.pay(payment, 1_000_000)
        shop.told(payment, "paid")
        page.reload()
        expect(page.get_by_role("status")).to_contain_text("Paid. Thank you!")
        expect(page.locator("#how")).to_be_hidden()
        page.screenshot(path=screens / "no-script.png", full_page=True)
