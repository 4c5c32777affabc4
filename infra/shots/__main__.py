"""Writes pictures of every page and state into `.local/shots`: phone and desk, light and dark, in each language."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Browser, sync_playwright

from ctrip.pages.language import LANGUAGES
from infra.shots import pages
from infra.shots.server import Server
from infra.tools.browser import FLAGS, chromium
from infra.tools.errors import Refused
from infra.tools.process import ROOT

FOLDER = ROOT / ".local" / "shots"
SIZES = {"phone": (390, 844), "desk": (1280, 800)}
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
        **{f"claim-{name}": f"/claim/{name}" for name in pages.CLAIMS},
        **{name: f"/others/{name}" for name in pages.OTHERS},
    }
    for name, path in every.items():
        for size, pixels in SIZES.items():
            for scheme in ("light", "dark"):
                yield Shot(f"{name}-{size}-{scheme}", path, "en", pixels, scheme)
    for language in LANGUAGES:
        for name in ("choose-refused", "checkout-pay", "checkout-expired_part", "checkout-done", "claim-wrong"):
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
        print(f"{take(browser, server.url, FOLDER)} pictures are in {FOLDER}")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
