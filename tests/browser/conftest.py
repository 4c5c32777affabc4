"""A headless Chromium, and a gateway whose pages it opens."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from infra.stack.receiver import Receiver
from infra.tools.browser import FLAGS
from infra.tools.browser import chromium as chromium_path
from infra.tools.errors import Refused
from tests.e2e.shop import Shop
from tests.e2e.stack import Up, make_up

PHONE, DESK = (390, 844), (1280, 800)
PAID_MS = 25_000  # until the page of a payment that was just sent says so
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
"""


@dataclass
class Seen:
    """One open page, and whatever went wrong in it."""

    page: Page
    problems: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def clean(self) -> None:
        """Nothing was logged, thrown, asked, blocked or loaded from elsewhere, and nothing overflows sideways."""
        assert self.problems == []
        assert self.foreign == []
        assert self.page.evaluate("window.violations") == []
        assert self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


Open = Callable[..., Seen]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser that is on this machine."""
    try:
        found = chromium_path()
    except Refused as refusal:
        pytest.exit(f"make browser: {refusal}", returncode=2)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def up(chromium: Browser) -> Iterator[Up]:
    """The gateway's process; without a browser it is not started."""
    del chromium
    with make_up(".local-browser") as started:
        yield started


@pytest.fixture(scope="session")
def shop(up: Up) -> Iterator[Shop]:
    """A shop whose buyers use the hosted pages."""
    gateway = up.gateway()
    with Receiver(gateway.about["merchant"]["webhook_secret"]) as receiver:
        yield Shop(gateway, receiver)
    gateway.http.close()


@pytest.fixture(scope="session")
def screens(up: Up) -> Path:
    """Where pictures go."""
    folder = up.state / "screens"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def visit(chromium: Browser, shop: Shop) -> Iterator[Open]:
    """Open an address in a window of some size and scheme, and watch it."""
    contexts: list[BrowserContext] = []
    origin = shop.gateway.about["api_url"]

    def go(
        url: str, size: tuple[int, int] = PHONE, scheme: Any = "light", *, reached: str | None = None, script: str = ""
    ) -> Seen:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            permissions=["clipboard-read", "clipboard-write"],
        )
        contexts.append(context)
        context.add_init_script(WATCH + script)
        page = context.new_page()
        seen = Seen(page)
        page.on("console", lambda line: seen.problems.append(line.text) if line.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: seen.problems.append(str(error)))
        page.on("dialog", lambda dialog: (seen.problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: _note(seen, request.url, origin, reached))
        page.goto(url)
        return seen

    yield go
    for context in contexts:
        context.close()


def _note(seen: Seen, url: str, origin: str, reached: str | None) -> None:
    if not url.startswith((f"{origin}/", "data:")) and not (reached and url.startswith(reached)):
        seen.foreign.append(url)
