"""Payments with a price whose payer chooses, on a whole gateway: chosen and paid, or left alone until they expire."""

from __future__ import annotations

from typing import Any

from tests.e2e.shop import Shop
from tests.e2e.stack import eventually

MINUTES = 150  # it expires after one, and the clock is asked each minute


def test_what_the_payer_chose_is_paid_at_the_locked_rate(shop: Shop) -> None:
    """A plain form chooses; another choice keeps the address; the webhooks tell of both; it settles."""
    http = shop.gateway.http
    wanted = {"price": {"currency": "USD", "amount": "12.50"}, "webhook_url": shop.receiver.url}
    made = http.post("/api/v1/payments", json=wanted).json()
    assert (made["chain"], made["address"], made["amount"]) == (None, None, None)
    page = http.get(f"/pay/{made['id']}?lang=en", headers={"Authorization": ""})
    assert "$12.50" in page.text
    for offer in ("anvil:ETH", "anvil:USDC"):
        chosen = http.post(f"/pay/{made['id']}/choose", data={"offer": offer})
        assert (chosen.status_code, chosen.headers["Location"].split("?")[0]) == (303, made["checkout_url"])
    payment: dict[str, Any] = http.get(f"/api/v1/payments/{made['id']}").json()
    assert (payment["symbol"], payment["amount"], payment["rate"]["rate"]) == ("USDC", 12_500_000, "1")
    shop.pay(payment)
    eventually(lambda: shop.read(made)["status"] == "settled", 60)
    heard = ["payment.created", "payment.chosen", "payment.chosen", "payment.detected"]
    assert shop.receiver.heard(made["id"])[:4] == heard


def test_what_nobody_chose_for_expires(shop: Shop, begun: dict[str, dict[str, Any]]) -> None:
    """By the clock, with its event: no chain was watched for it."""
    payment = begun["unchosen"]
    eventually(lambda: shop.read(payment)["status"] == "expired", MINUTES)
    eventually(lambda: shop.receiver.heard(payment["id"]) == ["payment.created", "payment.expired"], 10)
