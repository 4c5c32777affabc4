"""One LocalStack for the session, with the packaged application on it and a shop that sells through it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from infra.stack.receiver import Receiver
from tests.e2e.shop import Shop
from tests.localstack import log
from tests.localstack.cloud import RECORD, STATE, Cloud, deployed, started


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what went through which service."""
    terminalreporter.section("what went through which service")
    for line in log.report(log.records(RECORD), log.calls(STATE / "logs" / "aws.log")):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """Start LocalStack and Anvil, both empty, and package the application."""
    with started(lambda line: print(line, flush=True)) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def shop(cloud: Cloud) -> Iterator[Shop]:
    """Deploy both stacks; a shop with a receiver that verifies every webhook; in the end none may have been refused."""
    gateway = deployed(cloud)
    with Receiver(gateway.about["merchant"]["webhook_secret"]) as receiver:
        yield Shop(gateway, receiver)
        assert receiver.refused == []
    gateway.http.close()


@pytest.fixture(scope="session")
def begun(shop: Shop) -> dict[str, dict[str, Any]]:
    """Payments that are under way from the beginning, since each takes its seconds to settle."""
    before = {symbol: shop.treasury(symbol) for symbol in ("ETH", "USDC")}
    payments = {
        "ETH": shop.ask(amount=3 * 10**16 + 7, order_id="coin"),
        "USDC": shop.ask(amount=12_345_678, asset="USDC"),
        # Paid later, when the scanner that the first creation started has ended.
        "later": shop.ask(amount=10**15),
    }
    for symbol, had in before.items():
        shop.pay(payments[symbol])
        payments[symbol]["treasury_before"] = had
    return payments
