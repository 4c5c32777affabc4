"""Custody `direct`, on a running gateway: deposits reach the merchant's own treasury, from which it refunds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ctrip_client import Client
from infra.stack import tokens, wallet
from tests.e2e.shop import WAIT, Shop
from tests.e2e.stack import eventually
from tests.e2e.test_people import Admin

OWN = 5  # of the accounts that Anvil funds: the merchant's treasury
PAYER = f"0x{'6b' * 20}"
AMOUNTS = {"ETH": 10**16 + 7, "USDC": 7_500_001}


@pytest.fixture(scope="module")
def admin(shop: Shop) -> Iterator[Admin]:
    made = Admin(shop.gateway.about)
    yield made
    made.http.close()


@pytest.fixture(scope="module")
def direct(shop: Shop, admin: Admin) -> Iterator[Client]:
    """A merchant whose treasury is one of Anvil's funded accounts."""
    merchant = admin.merchant(custody="direct")
    where = f"/merchants/{merchant['id']}/treasuries/anvil"
    put = admin.http.put(where, json={"address": wallet.funded(OWN).address})
    assert (put.status_code, admin.http.get(where).json()["address"]) == (200, wallet.funded(OWN).address), put.text
    key = admin.key(merchant["id"], "payments:read", "payments:write", "settlements")
    with Client(shop.gateway.about["api_url"], api_key=key["api_key"]) as client:
        yield client


def sent(shop: Shop, symbol: str, amount: int) -> str:
    """Send from the merchant's treasury to the payer, as its wallet would; return the hash once it is final."""
    token = None if symbol == "ETH" else shop.chain["tokens"][symbol]["address"]
    tx_hash = tokens.pay(shop.chain["rpc_url"], OWN, PAYER, amount, token)
    final = int(shop.receipt(tx_hash)["blockNumber"], 16) + shop.chain["confirmations"]
    eventually(lambda: int(shop.rpc("eth_blockNumber"), 16) >= final, WAIT, "the transfer's finality")
    return tx_hash


@pytest.mark.parametrize("symbol", ["ETH", "USDC"])
def test_money_reaches_the_merchants_own_treasury_and_is_refunded_from_there(
    shop: Shop, admin: Admin, direct: Client, symbol: str
) -> None:
    """The coin less what its own transfer cost, a token whole; afterwards nothing is owed, nor is for the refund."""
    treasury, ours = wallet.funded(OWN).address, shop.treasury(symbol)
    before = shop.balance(treasury, symbol)
    made = direct.payments.create(chain="anvil", asset=symbol, amount=AMOUNTS[symbol])
    token_id = shop.chain["tokens"][symbol]["id"] if symbol != "ETH" else None
    asked: dict[str, Any] = {"id": made.id, "address": made.address, "amount": made.amount, "chain": "anvil"}
    shop.pay(asked | {"token_id": token_id})
    eventually(lambda: direct.payments.get(made.id).status == "settled", 2 * WAIT, "settled")
    rose = shop.balance(treasury, symbol) - before
    assert 0 < rose <= AMOUNTS[symbol]
    assert symbol == "ETH" or rose == AMOUNTS[symbol]
    assert shop.balance(made.address, symbol) == 0
    assert symbol == "ETH" or shop.treasury(symbol) >= ours
    assert [each.available for each in direct.ledger.balances() if each.symbol == symbol] == [0]

    refund = direct.refunds.create(made.id, address=PAYER, amount=str(AMOUNTS[symbol]))
    assert (refund.status, refund.treasury) == ("awaiting_transfer", treasury)
    assert refund.id in [each.id for each in direct.refunds.every(status="awaiting_transfer")]
    assert refund.id in admin.http.get("/payouts.csv?status=awaiting_transfer").text
    direct.refunds.complete(refund.id, sent(shop, symbol, AMOUNTS[symbol]))
    eventually(lambda: direct.refunds.get(refund.id).status == "completed", 3 * WAIT, "completed")
    assert shop.balance(PAYER, symbol) == AMOUNTS[symbol]
    assert [each.payable for each in direct.ledger.balances() if each.symbol == symbol] == [0]
