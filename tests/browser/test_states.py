"""Every state of the pages that payers see: read by everybody, by keyboard alone, and by cameras."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from infra.shots import pages
from infra.shots.server import Server
from infra.tools.browser import FLAGS
from infra.tools.browser import chromium as chromium_path
from tests.browser.axe import violations
from tests.browser.conftest import DESK, PHONE, WATCH
from tests.browser.decoders import decoded
from tests.build import ADDRESS
from tests.support.payer_states import ENGLISH
from tests.world import USDC

PATHS = [
    *(f"/pay/{name}" for name in pages.STATES),
    *(f"/choose/{name}" for name in pages.CHOICES),
    *(f"/bills/{name}" for name in pages.BILLS),
    *(f"/claim/{name}" for name in pages.CLAIMS),
    *(f"/others/{name}" for name in pages.OTHERS),
]
TRANSFER = f"0xa9059cbb{ADDRESS[2:].lower():0>64}{12_500_000:064x}"
# A wallet as it stands in a browser (EIP-1193); what it is asked for is noted, and what it refuses is in `refusals`.
WALLET = """
window.asked = [];
window.ethereum = {
  chain: %(chain)s, refusals: %(refusals)s, known: %(known)s,
  async request({ method, params }) {
    window.asked.push([method, params && params[0]]);
    if (this.refusals[method]) throw { code: this.refusals[method] };
    if (method === "eth_chainId") return this.chain;
    if (method === "eth_requestAccounts") return ["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"];
    if (method === "wallet_switchEthereumChain") {
      if (!this.known.includes(params[0].chainId)) throw { code: 4902 };
      this.chain = params[0].chainId;
    }
    if (method === "wallet_addEthereumChain") this.known.push(params[0].chainId);
    return method === "eth_sendTransaction" ? "0x" + "5d".repeat(32) : null;
  },
};
"""


def wallet(chain: str = "0x7a69", known: tuple[str, ...] = ("0x1", "0x7a69"), **refusals: int) -> str:
    values = {"chain": chain, "refusals": refusals, "known": list(known)}
    return WALLET % {name: json.dumps(value) for name, value in values.items()}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as serving:
        yield serving


@pytest.fixture
def page(chromium: Browser, server: Server) -> Iterator[Page]:
    """A page on a phone; whatever the policy forbids is noted."""
    server.failing = False
    with chromium.new_context(viewport={"width": PHONE[0], "height": PHONE[1]}) as context:
        context.add_init_script(WATCH)
        yield context.new_page()


def test_no_state_has_a_fault_of_accessibility_or_overflows(page: Page, server: Server) -> None:
    """Axe finds nothing in any state, light or dark, from left or from right; 320 pixels are wide enough."""
    found: dict[str, list[str]] = {}
    for scheme, language in (("light", "en"), ("dark", "ar")):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for path in PATHS:
            page.set_viewport_size({"width": 320, "height": 640})
            page.goto(f"{server.url}{path}?lang={language}")
            if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
                found[f"{path} {language}"] = ["it overflows"]
            # What opens by a click is looked at too.
            page.evaluate(
                "document.querySelectorAll('details').forEach((each) => { each.name = ''; each.open = true; })"
            )
            if faults := violations(page):
                found[f"{path} {scheme} {language}"] = faults
            assert page.evaluate("window.violations") == []
    assert found == {}


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_shop_order_amount_and_clock_are_above_the_fold(page: Page, server: Server, size: tuple[int, int]) -> None:
    """Without scrolling; on a desk the code to scan, the address and the way to pay are, too."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(f"{server.url}/pay/pay")
    seen = [".shop-name", ".logo", ".contact a", "#amount", "#heading", "#left"]
    seen += [".qr svg", "#address", "#due"] if size == DESK else []
    for each in seen:
        box = page.locator(each).bounding_box()
        assert box, each
        assert box["y"] + box["height"] <= size[1], each
    expect(page.get_by_text("Order 1042")).to_be_in_viewport()


def test_a_keyboard_reaches_everything_in_the_order_in_which_it_is_read(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/pay/pay")
    reached = []
    for _ in range(9):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("(document.activeElement.id || document.activeElement.textContent).trim()"))
    assert reached[2] != ""  # the code itself is a link
    assert [reached[0], reached[1], *reached[3:9]] == [
        *("Contact the shop", "QR code for a wallet app", "QR code of the address only", "copy-due", "copy-address"),
        *("Open in wallet", "cancel", "Language: English"),
    ]
    page.locator(".languages summary").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Deutsch").focus()
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", "de")


