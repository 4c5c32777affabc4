"""A merchant's own endpoints on the running gateway: filters, secrets of their own, rotation, an end."""

from __future__ import annotations

from typing import Any

from infra.stack.receiver import Receiver
from tests.e2e.shop import WAIT, Shop
from tests.e2e.stack import eventually


def logged(shop: Shop, path: str) -> list[dict[str, Any]]:
    """Return an endpoint's newest deliveries."""
    return list(shop.http.get(f"{path}/deliveries").json()["data"])


def test_an_endpoint_gets_the_events_that_it_wants_signed_with_its_own_secret(shop: Shop) -> None:
    """Beside the payment's own address; after a rotation with the new secret, after its deletion nothing."""
    with Receiver("") as own:
        asked = {"url": own.url, "events": ["payment.created", "payment.paid"], "description": "the shop"}
        made = shop.http.post("/api/v1/webhooks", json=asked).json()
        own.secret = made["secret"]
        path = f"/api/v1/webhooks/{made['id']}"
        first = shop.ask(amount=10**15)
        shop.pay(first)
        shop.told(first, "settled")
        assert own.wait_for(first["id"], "payment.paid", WAIT)
        assert own.heard(first["id"]) == ["payment.created", "payment.paid"]
        own.secret = shop.http.post(f"{path}/rotate", json={}).json()["secret"]
        assert shop.http.patch(path, json={"events": ["payment.created"]}).status_code == 200
        second = shop.ask(amount=10**15)
        assert own.wait_for(second["id"], "payment.created", WAIT)
        test = shop.http.post(f"{path}/test", json={}).json()
        log = eventually(lambda: [each for each in logged(shop, path) if each["event_id"] == test["id"]], WAIT, "a log")
        assert (log[0]["type"], log[0]["status_code"]) == ("webhook.test", 204)
        seen = len(own.attempts)
        assert shop.http.post(f"{path}/deliveries/{log[0]['id']}/redeliver", json={}).status_code == 202
        eventually(lambda: len(own.attempts) > seen, WAIT, "the same event again")
        assert own.attempts[-1].event_id == test["id"]
        asked = {"created_after": "2020-01-01T00:00:00Z"}
        assert shop.http.post(f"{path}/redeliver", json=asked).status_code == 202
        assert own.refused == []
        assert [each["id"] for each in shop.http.get("/api/v1/webhooks").json()["data"]] == [made["id"]]
        assert shop.http.delete(path).status_code == 204
        third = shop.ask(amount=10**15)
        shop.told(third, "created")
        assert own.heard(third["id"]) == []
