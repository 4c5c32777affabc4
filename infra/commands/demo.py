"""`make demo`: a coin and a token payment on each chain that runs, through to settled, every webhook verified."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infra.tools.errors import Failed, Refused
from infra.tools.process import Interrupted, Interrupts

if TYPE_CHECKING:
    from infra.stack.handle import Gateway
    from infra.stack.receiver import Receiver

# The merchant is told of each by a webhook, but for `swept`, which the API shows.
LIFE = ("created", "detected", "confirmed", "paid", "swept", "settled")
SAD = frozenset({"payment.expired", "payment.failed", "payment.cancelled"})
WAIT_SECONDS = 90
LOOK_SECONDS = 0.25
# A coin and a token payment on each chain that runs.
WANTED: tuple[dict[str, Any], ...] = (
    {"chain": "anvil", "amount": 10**16},
    {"chain": "anvil", "amount": 12_500_000, "asset": "USDC"},
    {"chain": "tron", "amount": 12_500_000},
    {"chain": "tron", "amount": 25_000_000, "asset": "USDT"},
)
INTERRUPTED = 130


@dataclass(slots=True)
class Timeline:
    """Prints each step with the seconds since the start."""

    begun: float = field(default_factory=time.monotonic)

    def say(self, who: str, what: str, detail: str = "") -> None:
        """Print one step."""
        print(f"  {time.monotonic() - self.begun:6.1f} s  {who:<8} {what:<10} {detail}".rstrip(), flush=True)


@dataclass(slots=True)
class Story:
    """One payment's steps: those heard of, and those told, which are told in order."""

    payment: dict[str, Any]
    heard: dict[str, dict[str, Any]] = field(default_factory=dict)
    told: int = 0

    @property
    def next(self) -> str | None:
        """The step that is to be told next; None at the end."""
        return LIFE[self.told] if self.told < len(LIFE) else None


def main() -> int:
    """Run the demo and return the exit code."""
    interrupts = Interrupts()
    interrupts.install()
    timeline = Timeline()
    try:
        # Imported here: it takes a second or two, in which a Ctrl-C is to end as quietly as later.
        from infra.stack.receiver import Receiver

        with (
            _gateway(timeline, interrupts) as gateway,
            Receiver(gateway.about["merchant"]["webhook_secret"]) as receiver,
        ):
            run(gateway, receiver, timeline)
    except Refused as refusal:
        print(f"make demo: {refusal}", file=sys.stderr)
        return 2
    except Interrupted:
        print("\n  interrupted", file=sys.stderr)
        return INTERRUPTED
    except Failed as failure:
        print(f"make demo: {failure}", file=sys.stderr)
        return 1
    print("\n  Everything was seen: every payment settled, every webhook verified, the treasury up by what is right.\n")
    return 0


def run(gateway: Gateway, receiver: Receiver, timeline: Timeline) -> None:
    """Pay payments at the same time and follow all of them; raises `Failed` for a step that was not seen."""
    from infra.commands.pay import PAYER, pay
    from infra.stack import wallet

    wallet.funded(PAYER)  # what signs takes seconds to load, which are no part of a payment's life
    wanted = [each for each in WANTED if each["chain"] in gateway.about["chains"]]
    payments = [gateway.create(webhook_url=receiver.url, description="make demo", **each) for each in wanted]
    for payment in payments:
        timeline.say(payment["symbol"], "asked for", f"{payment['amount_decimal']} to {payment['address']}")
    for payment in payments:
        timeline.say(payment["symbol"], "sent", pay(gateway, payment))
    stories = {payment["id"]: Story(payment) for payment in payments}
    _follow(gateway, receiver, timeline, stories)
    if receiver.refused:
        raise Failed(f"{len(receiver.refused)} webhooks did not verify: {receiver.refused[0]}")
    timeline.say("webhooks", "verified", f"{len(receiver.events)} received, each verified by both of its signatures")
    for payment in payments:
        _check_treasury(gateway, timeline, gateway.read(payment["id"]))


def _follow(gateway: Gateway, receiver: Receiver, timeline: Timeline, stories: dict[str, Story]) -> None:
    until, seen = time.monotonic() + WAIT_SECONDS, 0
    while any(story.next for story in stories.values()):
        fresh = receiver.after(seen, LOOK_SECONDS)
        seen += len(fresh)
        for event in fresh:
            _hear(stories[event["payment_id"]], event, timeline)
        for story in stories.values():
            _tell(gateway, timeline, story)
        missing = next((story for story in stories.values() if story.next), None)
        if missing and time.monotonic() > until:
            status = gateway.read(missing.payment["id"])["status"]
            symbol = missing.payment["symbol"]
            raise Failed(f"{symbol}: {missing.next!r} was not seen within {WAIT_SECONDS} s; the payment is {status}")


def _hear(story: Story, event: dict[str, Any], timeline: Timeline) -> None:
    if event["type"] in SAD:
        raise Failed(f"{story.payment['symbol']}: {event['type']} came instead of a payment")
    name = event["type"].removeprefix("payment.")
    if name not in LIFE and name not in story.heard:
        timeline.say(story.payment["symbol"], name, "(not expected here)")
    story.heard.setdefault(name, event)


def _tell(gateway: Gateway, timeline: Timeline, story: Story) -> None:
    """Tell, in order, whatever is known by now: an event that overtook an earlier one waits for it."""
    while story.next:
        detail = _swept(gateway, story) if story.next == "swept" else _detail(story)
        if detail is None:
            return
        timeline.say(story.payment["symbol"], story.next, detail)
        story.told += 1


def _detail(story: Story) -> str | None:
    event = story.heard.get(story.next or "")
    if event is None:
        return None
    data = event["data"]
    words = {
        "created": f"payment {event['payment_id']}",
        "detected": f"{data['received_decimal']} in block {data['detected_in_block']}",
        "confirmed": f"{data['required_confirmations']} confirmations",
        "paid": "credited to the merchant: ship it",
        "settled": "the funds are where they belong",
    }
    return words[story.next or ""]


def _swept(gateway: Gateway, story: Story) -> str | None:
    shown = [s for s in gateway.read(story.payment["id"])["sweeps"] if s["status"] in ("mined", "final")]
    return f"{shown[-1]['amount_str']} base units in {shown[-1]['tx_hash']}" if shown else None


def _check_treasury(gateway: Gateway, timeline: Timeline, payment: dict[str, Any]) -> None:
    from infra.commands.demo_treasury import gained

    rose, cost = gained(gateway.chain(payment["chain"]), payment)
    less = f" ({payment['amount']} less {cost} of fees)" if cost else ""
    timeline.say("treasury", f"+{payment['symbol']}", f"{rose} base units{less}")


@contextlib.contextmanager
def _gateway(timeline: Timeline, interrupts: Interrupts) -> Iterator[Gateway]:
    """Use the gateway that runs here, else start one for the time of the demo."""
    from infra.stack.boot import running
    from infra.stack.handle import Gateway, find
    from infra.stack.settings import check, from_environment

    check()
    try:
        gateway = find()
    except Refused:
        gateway = None
    if gateway is not None:
        timeline.say("gateway", "running", f"at {gateway.about['api_url']}")
        yield gateway
        return
    with running(from_environment(), lambda line: timeline.say("gateway", "starts", line), interrupts) as stack:
        timeline.say("gateway", "ready", f"its own, at {stack.gateway['api_url']}")
        yield Gateway.of(stack.gateway)


if __name__ == "__main__":
    sys.exit(main())
