"""One gateway for the session, as `make up` runs it, and a shop that uses it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.emulator import record
from infra.stack import tokens
from infra.stack.receiver import Receiver
from infra.tools.awsenv import aws_env
from infra.tools.process import ROOT
from tests.e2e.behind import Tables
from tests.e2e.shop import Shop
from tests.e2e.stack import Up, make_up

SYMBOLS = ("ETH", "USDC", "USDT", "DAI")


RECORD = ROOT / ".local-e2e" / "calls.jsonl"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What time alone ends, the books, the logs and the policies come last: they judge what the other tests did."""
    last = ("test_unchosen.py", "test_reconciling.py", "test_canaries.py", "test_policies.py")
    items.sort(key=lambda item: last.index(item.path.name) if item.path.name in last else -1)


# Limits that only the test of large sweeps comes near: of each the rows are read and written.
_ROOMY = {"per_day": str(10**30), "quiet_gas": str(10**15)}
LARGE = 5_000 * 10**18
SWEEPS = {"anvil": {"ETH": _ROOMY, "USDC": _ROOMY, "DAI": _ROOMY | {"approval_above": str(LARGE)}}}


@pytest.fixture(scope="session")
def up() -> Iterator[Up]:
    """The gateway's process, which records what its functions ask of AWS."""
    RECORD.unlink(missing_ok=True)
    with make_up(".local-e2e", **{record.VARIABLE: str(RECORD), "CTRIP_SWEEPS": json.dumps(SWEEPS)}) as started:
        yield started


@pytest.fixture(scope="session")
def shop(up: Up) -> Iterator[Shop]:
    """A shop with a receiver that verifies every webhook; in the end none may have been refused."""
    gateway = up.gateway()
    with Receiver(gateway.about["merchant"]["webhook_secret"]) as receiver:
        yield Shop(gateway, receiver)
        assert receiver.refused == []
    gateway.http.close()


@pytest.fixture(scope="session")
def before(shop: Shop) -> dict[str, int]:
    """What the treasury had before anything was paid."""
    return {symbol: shop.treasury(symbol) for symbol in SYMBOLS}


@pytest.fixture(scope="session")
def unsteady(shop: Shop) -> Iterator[Receiver]:
    """A receiver that fails at first."""
    with Receiver(shop.gateway.about["merchant"]["webhook_secret"], answers=[500]) as receiver:
        yield receiver
        assert receiver.refused == []


@pytest.fixture(scope="session", autouse=True)
def begun(shop: Shop, before: dict[str, int], unsteady: Receiver) -> dict[str, dict[str, Any]]:
    """Payments that are under way from the first test on, since each takes its seconds to settle."""
    payments = {
        "coin": shop.ask(amount=3 * 10**16 + 7, order_id="begun-coin"),
        "USDC": shop.ask(amount=12_345_678, asset="USDC"),
        "USDT": shop.ask(amount_decimal="250.5", asset="USDT"),
        "DAI": shop.ask(amount=10**18 + 1, token_id=shop.chain["tokens"]["DAI"]["id"]),
        "overpaid": shop.ask(amount=5_000_000, asset="USDC"),
        "parts": shop.ask(amount=9_000_000, asset="USDC"),
        "FEE": shop.ask(amount=100 * 10**18, asset="FEE"),
        "wrong": shop.ask(amount=10**15),
        "internal": shop.ask(amount=10**16),
        "unsteady": shop.ask(amount=10**15, webhook_url=unsteady.url),
    }
    forwarder = shop.deploy("Forwarder")
    amounts = {"overpaid": 5_000_005, "parts": 4_000_000}
    usdc = shop.chain["tokens"]["USDC"]["address"]
    for name, payment in payments.items():
        if name == "wrong":
            tokens.pay(shop.chain["rpc_url"], 1, payment["address"], 777, usdc)
        elif name == "internal":
            shop.call(forwarder, "forward(address)", payment["address"], payment["amount"])
        else:
            shop.pay(payment, amounts.get(name))
    wanted = {"price": {"currency": "USD", "amount": "5.00"}, "expires_in": 60, "webhook_url": shop.receiver.url}
    payments["unchosen"] = shop.gateway.http.post("/api/v1/payments", json=wanted).json()
    return payments


@pytest.fixture
def behind(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Tables:
    """Open the tables."""
    for name, value in aws_env(shop.gateway.about["aws_endpoint_url"]).items():
        monkeypatch.setenv(name, value)
    return Tables()
