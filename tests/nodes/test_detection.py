"""What arrives on geth is seen, credited and explained as on Anvil: the coin, a contract's coin, each token."""

import pytest

from ctrip.domain.payments.payment import Flag, Payment, Status
from tests.detection.node_world import COIN, LIFE, PAID, TOKEN, NodeWorld
from tests.nodes.geth_node import GethNode

ASSETS = {
    "coin": {"amount": COIN},
    "USDC": {"amount": TOKEN, "asset": "USDC"},
    "USDT": {"amount": TOKEN, "asset": "USDT"},
    "DAI": {"amount": 10**18 + 1, "asset": "DAI"},
}


def assert_paid(world: NodeWorld, payment: Payment, amount: int, *transfers: tuple[str, int]) -> None:
    """After the confirmations: credited exactly `amount`, explained by exactly these transactions."""
    for _ in range(4):
        world.step()
    after = world.payment(payment.id)
    assert (after.status, after.seen.amount_received, world.credited(payment)) == (Status.PAID, amount, amount)
    assert [(each.tx_hash, each.amount) for each in after.seen.transfers] == list(transfers)
    assert world.types(payment) == PAID
    assert (world.log.alarms(), world.warnings(), world.run.failed) == ([], [], 0)


@pytest.mark.parametrize("asset", ASSETS)
def test_a_payment_goes_through_to_settled(world: NodeWorld, asset: str) -> None:
    """Detected at once, paid after the confirmations, swept, and every book agrees with the chain."""
    payment = world.create(**ASSETS[asset])
    world.step(5)
    sent = world.pay(payment)
    world.look()
    assert world.payment(payment.id).status is Status.DETECTED
    assert_paid(world, payment, payment.due.amount, (sent, payment.due.amount))
    for _ in range(40):
        if world.payment(payment.id).status is Status.SETTLED:
            break
        world.settle(1)
    assert (world.payment(payment.id).status, world.types(payment)) == (Status.SETTLED, LIFE)
    assert world.held(payment.due.address, payment.due.token_address) == 0
    assert world.books(payment.due.token_address) == world.swept(payment.due.token_address)
    assert (world.log.alarms(), world.run.failed) == ([], 0)


@pytest.mark.parametrize("method", ["forward", "forwardTwice", "destroyInto"])
def test_a_coin_out_of_a_contract_is_credited_and_explained(world: NodeWorld, geth: GethNode, method: str) -> None:
    """An internal call, two of them, a self-destruction: geth's traces tell which transaction it was."""
    payment = world.create(COIN)
    sent = world.call("Forwarder", geth.deploy("Forwarder"), method, payment.due.address, value=COIN)
    assert_paid(world, payment, COIN, (sent, COIN))


def test_a_batch_pays_each_of_its_members(world: NodeWorld, geth: GethNode) -> None:
    """One transaction to three payments: each its own amount."""
    payments = [world.create(COIN + number) for number in range(3)]
    amounts = [payment.due.amount for payment in payments]
    addresses = [payment.due.address for payment in payments]
    batch = world.call("Forwarder", geth.deploy("Forwarder"), "disperse", addresses, amounts, value=sum(amounts))
    for payment in payments:
        assert_paid(world, payment, payment.due.amount, (batch, payment.due.amount))


def test_a_token_that_keeps_a_fee_is_credited_with_what_arrived(world: NodeWorld) -> None:
    """One percent stays with the issuer: the payment is short by that much."""
    payment = world.create(100_000, asset="FEE")
    sent = world.pay(payment)
    for _ in range(4):
        world.step()
    after = world.payment(payment.id)
    assert (after.status, after.exception, after.seen.amount_received) == (Status.DETECTED, Flag.UNDERPAID, 99_000)
    assert [(each.tx_hash, each.amount) for each in after.seen.transfers] == [(sent, 99_000)]


def test_a_reverted_transaction_credits_nothing(world: NodeWorld, geth: GethNode) -> None:
    """The coin moves inside a call that reverts, or inside a frame that does: mined, and nothing arrived."""
    payment = world.create(COIN)
    forwarder = geth.deploy("Forwarder")
    for method in ("forwardAndRevert", "pretend"):
        world.call("Forwarder", forwarder, method, payment.due.address, value=COIN, gas=300_000)
    for _ in range(5):
        world.step()
    after = world.payment(payment.id)
    assert (after.status, after.seen.amount_received, after.seen.transfers) == (Status.PENDING, 0, ())
    assert (world.types(payment), world.log.alarms(), world.run.failed) == (["payment.created"], [], 0)


def test_a_payment_in_a_scanner_that_starts_late_is_found_and_explained(world: NodeWorld) -> None:
    """Many blocks pass before anybody looks; the payment's own block is among them."""
    payments = {asset: world.create(**wanted) for asset, wanted in ASSETS.items()}
    world.look()
    sent = {asset: world.pay(payment) for asset, payment in payments.items()}
    world.mine(60)
    for asset, payment in payments.items():
        assert_paid(world, payment, payment.due.amount, (sent[asset], payment.due.amount))
