"""A merchant's own endpoints on the running gateway: filters, secrets of their own, rotation, an end."""

from __future__ import annotations

from infra.stack.receiver import Receiver
from tests.e2e.shop import WAIT, Shop


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
        assert own.refused == []
        assert [each["id"] for each in shop.http.get("/api/v1/webhooks").json()["data"]] == [made["id"]]
        assert shop.http.delete(path).status_code == 204
        third = shop.ask(amount=10**15)
        shop.told(third, "created")
        assert own.heard(third["id"]) == []
