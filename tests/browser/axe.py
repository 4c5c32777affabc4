"""Faults of accessibility in a page, as axe-core finds them."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

from playwright.sync_api import Page

from infra.tools import npm
from infra.tools.process import ROOT


@cache
def _script() -> str:
    return npm.axe(ROOT / ".tools", lambda line: print(line, file=sys.stderr)).read_text()


def violations(page: Page) -> list[str]:
    """Return what axe-core finds against WCAG 2.2 A and AA and its own best practices, one line for each element."""
    page.evaluate(_script())
    found: list[dict[str, Any]] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{each['id']} ({each['impact']}): {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for each in found
        for node in each["nodes"]
    ]
