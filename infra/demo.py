"""`make demo`: a native coin and a token payment, on-chain, through to settled, every webhook verified."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from infra.local import tokens
from infra.local.boot import running
from infra.local.errors import Failed, Refused
from infra.local.handle import Gateway, find
from infra.local.process import Interrupted, Interrupts
from infra.local.receiver import Receiver
from infra.local.settings import from_environment
from infra.pay import pay

LIFE = ("created", "detected", "confirmed", "paid", "settled")
WAIT_SECONDS = 90
COIN_AMOUNT = 10**16
TOKEN = "USDC"  # noqa: S105 - a symbol
TOKEN_AMOUNT = 12_500_000


@dataclass(slots=True)
class Timeline:
    """Prints each step with the seconds since the start."""

    begun: float = field(default_factory=time.monotonic)

    def say(self, what: str, detail: str = "") -> None:
        """Print one step."""
        print(f"  {time.monotonic() - self.begun:6.1f} s  {what:<26} {detail}", flush=True)


def main() -> int:
    """Run the demo and return the exit code."""
    interrupts = Interrupts()
    interrupts.install()
    timeline = Timeline()
    try:
        with _gateway(timeline, interrupts) as gateway, Receiver(gateway.about["merchant"]["webhook_secret"]) as receiver:
            run(gateway, receiver, timeline)
    except Refused as refusal:
        print(f"make demo: {refusal}", file=sys.stderr)
        return 2
    except Interrupted:
        return 1
    except (Failed, AssertionError) as failure:
        print(f"make demo: {failure}", file=sys.stderr)
        return 1
    print("\n  Everything was seen: both payments settled, every webhook verified, the treasury up by the right amounts.\n")
    return 0


def run(gateway: Gateway, receiver: Receiver, timeline: Timeline) -> None:
    """Pay a coin and a token payment at the same time and follow both; raises `Failed` for a step that was not seen."""
    before = _treasury(gateway)
    coin = gateway.create(chain="anvil", amount=COIN_AMOUNT, webhook_url=receiver.url, description="Demo: coin")
    token = gateway.create(chain="anvil", amount=TOKEN_AMOUNT, asset=TOKEN, webhook_url=receiver.url, description="Demo: token")
    for payment in (coin, token):
        timeline.say(f"{payment['symbol']} created", f"{payment['amount_decimal']} to {payment['address']}")
    for payment in (coin, token):
        timeline.say(f"{payment['symbol']} sent", pay(gateway, payment))
    _follow(gateway, receiver, timeline, (coin, token))
    if receiver.refused:
        raise Failed(f"{len(receiver.refused)} webhooks did not verify: {receiver.refused[0]}")
    timeline.say("webhooks", f"{len(receiver.events)} received, each verified by both signatures")
    _check_treasury(gateway, timeline, before, (coin, token))


def _follow(gateway: Gateway, receiver: Receiver, timeline: Timeline, payments: tuple[dict[str, Any], ...]) -> None:
    for event in LIFE:
        for payment in payments:
            if not receiver.wait_for(payment["id"], f"payment.{event}", WAIT_SECONDS):
                now = gateway.read(payment["id"])
                raise Failed(f"{payment['symbol']}: no payment.{event} within {WAIT_SECONDS} s; it is {now['status']}")
    for payment in payments:
        seen = {event["type"]: event["timestamp"] for event in receiver.events if event["payment_id"] == payment["id"]}
        for event in LIFE[1:]:
            timeline.say(f"{payment['symbol']} {event}", f"at {seen[f'payment.{event}']}, webhook verified")
        final = gateway.read(payment["id"])
        if final["status"] != "settled" or not final["sweeps"]:
            raise Failed(f"{payment['symbol']} ends as {final['status']}")
        timeline.say(f"{payment['symbol']} swept", f"{final['sweeps'][-1]['amount_str']} in {final['sweeps'][-1]['tx_hash']}")


def _check_treasury(
    gateway: Gateway, timeline: Timeline, before: tuple[int, int], payments: tuple[dict[str, Any], ...]
) -> None:
    after = _treasury(gateway)
    rpc_url = gateway.chain()["rpc_url"]
    sweep = gateway.read(payments[0]["id"])["sweeps"][-1]
    receipt = tokens.rpc(rpc_url, "eth_getTransactionReceipt", sweep["tx_hash"])
    gas = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    coin, token = after[0] - before[0], after[1] - before[1]
    if coin != COIN_AMOUNT - gas:
        raise Failed(f"the treasury rose by {coin} wei, not by {COIN_AMOUNT} less {gas} of gas")
    if token != TOKEN_AMOUNT:
        raise Failed(f"the treasury rose by {token} base units of {TOKEN}, not by {TOKEN_AMOUNT}")
    timeline.say("treasury", f"+{coin} wei ({COIN_AMOUNT} less {gas} gas), +{token} base units of {TOKEN}")


def _treasury(gateway: Gateway) -> tuple[int, int]:
    chain = gateway.chain()
    address, token = chain["treasury"], chain["tokens"][TOKEN]["address"]
    coin = tokens.rpc(chain["rpc_url"], "eth_getBalance", address, "latest")
    call = {"to": token, "data": f"0x70a08231{address[2:].lower():0>64}"}
    return int(coin, 16), int(tokens.rpc(chain["rpc_url"], "eth_call", call, "latest"), 16)


@contextlib.contextmanager
def _gateway(timeline: Timeline, interrupts: Interrupts) -> Iterator[Gateway]:
    """Use the gateway that runs here; else start one, on free ports where the usual ones are taken."""
    try:
        gateway = find()
    except Refused:
        gateway = None
    if gateway is not None:
        timeline.say("gateway", f"the one that runs at {gateway.about['api_url']}")
        yield gateway
        return
    settings = from_environment()
    with running(settings, lambda line: timeline.say("start", line), interrupts) as stack:
        timeline.say("gateway", f"its own, at {stack.gateway['api_url']}")
        yield Gateway.of(stack.gateway)


if __name__ == "__main__":
    sys.exit(main())
