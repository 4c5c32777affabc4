"""A webhook endpoint of the shop's merchant, with a receiver."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from infra.stack.receiver import Receiver
from tests.e2e.shop import Shop


@contextmanager
def endpoint_of(shop: Shop) -> Iterator[tuple[str, Receiver]]:
    """Have an endpoint that hears of tests alone; its receiver verifies them by its own secret."""
    with Receiver("") as receiver:
        made = shop.http.post("/api/v1/webhooks", json={"url": receiver.url, "events": ["webhook.test"]})
        assert made.status_code == 201, made.text
        receiver.secret = made.json()["secret"]
        yield made.json()["id"], receiver
        shop.http.delete(f"/api/v1/webhooks/{made.json()['id']}").raise_for_status()
