"""Nodes that fail in every way that nodes fail: nothing is lost or made up, nobody is told of a reorganisation."""

from collections.abc import Callable, Iterator

import pytest

from ctrip.domain.payments.payment import Payment, Status
from tests.detection import faults
from tests.detection.faults import FAULT_SECONDS, Fault
from tests.detection.node_world import COIN, LIFE, PAID, TOKEN, NodeWorld
from tests.evm_support import Anvil, Proxy

Make = Callable[..., NodeWorld]
# After these the endpoint has failed, and its breaker counts.
FAILURES: dict[str, Fault] = {
    "429": faults.too_many_requests,
    "rate limit": faults.rate_limited,
    "late": faults.late,
    "truncated": faults.truncated,
    "garbage": faults.garbage,
    "wrong shape": faults.wrong_shape,
}
# These are answers like any other, only that they are not the chain's.
LIES: dict[str, Fault] = {
    "unknown hash": faults.unknown_hash,
    "emptied logs": faults.no_logs,
    "no receipts": faults.no_receipts,
    "behind": faults.behind,
}


@pytest.fixture(autouse=True)
def punctual() -> Iterator[None]:
    """Let no late answer outlive its test."""
    faults.LATE.clear()
    yield
    faults.LATE.set()


def until(world: NodeWorld, status: Status, payments: list[Payment], rounds: int = 60) -> None:
    """Mine, scan and sweep until the payments have got there."""
    for _ in range(rounds):
        if all(world.payment(payment.id).status is status for payment in payments):
            return
        world.settle(1)
    found = [(world.payment(each.id).status.value, world.types(each)) for each in payments]
    raise AssertionError(f"not {status} after {rounds} rounds: {found}; {world.log.lines[-8:]}")


def rest(world: NodeWorld) -> None:
    """Let two minutes pass, so that every breaker has closed."""
    world.anvil.rpc("evm_increaseTime", 120)
    world.mine()


def assert_told(world: NodeWorld, payments: list[Payment], events: list[str]) -> None:
    """Credited exactly, each event once and no other, nobody alarmed but for the node's age."""
    for payment in payments:
        after = world.payment(payment.id)
        told = [each for each in world.types(payment) if each != "payment.explained"]  # a hash may be found later
        assert (told, after.flags) == (events, frozenset())
        assert (world.credited(payment), after.seen.amount_received) == (payment.due.amount, payment.due.amount)
    assert set(world.log.alarms()) <= {"stale_head"}


def assert_swept(world: NodeWorld, coin: Payment, token: Payment) -> None:
    """Everything is at the treasury, in one transaction each, and the books say the same."""
    for payment in (coin, token):
        transactions = world.stores.money.transactions_of("anvil", payment.due.address)
        assert [(each.kind.value, each.state.value) for each in transactions] == [("sweep", "final")]
        assert world.held(payment.due.address, payment.due.token_address) == 0
        assert world.books(payment.due.token_address) == world.swept(payment.due.token_address)
    assert world.swept(token.due.token_address) == TOKEN
    assert world.swept(None) == COIN - world.stores.money.transactions_of("anvil", coin.due.address)[0].fee


def due(world: NodeWorld) -> list[Payment]:
    """Ask for a coin and a token payment."""
    return [world.create(COIN), world.create(TOKEN, asset="USDC")]


@pytest.mark.parametrize("fault", [*FAILURES, "drop", *LIES])
def test_one_endpoint_that_fails_for_a_while_loses_nothing(
    anvil: Anvil, proxy: Proxy, gateway: Make, fault: str
) -> None:
    """Paid while the only node is out of its mind: nothing or the truth happens, and all is paid in the end."""
    world = gateway(proxy.url, seconds=FAULT_SECONDS)
    payments = due(world)
    world.step()
    for payment in payments:
        world.pay(payment)
    proxy.rule, proxy.drop = ({**FAILURES, **LIES})[fault](proxy, anvil) if fault != "drop" else None, fault == "drop"
    for _ in range(4):
        world.step()
        assert {*world.types(payments[0]), *world.types(payments[1])} <= {*PAID, "payment.explained"}
        if fault in (*FAILURES, "drop", "unknown hash"):
            assert [world.payment(each.id).status for each in payments] == [Status.PENDING] * 2
    proxy.rule, proxy.drop = None, False
    rest(world)
    until(world, Status.PAID, payments)
    assert_told(world, payments, PAID)


