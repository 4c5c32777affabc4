"""A sweep above the threshold on a running gateway: it is listed, a person approves it, and the money moves."""

from __future__ import annotations

from typing import Any

from tests.e2e.conftest import LARGE
from tests.e2e.shop import WAIT, Shop
from tests.e2e.stack import eventually
from tests.e2e.test_people import Admin


def test_a_large_sweep_waits_until_somebody_approves_it(shop: Shop) -> None:
    """The payment is paid meanwhile; the list says what is waited for, and forgets it once it is settled."""
    admin = Admin(shop.gateway.about)
    payment = shop.ask(asset="DAI", amount_decimal="5000.000000000000000001")
    shop.pay(payment)
    shop.becomes(payment, status="paid")

    def listed() -> dict[str, Any] | None:
        found = admin.http.get("/sweeps", params={"state": "waiting", "chain": "anvil", "limit": 100})
        assert found.status_code == 200, found.text
        return next((each for each in found.json()["data"] if each["payment_id"] == payment["id"]), None)

    shown = eventually(lambda: (each := listed()) and each["reason"] == "approval" and each, WAIT, "a waiting sweep")
    assert int(shown["amount_str"]) == LARGE + 1
    assert shop.read(payment)["status"] == "paid"
    approved = admin.http.post(f"/sweeps/{payment['id']}/approve", json={})
    assert (approved.status_code, approved.json()["approved_str"]) == (200, str(LARGE + 1)), approved.text
    shop.becomes(payment, status="settled")
    eventually(lambda: listed() is None, WAIT, "an empty list")
    admin.http.close()
