"""The dashboard, as the people who operate a stage see it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import DESK, PAID_MS, PHONE, WATCH, Seen, _note
from tests.e2e.shop import Shop
from tests.e2e.stack import eventually

NARROW = (320, 700)
PAGES = (
    *("", "/payments", "/payments?review=overpaid", "/deposits", "/payouts", "/sweeps", "/ledger", "/books"),
    *("/wallets", "/merchants", "/users", "/audit", "/account"),
)


class Desk:
    """Somebody at the dashboard."""

    def __init__(self, chromium: Browser, shop: Shop) -> None:
        self.chromium, self.shop = chromium, shop
        self.about = shop.gateway.about
        self.root = f"{self.about['api_url']}/admin"
        self.contexts: list[BrowserContext] = []

    def open(self, size: tuple[int, int] = DESK, scheme: Any = "light", *, script: bool = True) -> Seen:
        """Open a window that is watched for whatever goes wrong, at the form."""
        context = self.chromium.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, java_script_enabled=script
        )
        self.contexts.append(context)
        if script:
            context.add_init_script(WATCH)
        page = context.new_page()
        seen = Seen(page)
        page.on("console", lambda line: seen.problems.append(line.text) if line.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: seen.problems.append(str(error)))
        page.on("dialog", lambda dialog: (seen.problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: _note(seen, request.url, self.about["api_url"], None))
        page.goto(f"{self.root}/login")
        return seen

    def sign_in(self, page: Page, email: str | None = None, password: str | None = None) -> None:
        """Fill the form in, and wait for the overview."""
        page.get_by_label("E-mail").fill(email or self.about["admin"]["email"])
        page.get_by_label("Password").fill(password or self.about["admin"]["password"])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(self.root)

    def inside(self, size: tuple[int, int] = DESK, scheme: Any = "light", *, script: bool = True) -> Seen:
        """Open a window and sign in."""
        seen = self.open(size, scheme, script=script)
        self.sign_in(seen.page)
        return seen

    def addresses(self) -> list[str]:
        """Every page that has an address of its own, those of one merchant and one payment too."""
        merchant = f"/merchants/{self.about['merchant']['id']}"
        own = [merchant, f"{merchant}/keys", f"{merchant}/endpoints", f"{merchant}/endpoints/{self.endpoint['id']}"]
        return [*PAGES, *own, f"/payments/{self.paid['id']}", f"/payments/{self.over['id']}"]


@pytest.fixture(scope="module")
def desk(chromium: Browser, shop: Shop) -> Iterator[Desk]:
    """A dashboard with something on every page: payments paid, in part, too much and in a wrong asset, an endpoint."""
    made = Desk(chromium, shop)
    http = shop.http
    made.endpoint = http.post("/api/v1/webhooks", json={"url": shop.receiver.url, "description": "shop"}).json()
    shop.ask(amount=str(2**256 - 1), asset="DAI")
    http.post("/api/v1/payments", json={"price": {"currency": "EUR", "amount": "999999999999.99"}}).raise_for_status()
    made.paid = shop.ask(amount=12_500_000, asset="USDC", order_id="desk-paid", description="Two coffees")
    made.over = shop.ask(amount=2_000_000, asset="USDC", order_id="desk-over")
    made.partial = shop.ask(amount=9_000_000, asset="USDC", order_id="desk-partial")
    shop.pay(made.paid)
    shop.pay(made.over, 3_500_000)
    shop.pay(made.partial, 4_000_000)
    shop.told(made.paid, "settled")
    shop.told(made.over, "overpaid")
    yield made
    for context in made.contexts:
        context.close()


def counted(desk: Desk, page: Page) -> None:
    """Wait until the figures have counted what the module's payments told: once a minute."""

    def shown() -> bool:
        page.goto(f"{desk.root}/payments?review=overpaid")
        return desk.over["id"] in page.content()

    eventually(shown, 150, "the figures of the module's payments")


@pytest.mark.parametrize(("size", "scheme"), [(DESK, "dark"), (NARROW, "light")], ids=["desk-dark", "narrow-light"])
def test_every_page_is_accessible_and_stays_within_its_frame(
    desk: Desk, screens: Path, size: tuple[int, int], scheme: str
) -> None:
    """Axe finds nothing, by day and by night, on a desk and on 320 pixels; nothing foreign is loaded."""
    seen = desk.open(size, scheme)
    page = seen.page
    assert violations(page) == []
    desk.sign_in(page)
    for path in desk.addresses():
        page.goto(f"{desk.root}{path}")
        name = re.sub(r"\W+", "-", re.sub(r"[0-9a-f-]{36}", "one", path)) or "-overview"
        page.screenshot(path=screens / f"admin{name}-{size[0]}-{scheme}.png", full_page=True)
        assert violations(page) == [], path
        seen.clean()


