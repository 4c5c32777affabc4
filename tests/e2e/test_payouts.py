"""Money that leaves, on a running gateway: a settlement to the merchant and a refund to the payer, to the last unit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from infra.stack import wallet
from infra.stack.receiver import Receiver
from tests.e2e.shop import WAIT, Shop
from tests.e2e.stack import eventually
from tests.e2e.test_people import Admin

MERCHANTS_OWN = wallet.funded(7).address
AMOUNTS = {"ETH": 10**16 + 7, "USDC": 12_500_001}


@pytest.fixture(scope="module", autouse=True)
def heard(shop: Shop) -> Iterator[Receiver]:
    """An endpoint of the merchant's that hears what becomes of its settlements."""
    with Receiver(secret="") as own:
        wanted = {"url": own.url, "events": ["settlement.sent", "settlement.completed"]}
        endpoint = shop.http.post("/api/v1/webhooks", json=wanted).raise_for_status().json()
        own.secret = endpoint["secret"]
        yield own
        shop.http.delete(f"/api/v1/webhooks/{endpoint['id']}").raise_for_status()
        assert own.refused == []


@pytest.fixture(scope="module")
def paid(shop: Shop) -> dict[str, dict[str, Any]]:
    """Payments of the coin and of a token that are settled in the treasury."""
    payments = {symbol: shop.ask(asset=symbol, amount=2 * amount) for symbol, amount in AMOUNTS.items()}
    for payment in payments.values():
        shop.pay(payment)
    return {symbol: shop.becomes(payment, status="settled") for symbol, payment in payments.items()}


def asked(shop: Shop, path: str, **body: Any) -> dict[str, Any]:
    """Ask for a payout; return it."""
    answer = shop.http.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def done(shop: Shop, path: str, payout: dict[str, Any]) -> dict[str, Any]:
    """Wait until a payout is completed."""

    def found() -> dict[str, Any] | None:
        listed = shop.http.get(path).json()["data"]
        return next((each for each in listed if each["id"] == payout["id"] and each["status"] == "completed"), None)

    return dict(eventually(found, 2 * WAIT, f"{payout['id']} completed"))


def available(shop: Shop, symbol: str) -> int:
    """Read what the merchant may be paid."""
    shown = shop.http.get("/api/v1/balances").json()["data"]
    return next((int(each["available_str"]) for each in shown if each["symbol"] == symbol), 0)


@pytest.mark.parametrize("symbol", ["ETH", "USDC"])
def test_a_settlement_reaches_the_merchant(shop: Shop, paid: dict[str, Any], heard: Receiver, symbol: str) -> None:
    """The chain shows it, the balance falls by it, and the ledger names its transaction."""
    put = shop.http.put("/api/v1/settlement-addresses/anvil", json={"address": MERCHANTS_OWN})
    assert put.status_code == 200, put.text
    before, there = available(shop, symbol), shop.balance(MERCHANTS_OWN, symbol)
    payout = asked(shop, "/api/v1/settlements", chain="anvil", asset=symbol, amount=str(AMOUNTS[symbol]))
    assert available(shop, symbol) == before - AMOUNTS[symbol]
    shown = done(shop, "/api/v1/settlements", payout)
    assert shop.balance(MERCHANTS_OWN, symbol) == there + AMOUNTS[symbol]
    assert available(shop, symbol) == before - AMOUNTS[symbol]
    entries = shop.http.get("/api/v1/ledger?limit=100").json()["data"]
    posted = [each for each in entries if each["payout_id"] == payout["id"]]
    assert {each["type"] for each in posted} == {"reserved", "settled"}
    assert [each["tx_hash"] for each in posted if each["type"] == "settled"] == [shown["tx_hash"]]
    assert payout["id"] in shop.http.get("/api/v1/ledger.csv?limit=100").text

    def both() -> bool:
        told = {each["type"] for each in heard.events if each["data"]["id"] == payout["id"]}
        return told == {"settlement.sent", "settlement.completed"}

    eventually(both, WAIT, "both events of the settlement")


def test_a_schedule_asks_for_a_settlement_by_itself(shop: Shop) -> None:
    """As soon as so much is free; what is kept stays, and less than its network costs is refused beside it."""
    amount, where = 5 * 10**18, "/api/v1/settlement-schedules"
    assert shop.http.put("/api/v1/settlement-addresses/anvil", json={"address": MERCHANTS_OWN}).status_code == 200
    payment = shop.ask(asset="DAI", amount=amount)
    shop.pay(payment)
    shop.becomes(payment, status="settled")
    there, free = shop.balance(MERCHANTS_OWN, "DAI"), available(shop, "DAI")
    wanted = {"asset": "DAI", "every": "monthly", "day": 28, "threshold": str(amount), "keep": "1000"}
    put = shop.http.put(f"{where}/anvil", json=wanted)
    assert put.status_code == 200, put.text
    assert put.json()["threshold_str"] == str(amount)
    eventually(lambda: shop.balance(MERCHANTS_OWN, "DAI") == there + free - 1000, 2 * WAIT, "the scheduled settlement")
    assert available(shop, "DAI") == 1000
    ended = shop.http.put(f"{where}/anvil", json={"asset": "DAI", "every": "none"})
    assert shop.http.get(where).json()["data"] == [ended.json()]

    def refused() -> bool:
        answer = shop.http.post("/api/v1/settlements", json={"chain": "anvil", "amount": "1"})
        problems = [(each["field"], each["code"]) for each in answer.json().get("errors", [])]
        return answer.status_code == 400 and problems == [("amount", "below_minimum")]

    assert refused()


@pytest.mark.parametrize("symbol", ["ETH", "USDC"])
def test_a_refund_reaches_the_payer(shop: Shop, paid: dict[str, Any], symbol: str) -> None:
    """To the address that the request names; more than what came is refused with what is left."""
    payer = f"0x{'5e' * 20}"
    path = f"/api/v1/payments/{paid[symbol]['id']}/refunds"
    payout = asked(shop, path, address=payer, amount=str(AMOUNTS[symbol]))
    done(shop, path, payout)
    assert shop.balance(payer, symbol) == AMOUNTS[symbol]
    more = shop.http.post(path, json={"address": payer, "amount": str(AMOUNTS[symbol] + 1)})
    assert (more.status_code, more.json()["code"]) == (409, "insufficient_balance")
    assert int(more.json()["available"]) <= AMOUNTS[symbol]


def test_operators_see_what_is_not_over(shop: Shop, paid: dict[str, Any]) -> None:
    """What was asked for here is listed until its end; a payout that is none is not found."""
    admin = Admin(shop.gateway.about)
    listed = admin.http.get("/payouts")
    assert listed.status_code == 200, listed.text
    assert {each["status"] for each in listed.json()["data"]} <= {"approved", "sending", "completed"}
    unknown = admin.http.post("/payouts/mer_none/stl_0/approve", json={})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "payout_not_found")
    admin.http.close()
