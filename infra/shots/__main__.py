"""Writes pictures of every page and state into `.local/shots`: phone and desk, light and dark, in each language."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from itertools import groupby, product
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Browser, sync_playwright

from ctrip.pages.language import LANGUAGES
from functions.dashboard.routes import PAGES
from infra.shots import pages
from infra.shots.server import Server
from infra.tools.browser import FLAGS, chromium
from infra.tools.errors import Refused
from infra.tools.process import ROOT

FOLDER = ROOT / ".local" / "shots"
SIZES = {"phone": (390, 844), "desk": (1280, 800)}
IN_EACH_LANGUAGE = (
    *("choose-refused", "invoice-open", "link-wrong"),
    *("checkout-pay", "checkout-expired_part", "checkout-done", "claim-wrong"),
    *("checkout-tron", "checkout-tron_rest"),
)
NARROW = {"narrow": (320, 640)}


class Shot(NamedTuple):
    """One picture: of an address, in a language, of a window of a size, in a scheme."""

    name: str
    path: str
    language: str
    size: tuple[int, int]
    scheme: Any


def shots() -> Iterator[Shot]:
    """Name every picture."""
    every = {
        **{f"checkout-{name}": f"/pay/{name}" for name in pages.STATES},
        **{f"choose-{name}": f"/choose/{name}" for name in pages.CHOICES},
        **{name: f"/bills/{name}" for name in pages.BILLS},
        **{f"claim-{name}": f"/claim/{name}" for name in pages.CLAIMS},
        **{name: f"/others/{name}" for name in pages.OTHERS},
    }
    for name, path in every.items():
        for size, pixels in SIZES.items():
            for scheme in ("light", "dark"):
                yield Shot(f"{name}-{size}-{scheme}", path, "en", pixels, scheme)
    for language in LANGUAGES:
        for name in IN_EACH_LANGUAGE:
            for size, pixels in (SIZES | NARROW).items():
                yield Shot(f"{name}-{size}-{language}", every[name], language, pixels, "light")


def take(browser: Browser, url: str, folder: Path) -> int:
    """Take every picture; return how many there are."""
    wanted = sorted(shots(), key=lambda shot: (shot.size, shot.scheme))
    for (size, scheme), alike in groupby(wanted, key=lambda shot: (shot.size, shot.scheme)):
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
        page = context.new_page()
        for shot in alike:
            page.goto(f"{url}{shot.path}?lang={shot.language}")
            page.screenshot(path=folder / f"{shot.name}.png", full_page=True)
        context.close()
    return len(wanted)


def take_dashboard(browser: Browser, folder: Path) -> int:
    """Take the dashboard's pages of the gateway that is up; where none is, say so and take none."""
    held = ROOT / ".local" / "gateway.json"
    if not held.exists():
        print("The dashboard is of a gateway: run make up beside this to have its pages too.")
        return 0
    about, count = json.loads(held.read_text()), 0
    paths = [each.path for each in PAGES if each.method == "GET" and "{" not in each.path and not each.open]
    for (size, pixels), scheme in product(SIZES.items(), ("light", "dark")):
        schemes: Any = scheme
        context = browser.new_context(viewport={"width": pixels[0], "height": pixels[1]}, color_scheme=schemes)
        page = context.new_page()
        page.goto(f"{about['api_url']}/admin/login")
        page.fill("input[name=email]", about["admin"]["email"])
        page.fill("input[name=password]", about["admin"]["password"])
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: not url.endswith("/login"))
        for path in paths:
            page.goto(f"{about['api_url']}{path}")
            name = path.strip("/").replace("/", "-")
            page.screenshot(path=folder / f"{name}-{size}-{scheme}.png", full_page=True)
            count += 1
        context.close()
    return count


def main() -> int:
    """Run from the command line."""
    try:
        found = chromium()
    except Refused as refusal:
        print(f"make shots: {refusal}", file=sys.stderr)
        return 2
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with Server() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, headless=True, args=FLAGS)
        count = take(browser, server.url, FOLDER) + take_dashboard(browser, FOLDER)
        print(f"{count} pictures are in {FOLDER}")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
