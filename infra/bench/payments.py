"""What a merchant waits for: detection, confirmation, settlement; and what that costs at the node."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from infra.bench.figure import Figure, percentile
from infra.bench.proxy import CountingProxy
from infra.commands.pay import PAYER, pay
from infra.stack import wallet
from infra.stack.handle import Gateway
from infra.stack.receiver import Receiver
from infra.tools.errors import Failed

PAYMENTS = 10
APART_SECONDS = 0.37  # no multiple of a block, so that the payments meet the scanner in different phases
WAIT_SECONDS = 60
QUIET_SECONDS = 12
GOALS = {"detected": 3.0, "confirmed": 6.0, "settled": 25.0}
CALLS_GOAL = 4.0


def waiting(gateway: Gateway, proxy: CountingProxy) -> Iterator[Figure]:
    """Count the calls of passes that find nothing, while payments are open."""
    for amount in range(1, PAYMENTS + 1):
        gateway.create(chain="anvil", amount=amount)
    time.sleep(2)  # measured is a rhythm, which has to come to rest
    proxy.reset()
    time.sleep(QUIET_SECONDS)
    passes = max(proxy.passes, 1)
    told = ", ".join(f"{method} {count / passes:.1f}" for method, count in proxy.calls.most_common())
    yield Figure(
        f"RPC calls a pass, {PAYMENTS} open payments", sum(proxy.calls.values()) / passes, "calls", CALLS_GOAL, told
    )
    yield Figure("passes of the scanner", proxy.passes / QUIET_SECONDS, "a s", detail=f"{proxy.passes} passes")


def lives(gateway: Gateway, proxy: CountingProxy) -> Iterator[Figure]:
    """Pay by turns in the coin and in a token, and time each webhook from the moment the payment was sent."""
    wallet.funded(PAYER)  # what signs takes seconds to load
    sent: dict[str, float] = {}
    with Receiver(gateway.about["merchant"]["webhook_secret"]) as receiver:
        payments = [_ask(gateway, number, receiver.url) for number in range(PAYMENTS)]
        proxy.reset()
        for payment in payments:
            sent[payment["id"]] = time.monotonic()
            pay(gateway, payment)
            time.sleep(APART_SECONDS)
        for payment in payments:
            if not receiver.wait_for(payment["id"], "payment.settled", WAIT_SECONDS):
                raise Failed(f"a payment is {gateway.read(payment['id'])['status']} after {WAIT_SECONDS} s")
        calls, passes = sum(proxy.calls.values()), max(proxy.passes, 1)
        heard = {attempt.event_id: attempt.at for attempt in receiver.attempts}
        events = list(receiver.events)
    for name, goal in GOALS.items():
        took = [heard[e["id"]] - sent[e["payment_id"]] for e in events if e["type"] == f"payment.{name}"]
        yield Figure(f"payment sent to {name}, p50", percentile(took, 0.5), "s")
        yield Figure(f"payment sent to {name}, p95", percentile(took, 0.95), "s", goal, f"{len(took)} payments")
    yield Figure("RPC calls a payment, created to settled", calls / PAYMENTS, "calls", detail=f"{passes} passes")


def _ask(gateway: Gateway, number: int, url: str) -> dict[str, Any]:
    wanted: dict[str, Any] = {"amount": 10**15} if number % 2 else {"amount": 1_000_000, "asset": "USDC"}
    return gateway.create(chain="anvil", webhook_url=url, **wanted)