@pytest.mark.parametrize("forced", [False, True], ids=["dark", "forced"])
def test_two_decoders_read_the_codes_in_the_dark(chromium: Browser, server: Server, forced: bool) -> None:
    """By the page's own dark scheme, and where the browser darkens every page by itself."""
    flags = [*FLAGS, "--blink-settings=forceDarkModeEnabled=true"] if forced else FLAGS
    browser = chromium.browser_type.launch(executable_path=chromium_path(), headless=True, args=flags)
    try:
        context = browser.new_context(
            viewport={"width": 390, "height": 844}, color_scheme="dark", device_scale_factor=2
        )
        page = context.new_page()
        page.goto(f"{server.url}/pay/pay")
        uri = pages.state("pay", ENGLISH)["rest_uri"]
        assert decoded(chromium, page.locator(".qr").screenshot()) == [uri, uri]
        page.locator("#way-address summary").click()
        assert decoded(chromium, page.locator(".qr-address").screenshot()) == [ADDRESS, ADDRESS]
    finally:
        browser.close()


def test_a_status_that_fails_is_said_in_the_page_s_language(page: Page, server: Server) -> None:
    server.failing = True
    page.goto(f"{server.url}/pay/pay?lang=fr")
    expect(page.locator("#trouble")).to_contain_text("pas à joindre le serveur de la boutique")


class TestWallet:
    """The wallet of the browser."""

    def asked(self, page: Page) -> list[Any]:
        """What the wallet was asked for, without the questions that change nothing."""
        return [each for each in page.evaluate("window.asked") if each[0] not in ("eth_chainId", "eth_requestAccounts")]

    def pay(self, page: Page, server: Server, script: str, state: str = "pay") -> None:
        page.add_init_script(script)
        page.goto(f"{server.url}/pay/{state}")
        page.locator("#pay-here").click()

    def test_no_button_without_a_wallet(self, page: Page, server: Server) -> None:
        page.goto(f"{server.url}/pay/pay")
        expect(page.locator("#left")).to_have_text("30:00")
        expect(page.locator("#pay-here")).to_be_hidden()

    def test_exactly_what_is_due_is_sent_once(self, page: Page, server: Server) -> None:
        """Once it is sent the button takes no second click, even where the page is loaded again."""
        self.pay(page, server, wallet())
        expect(page.locator("#wallet-said")).to_contain_text("Sent by your wallet")
        sent = {"from": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "to": USDC.address, "value": "0x0"}
        sent |= {"data": TRANSFER, "chainId": "0x7a69"}
        assert self.asked(page) == [["eth_sendTransaction", sent]]
        expect(page.locator("#pay-here")).to_be_disabled()
        page.reload()
        expect(page.locator("#pay-here")).to_be_disabled()
        assert page.evaluate("window.violations") == []

    def test_of_a_part_paid_payment_the_rest_is_sent(self, page: Page, server: Server) -> None:
        self.pay(page, server, wallet(), "pay_rest")
        expect(page.locator("#wallet-said")).to_contain_text("Sent by your wallet")
        assert int(self.asked(page)[0][1]["data"][74:], 16) == 7_500_000

    def test_another_network_is_switched_first_and_added_where_it_is_unknown(self, page: Page, server: Server) -> None:
        self.pay(page, server, wallet("0x1"))
        expect(page.locator("#wallet-said")).to_contain_text("Sent by your wallet")
        assert [each[0] for each in self.asked(page)] == ["wallet_switchEthereumChain", "eth_sendTransaction"]

    @pytest.mark.parametrize(
        ("script", "words"),
        [
            (wallet(eth_sendTransaction=4001), "You declined in your wallet: nothing was sent."),
            (wallet(eth_requestAccounts=4001), "You declined in your wallet: nothing was sent."),
            (wallet("0x1", wallet_switchEthereumChain=4001), "You declined in your wallet: nothing was sent."),
            (wallet("0x1", wallet_switchEthereumChain=-32603), "did not switch to Base: nothing was sent"),
            (wallet("0x1", known=("0x1",)), "did not switch to Base: nothing was sent"),
            (wallet(eth_sendTransaction=-32000), "has reported a problem. Look there whether anything was sent"),
        ],
        ids=["send", "account", "switch", "cannot", "unknown", "problem"],
    )
    def test_what_the_wallet_refuses_is_said(self, page: Page, server: Server, script: str, words: str) -> None:
        """Nothing is sent on the wrong network, and the button can be pressed again."""
        self.pay(page, server, script)
        expect(page.locator("#wallet-said")).to_contain_text(words)
        expect(page.locator("#pay-here")).to_be_enabled()
        sent = [each for each in self.asked(page) if each[0] == "eth_sendTransaction"]
        assert len(sent) == (
            1 if "eth_sendTransaction" in script.split("known", maxsplit=1)[0].split("refusals")[1] else 0
        )

    def test_nothing_is_sent_once_the_payment_cannot_be_read(self, page: Page, server: Server) -> None:
        """What is due may have changed while the wallet asked: without a fresh answer nobody knows."""
        page.add_init_script(wallet())
        page.goto(f"{server.url}/pay/pay")
        server.failing = True
        page.locator("#pay-here").click()
        expect(page.locator("#wallet-said")).to_contain_text("has changed meanwhile: nothing was sent")
        assert self.asked(page) == []
