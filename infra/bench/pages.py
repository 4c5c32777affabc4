"""The checkout page: how much a browser loads for it, and how soon its first answer is there."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import httpx

from infra.bench.figure import Figure, percentile
from infra.stack.handle import Gateway

SIZE_GOAL, FIRST_GOAL = 60.0, 150.0
OPENED = 100


def checkout(gateway: Gateway) -> Iterator[Figure]:
    """Measure the page of a payment that waits, uncompressed, with all that it loads and its first status."""
    made = gateway.http.post("/api/v1/payments", json={"chain": "anvil", "asset": "USDC", "amount_decimal": "12.5"})
    url = made.raise_for_status().json()["checkout_url"]
    with httpx.Client(trust_env=False) as browser:
        page = browser.get(url).text
        parts = [each for each in re.findall(r'(?:src|href|data-status-url)="([^"]+)"', page) if _loaded(each)]
        sizes = [len(page.encode()), *(len(browser.get(str(httpx.URL(url).join(each))).content) for each in parts)]
        yield Figure("checkout page, all in all", sum(sizes) / 1024, "KB", SIZE_GOAL, f"{len(sizes)} answers")
        took = []
        for _ in range(OPENED):
            begun = time.perf_counter()
            browser.get(url).raise_for_status()
            took.append((time.perf_counter() - begun) * 1000)
    detail = f"p50 {percentile(took, 0.5):.1f} ms, {OPENED} opened"
    yield Figure("checkout page, first answer, p95", percentile(took, 0.95), "ms", FIRST_GOAL, detail)


def _loaded(address: str) -> bool:
    return "assets/" in address or "brands/" in address or "/status" in address