@pytest.mark.parametrize("fault", [*FAILURES, "drop", "unknown hash", "stuck"])
def test_the_next_endpoint_is_used_and_the_money_goes_all_the_way(
    anvil: Anvil, proxy: Proxy, second: Proxy, gateway: Make, fault: str
) -> None:
    """With the first of two endpoints broken for good both payments settle; what fails or stands still rests."""
    world = gateway(proxy.url, second.url, seconds=FAULT_SECONDS)
    coin, token = payments = due(world)
    world.step()
    if fault == "stuck":
        proxy.rule = faults.behind(proxy, anvil, stuck_at=int(anvil.rpc("eth_blockNumber"), 16))
    elif fault == "drop":
        proxy.drop = True
    else:
        proxy.rule = ({**FAILURES, **LIES})[fault](proxy, anvil)
    for payment in payments:
        world.pay(payment)
    second.seen.clear()
    rests = set[str]()
    for _ in range(100):
        world.settle(1)
        rests.add(world.chain.endpoints()[0][1])
        if all(world.payment(each.id).status is Status.SETTLED for each in payments):
            break
    assert second.seen, "the second endpoint was never asked"
    assert ("resting" in rests) == (fault in (*FAILURES, "drop", "stuck"))
    assert_told(world, payments, LIFE)
    assert_swept(world, coin, token)


@pytest.mark.parametrize("fault", [*(name for name in FAILURES if name != "late"), *LIES])
def test_an_address_behind_which_one_node_of_several_is_bad(
    anvil: Anvil, proxy: Proxy, gateway: Make, fault: str
) -> None:
    """A quarter of the answers is bad, all the way to the treasury: no step is lost, doubled or taken back."""
    world = gateway(proxy.url)
    coin, token = payments = due(world)
    world.step()
    proxy.rule = faults.sometimes(0.25, ({**FAILURES, **LIES})[fault](proxy, anvil))
    for payment in payments:
        world.pay(payment)
    until(world, Status.SETTLED, payments, 200)
    assert_told(world, payments, LIFE)
    assert_swept(world, coin, token)


@pytest.mark.parametrize("lag", [1, 2, 5])
def test_two_endpoints_whose_heads_alternate_take_nothing_back(
    anvil: Anvil, proxy: Proxy, second: Proxy, gateway: Make, lag: int
) -> None:
    """The first refuses a third of its requests, the second is behind: neither head nor money goes back."""
    world = gateway(proxy.url, second.url)
    coin, token = payments = due(world)
    world.step(lag)
    proxy.rule = faults.sometimes(0.3, lambda _: 429)
    second.rule = faults.behind(second, anvil, lag)
    for payment in payments:
        world.pay(payment)
    until(world, Status.SETTLED, payments, 200)
    assert_told(world, payments, LIFE)
    assert_swept(world, coin, token)


@pytest.mark.parametrize("stage", [Status.DETECTED, Status.PAID, Status.SETTLED])
@pytest.mark.parametrize("looks", [1, 3])
def test_another_scanner_that_begins_on_a_node_behind_takes_nothing_back(
    anvil: Anvil, proxy: Proxy, gateway: Make, stage: Status, looks: int
) -> None:
    """A new process has no memory of newer heads but the stored one: an older node is waited for, not believed."""
    world = gateway(proxy.url)
    coin, token = payments = due(world)
    world.step(10)
    for payment in payments:
        world.pay(payment)
    world.look()
    until(world, stage, payments)
    told = [world.types(payment) for payment in payments]
    books = [world.books(payment.due.token_address) for payment in payments]
    proxy.rule = faults.behind(proxy, anvil, 8)
    world.renew()
    for _ in range(looks):
        world.step()
    assert [world.types(payment) for payment in payments] == told
    assert [world.books(payment.due.token_address) for payment in payments] == books
    proxy.rule = None
    until(world, Status.SETTLED, payments)
    for _ in range(6):
        world.settle(1)
    assert_told(world, payments, LIFE)
    assert_swept(world, coin, token)
