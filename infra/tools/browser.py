"""The Chromium of this machine: Debian's, or one that is there."""

from __future__ import annotations

import shutil

from infra.tools.errors import Refused

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# It asks nobody for updates, and runs in containers too.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str:
    """Return the path of a Chromium; raises `Refused` where there is none."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        raise Refused("no Chromium is on the path; install one (Debian: apt install chromium).")
    return found
