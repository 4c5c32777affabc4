"""Ten thousand open payments on one chain, and as many closed ones: counted in requests, not in seconds."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from ctrip.domain.chains.chain import Arrivals
from ctrip.domain.payments.payment import Payment, Status, Tier
from tests.detection.node_world import COIN, TOKEN, NodeWorld
from tests.evm_support import address

OPEN = 10_000
MOST_REQUESTS = 20
PAID = {0: COIN, 1: TOKEN, 4_998: COIN, 5_001: TOKEN, OPEN - 2: COIN, OPEN - 1: TOKEN}


def fill(world: NodeWorld, many: int, tier: Tier = Tier.OPEN, start: int = 0) -> list[Payment]:
    """Put payments straight into the store, the coin and a token due by turns."""
    templates = world.create(COIN), world.create(TOKEN, asset="USDC")
    state = world.stores.payments._state
    for template in templates:
        del state.payments[template.id], state.addresses[template.due.address.lower()]
    made = []
    for number in range(start, start + many):
        name = f"00000000-0000-4000-9000-{number:012d}"
        payment = templates[number % 2].changed(id=name, address=address(number), tier=tier)
        if tier is Tier.CLOSED:
            payment = replace(payment, status=Status.SETTLED)
        state.payments[name], state.addresses[payment.due.address.lower()] = payment, name
        made.append(payment)
    return made


class Trusting:
    """Vouches for addresses that were made up: ten thousand need no derivation of their own."""

    def vouches(self, payment: Payment) -> bool:
        return bool(payment.due.address)


def quiet(world: NodeWorld) -> None:
    """Leave out the slower tiers, which come once a minute."""
    trusting: Any = Trusting()
    world.scanner = replace(world.scanner, other_ms=60_000, monitor_ms=60_000, voucher=trusting)
    world.run = world.new_run()
    world.run.others_at = world.run.watch.round_at = world.clock.at


def requests(world: NodeWorld) -> int:
    """Pass once; return how many JSON-RPC calls that took."""
    before = world.chain.calls.total()
    world.step()
    assert world.run.failed == 0
    return int(world.chain.calls.total() - before)


def test_ten_thousand_open_payments_take_twenty_requests_a_pass(world: NodeWorld) -> None:
    """The first pass that sees them all, a pass in which nothing happened, and one that finds six payments."""
    payments = fill(world, OPEN)
    quiet(world)
    assert requests(world) <= MOST_REQUESTS
    assert requests(world) <= MOST_REQUESTS
    for number in PAID:
        world.pay(payments[number])
    before = world.chain.calls.copy()
    world.step()
    spent = world.chain.calls - before
    deciding = spent["eth_call"] + spent["eth_chainId"] + 1
    assert deciding <= MOST_REQUESTS, spent
    changed = {payment.id for payment in payments if world.payment(payment.id).status is not Status.PENDING}
    assert changed == {payments[number].id for number in PAID}
    world.step(3)
    assert {each: world.credited(payments[each]) for each in PAID} == PAID


# Anvil traces no further back than it holds contracts' code, so the farthest one is direct.
@pytest.mark.parametrize(
    ("method", "ago"),
    [(None, 0), (None, 16), (None, 240), ("forward", 15), ("forward", 16), ("destroyInto", 17), ("destroyInto", 0)],
)
def test_an_explanation_takes_six_requests(world: NodeWorld, method: str | None, ago: int) -> None:
    """However long ago within the range, direct or from inside a contract: few requests, and few calls in them."""
    payment = world.create(COIN)
    forwarder = world.anvil.deploy("Forwarder")
    world.mine(250)
    sent = world.call("Forwarder", forwarder, method, payment.due.address, value=COIN) if method else world.pay(payment)
    world.mine(ago)
    head = world.chain.head()
    requests_before, calls_before = world.chain.meter.requests, world.chain.calls.total()
    (found,) = world.chain.transfers([Arrivals(payment.due.address, None, head.number - 255)], head.number)
    assert [(each.tx_hash, each.amount) for each in found] == [(sent, COIN)]
    assert world.chain.meter.requests - requests_before <= 6
    assert world.chain.calls.total() - calls_before <= 40


class Counting:
    """Counts the calls of a store, and what they hand out."""

    def __init__(self, real: Any, calls: Counter[str], items: Counter[str]) -> None:
        self._real, self._calls, self._items = real, calls, items

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if not callable(found):
            return found

        def counted(*args: Any, **kwargs: Any) -> Any:
            answer = found(*args, **kwargs)
            self._calls[name] += 1
            self._items[name] += len(answer) if isinstance(answer, list) else 0
            return answer

        return counted


def spent(world: NodeWorld) -> tuple[Counter[str], Counter[str], int]:
    """Count the calls of the stores, the items they handed out, and the node's calls, over three passes."""
    calls, items = Counter[str](), Counter[str]()
    stores = {name: Counting(getattr(world.stores, name), calls, items) for name in ("payments", "money", "access")}
    world.scanner = world.new_scanner()
    quiet(world)
    made = world.scanner
    world.scanner = replace(
        made,
        **stores,
        strays=replace(made.strays, payments=stores["payments"], access=stores["access"]),
        follower=replace(made.follower, payments=stores["payments"], money=stores["money"]),
    )
    world.run = world.new_run()
    world.run.others_at = world.run.watch.round_at = world.clock.at
    before = world.chain.calls.total()
    for _ in range(3):
        world.step()
    assert world.run.failed == 0
    return calls, items, int(world.chain.calls.total() - before)


@pytest.mark.parametrize("closed", [100, 10_000])
def test_closed_payments_cost_a_pass_nothing(world: NodeWorld, closed: int) -> None:
    """With 50 open payments a pass reads and asks the same, however many were ever closed."""
    fill(world, 50)
    world.step()  # the chain and its tokens are checked once
    spent(world)  # what was raised a moment ago is read again by each pass
    alone = spent(world)
    fill(world, closed, Tier.CLOSED, start=50)
    assert spent(world) == alone