def test_a_payments_page_follows_it(desk: Desk) -> None:
    """What is received and its state change by themselves; what does not change is not sent again."""
    payment = desk.shop.ask(amount=1_000_000, asset="USDC")
    seen = desk.inside()
    page = seen.page
    page.goto(f"{desk.root}/payments/{payment['id']}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("pending")
    with page.expect_response(
        lambda answer: answer.status == 200 and answer.request.headers.get("hx-request") == "true"
    ):
        pass
    with page.expect_response(lambda answer: answer.status == 304):
        pass
    desk.shop.pay(payment)
    expect(page.get_by_role("heading", level=1)).to_contain_text(re.compile("paid|settled"), timeout=PAID_MS)
    expect(page.locator("#transfers ~ table")).to_contain_text("1.00")
    seen.clean()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_payment_is_cancelled_in_two_steps(desk: Desk, *, script: bool) -> None:
    """The button asks first; with or without a script the page then says that it is done."""
    payment = desk.shop.ask(amount=1_000_000, asset="USDC")
    seen = desk.inside(PHONE, script=script)
    page = seen.page
    page.goto(f"{desk.root}/payments/{payment['id']}")
    expect(page.get_by_role("button", name="Cancel this payment")).to_be_hidden()
    page.locator("summary", has_text="Cancel").click()
    page.get_by_role("button", name="Cancel this payment").click()
    expect(page.locator("p.done").first).to_have_text("Cancelled.")
    expect(page.get_by_role("heading", level=1)).to_contain_text("expired")
    assert desk.shop.read(payment)["exceptions"] == ["manual"]
    assert seen.problems == []


def test_without_a_script_every_page_shows_what_it_has(desk: Desk) -> None:
    """The table of the days is open, no chart is missing from an empty frame, and lists go on by links."""
    seen = desk.inside(script=False)
    page = seen.page
    for path in desk.addresses():
        page.goto(f"{desk.root}{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator("figure:visible")).to_have_count(0)
    page.goto(f"{desk.root}/payments?find=desk-paid")
    expect(page).to_have_url(f"{desk.root}/payments/{desk.paid['id']}")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{desk.root}/login")


def test_the_keyboard_alone_signs_in_finds_a_payment_and_refunds_it(desk: Desk) -> None:
    """Every step by Tab, Enter and typing; the focus is seen on each."""
    seen = desk.open()
    page, press = seen.page, seen.page.keyboard.press
    expect(page.get_by_label("E-mail")).to_be_focused()
    page.keyboard.type(desk.about["admin"]["email"])
    press("Tab")
    page.keyboard.type(desk.about["admin"]["password"])
    press("Enter")
    page.wait_for_url(desk.root)
    press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    press("Enter")
    press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
    page.goto(f"{desk.root}/payments")
    page.get_by_role("searchbox", name="Find").focus()
    page.keyboard.type("desk-over")
    press("Enter")
    page.wait_for_url(f"{desk.root}/payments/{desk.over['id']}")
    page.locator("summary", has_text="Refund").focus()
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    press("Enter")
    press("Tab")
    assert page.evaluate(outline) == "solid"
    page.keyboard.type("1.5")
    press("Tab")
    page.keyboard.type("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
    press("Enter")
    expect(page.locator("p.done").first).to_contain_text("The refund is asked for")
    expect(page.locator("#refunds ~ table")).to_contain_text("1.50")
    seen.clean()


def test_a_viewer_sees_no_button_and_cannot_send_a_form(desk: Desk) -> None:
    """Made on the page for users, with a password that is shown once."""
    seen = desk.inside()
    page = seen.page
    page.goto(f"{desk.root}/users")
    new = page.locator("section", has=page.get_by_role("heading", name="New user"))
    new.get_by_label("E-mail").fill("vera@ops.example")
    new.get_by_label("Name").fill("Vera")
    new.get_by_label("Role").select_option("viewer")
    new.get_by_role("button").click()
    password = page.locator("dd code").last.inner_text()
    viewer = desk.open()
    desk.sign_in(viewer.page, "vera@ops.example", password)
    payment = desk.shop.ask(amount=1_000_000, asset="USDC")
    viewer.page.goto(f"{desk.root}/payments/{payment['id']}")
    expect(viewer.page.get_by_text("Your role reads payments, and decides none.")).to_be_visible()
    expect(viewer.page.locator("main form")).to_have_count(0)
    for link in ("Users", "Audit"):
        expect(viewer.page.get_by_role("link", name=link, exact=True)).to_have_count(0)
    token = viewer.page.locator("input[name=csrf]").first.get_attribute("value")
    status = viewer.page.evaluate(
        "([to, body]) => fetch(to, {method: 'POST', body: new URLSearchParams(body)}).then(answer => answer.status)",
        [f"{desk.root}/payments/{payment['id']}/cancel", {"csrf": token}],
    )
    assert status == 403
    assert desk.shop.read(payment)["status"] == "pending"


def test_a_page_of_another_site_cannot_send_our_forms(desk: Desk) -> None:
    """The cookie does not come with it, so that the form leads to signing in and changes nothing."""
    payment = desk.shop.ask(amount=1_000_000, asset="USDC")
    seen = desk.inside()
    page = seen.page
    token = page.locator("input[name=csrf]").first.get_attribute("value")
    target = f"{desk.root}/payments/{payment['id']}/cancel"
    page.route(
        "http://evil.localhost/",
        lambda route: route.fulfill(
            content_type="text/html",
            body=f'<form method="post" action="{target}"><input name="csrf" value="{token}"><button>go</button></form>',
        ),
    )
    page.goto("http://evil.localhost/")
    page.get_by_role("button").click()
    page.wait_for_url(f"{desk.root}/login*")
    assert desk.shop.read(payment)["status"] == "pending"


# Last, as by now the module's payments are counted.


def test_the_overview_shows_the_stage_and_its_charts_have_tables(desk: Desk) -> None:
    """States, chains, balances, queues; the charts are drawn, and the same numbers stand in the table."""
    seen = desk.inside()
    page = seen.page
    counted(desk, page)
    assert violations(page) == []
    page.goto(desk.root)
    expect(page.get_by_role("link", name=re.compile("paid too much"))).to_be_visible()
    expect(page.locator("#live")).to_contain_text("anvil")
    expect(page.locator("figure canvas")).to_have_count(2)
    assert violations(page) == []
    page.get_by_text("The same as a table").click()
    row = page.locator("#by-day tbody tr").first
    assert float(row.get_attribute("data-volume") or 0) >= 14.5
    expect(row.get_by_role("cell").last).to_be_visible()
    page.get_by_label("Days").select_option("7")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#by-day tbody tr")).to_have_count(7)
    seen.clean()
