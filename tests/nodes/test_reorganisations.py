"""geth loses blocks: what a reorganisation drops, what it brings back, what it replaces, and what is final."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account

from ctrip.domain.payments.payment import Flag, Payment, Status
from ctrip.domain.sweeping.sweep import TransactionState
from infra.stack import wallet
from tests.detection.node_world import LIFE, PAID, PAYER, NodeWorld
from tests.detection.test_reorganisations import ASSETS, CONFIRMATIONS, assert_settled, begin, paid
from tests.evm_support import NETWORK, Node, Proxy, eventually
from tests.nodes.geth_node import DrivenGeth, GethNode

REORGED = "payment.reorged"


@pytest.fixture(params=ASSETS)
def asset(request: pytest.FixtureRequest) -> str:
    """The coin, and a token."""
    return str(request.param)


@pytest.fixture
def on_driven(driven: DrivenGeth) -> NodeWorld:
    """A gateway on the geth that our consensus client drives."""
    return NodeWorld(driven)


def assert_undone(world: NodeWorld, payment: Payment, events: list[str]) -> None:
    """Nothing arrived, nothing is credited, and the merchant knows."""
    after = world.payment(payment.id)
    assert (after.status, after.seen.amount_received, after.seen.transfers) == (Status.PENDING, 0, ())
    assert (world.types(payment), world.credited(payment)) == (events, 0)


def detected(world: NodeWorld, asset: str) -> tuple[Payment, str]:
    """Have a payment that is in the newest block."""
    payment = begin(world, asset)
    sent = world.pay(payment)
    world.look()
    assert world.payment(payment.id).status is Status.DETECTED
    return payment, sent


def rival(node: Node, tx_hash: str, **changes: Any) -> str:
    """Sign another transaction of the same sender and nonce, which goes back to the sender; return its bytes."""
    sender = wallet.funded(PAYER)
    nonce = int(node.rpc("eth_getTransactionByHash", tx_hash)["nonce"], 16)
    fields = {"chainId": 31337, "nonce": nonce, "to": sender.address, "value": 0, "gas": 100_000}
    fields |= {"maxFeePerGas": 10**11, "maxPriorityFeePerGas": 2 * 10**9} | changes
    return "0x" + Account.sign_transaction(fields, sender.key).raw_transaction.hex().removeprefix("0x")


# --- dropped


@pytest.mark.parametrize("depth", [1, 3, 6])
def test_a_detected_payment_whose_transaction_is_dropped_is_undone(
    world: NodeWorld, geth: GethNode, asset: str, depth: int
) -> None:
    """Back to pending with an event and no alarm; paid again, it goes all the way."""
    payment, _ = detected(world, asset)
    geth.lose(depth)
    world.tick()
    world.look()
    assert_undone(world, payment, [*PAID[:2], REORGED])
    assert world.log.alarms() == []
    world.pay(payment)
    world.look()
    assert_settled(world, payment, [*PAID[:2], REORGED, *LIFE[1:]])


@pytest.mark.parametrize("depth", [2, 3, 6])
def test_a_paid_payment_stands_within_the_confirmations_and_is_reversed_beyond(
    world: NodeWorld, geth: GethNode, asset: str, depth: int
) -> None:
    """Less deep than the confirmations nothing moves; deeper it is reversed, and the chain waits for a person."""
    payment = paid(world, asset)
    geth.lose(depth)
    world.tick()
    world.look()
    gate = world.stores.access.gates(["anvil"])["anvil"]
    if depth < CONFIRMATIONS:
        assert (world.payment(payment.id).status, world.types(payment)) == (Status.PAID, PAID)
        assert (world.credited(payment), gate.paused, world.log.alarms()) == (payment.due.amount, False, [])
        assert_settled(world, payment, LIFE)
        return
    assert_undone(world, payment, [*PAID, REORGED])
    assert (gate.paused, world.log.alarms()) == (True, ["deep_reorg"])
    world.stores.access.pause("anvil", False)
    world.pay(payment)
    world.look()
    assert_settled(world, payment, [*PAID, REORGED, *LIFE[1:]])


def test_a_deposit_that_is_taken_away_with_its_sweep_is_reversed(world: NodeWorld, geth: GethNode, asset: str) -> None:
    """Neither the treasury nor the merchant keeps what the chain took back."""
    payment = paid(world, asset)
    for _ in range(40):
        if world.payment(payment.id).status is Status.SETTLED:
            break
        world.settle(1)
    assert world.payment(payment.id).status is Status.SETTLED
    first = world.payment(payment.id).seen.transfers[0].block_number
    geth.lose(geth.height() - first + 1)
    world.tick()
    for _ in range(3):
        world.look()
    assert (world.types(payment)[-1], world.credited(payment)) == (REORGED, 0)
    assert world.books(payment.due.token_address) == world.swept(payment.due.token_address) == 0
    assert "deep_reorg" in world.log.alarms()


# --- brought back


def test_a_transaction_that_is_mined_again_in_another_block_is_counted_anew(
    world: NodeWorld, geth: GethNode, asset: str
) -> None:
    """The first of the new blocks holds it: no event, one transfer, and its confirmations begin there."""
    payment, sent = detected(world, asset)
    world.step()
    geth.lose(4, geth.raw(sent))
    world.tick()
    height = geth.block_of(sent)
    assert height == geth.height() - 4
    world.look()
    after = world.payment(payment.id)
    assert [(each.tx_hash, each.block_number) for each in after.seen.transfers] == [(sent, height)]
    assert world.types(payment)[:2] == PAID[:2]
    assert REORGED not in world.types(payment)
    assert_settled(world, payment, LIFE)


@pytest.mark.parametrize("depth", [1, 3, 6])
def test_a_transaction_that_returns_to_the_pool_is_detected_again(
    on_driven: NodeWorld, driven: DrivenGeth, asset: str, depth: int
) -> None:
    """The new blocks are empty and geth holds it as pending, which is nothing; then a later block takes it."""
    payment, sent = detected(on_driven, asset)
    on_driven.step(depth - 1)
    driven.reorganise(depth, *([[]] * (depth + 1)))
    assert driven.block_of(sent) is None
    eventually(lambda: driven.waits(sent))
    before = on_driven.types(payment)
    on_driven.tick()
    on_driven.look()
    assert_undone(on_driven, payment, [*before, REORGED])
    on_driven.step()
    after = on_driven.payment(payment.id)
    assert [(each.tx_hash, each.block_number) for each in after.seen.transfers] == [(sent, driven.height())]
    if depth < CONFIRMATIONS:
        assert_settled(on_driven, payment, [*before, REORGED, *LIFE[1:]])


def test_a_sweep_that_a_reorganisation_takes_out_is_mined_by_itself(
    on_driven: NodeWorld, driven: DrivenGeth, asset: str
) -> None:
    """It returns to the pool and a later block takes the same bytes: nobody sends another, no event comes twice."""
    payment = paid(on_driven, asset)
    on_driven.mine(8)
    while not on_driven.sweeps(payment.id):
        on_driven.settle(1)
    (before,) = on_driven.stores.money.transactions_of("anvil", payment.due.address)
    assert before.block_number is not None
    depth = driven.height() - before.block_number + 1
    driven.reorganise(depth, *([[]] * (depth + 1)))
    on_driven.tick()
    on_driven.look()
    assert on_driven.credited(payment) == payment.due.amount
    assert_settled(on_driven, payment, LIFE)
    (after,) = on_driven.stores.money.transactions_of("anvil", payment.due.address)
    assert (after.tx_hash, after.state) == (before.tx_hash, TransactionState.FINAL)
    assert on_driven.log.alarms() == []


# --- replaced: double spends


@pytest.mark.parametrize("confirmations", [1, CONFIRMATIONS - 1])
def test_a_double_spend_before_the_credit_credits_nothing(
    on_driven: NodeWorld, driven: DrivenGeth, asset: str, confirmations: int
) -> None:
    """The payer's other transaction of that nonce is mined in its place: undone, and nothing comes back by itself."""
    payment, sent = detected(on_driven, asset)
    on_driven.step(confirmations - 1)
    raw = driven.raw(sent)
    driven.reorganise(confirmations, [rival(driven, sent)], *([[]] * confirmations))
    on_driven.tick()
    on_driven.look()
    assert_undone(on_driven, payment, [*PAID[:2], REORGED])
    with pytest.raises(RuntimeError, match="nonce too low"):
        driven.rpc("eth_sendRawTransaction", raw)
    for _ in range(2 * CONFIRMATIONS):
        on_driven.step()
    assert driven.block_of(sent) is None
    assert_undone(on_driven, payment, [*PAID[:2], REORGED])
    assert (on_driven.log.alarms(), on_driven.run.failed) == ([], 0)


def test_a_double_spend_after_the_credit_is_reversed_and_pauses_the_chain(
    on_driven: NodeWorld, driven: DrivenGeth, asset: str
) -> None:
    """As deep as the confirmations: the merchant's credit is taken back, and a person is called."""
    payment = paid(on_driven, asset)
    (transfer,) = on_driven.payment(payment.id).seen.transfers
    assert transfer.tx_hash is not None
    other = rival(driven, transfer.tx_hash)
    driven.reorganise(CONFIRMATIONS, [other], *([[]] * CONFIRMATIONS))
    on_driven.tick()
    on_driven.look()
    assert_undone(on_driven, payment, [*PAID, REORGED])
    assert on_driven.log.alarms() == ["deep_reorg"]
    assert on_driven.stores.access.gates(["anvil"])["anvil"].paused


def test_a_transaction_that_is_replaced_by_one_that_pays_less_credits_what_arrived(
    on_driven: NodeWorld, driven: DrivenGeth, asset: str
) -> None:
    """The same nonce, half of the amount: the payment is short by the other half, under the other hash."""
    payment, sent = detected(on_driven, asset)
    half = payment.due.amount // 2
    data = f"0xa9059cbb{payment.due.address[2:].lower():0>64}{half:064x}"
    changes = (
        {"to": payment.due.token_address, "data": data} if payment.due.token_address else {"to": payment.due.address}
    )
    other = rival(driven, sent, **changes, value=0 if payment.due.token_address else half)
    driven.reorganise(1, [other], [])
    on_driven.tick()
    for _ in range(2 * CONFIRMATIONS):
        on_driven.step()
    after = on_driven.payment(payment.id)
    assert (after.status, after.seen.amount_received) == (Status.DETECTED, half)
    assert after.flags == {Flag.UNDERPAID, Flag.REORGED}
    assert [(each.tx_hash == sent, each.amount) for each in after.seen.transfers] == [(False, half)]
    assert on_driven.credited(payment) == 0


def test_a_transaction_that_is_replaced_while_it_waits_is_never_seen(
    on_driven: NodeWorld, driven: DrivenGeth, asset: str
) -> None:
    """What only waits in the pool is no payment, so nothing has to be taken back when the payer outbids himself."""
    payment = begin(on_driven, asset)
    driven.automining = False
    sent = on_driven.pay(payment)
    on_driven.look()
    assert_undone(on_driven, payment, ["payment.created"])
    driven.rpc("eth_sendRawTransaction", rival(driven, sent))
    eventually(lambda: not driven.waits(sent))
    for _ in range(2 * CONFIRMATIONS):
        on_driven.step()
    assert_undone(on_driven, payment, ["payment.created"])


# --- final by the chain's own word


@pytest.mark.parametrize("tag", ["safe", "finalized"])
def test_a_chain_with_a_tag_of_finality_credits_no_sooner(driven: DrivenGeth, asset: str, tag: str) -> None:
    """More than the confirmations pass, and nothing is confirmed until geth's own tag reaches the payment's block."""
    lag = {"safe": driven.consensus.safe_lag, "finalized": driven.consensus.finalized_lag}[tag]
    world = NodeWorld(driven, network=replace(NETWORK, finality=tag))
    payment, sent = detected(world, asset)
    height = driven.block_of(sent)
    assert height is not None
    assert lag >= CONFIRMATIONS
    for _ in range(lag - 1):
        world.step()
        assert (world.payment(payment.id).status, world.credited(payment)) == (Status.DETECTED, 0)
    world.step()
    assert driven.height() == height + lag
    assert (world.payment(payment.id).status, world.types(payment)) == (Status.PAID, PAID)
    assert_settled(world, payment, LIFE)
    (transaction,) = world.stores.money.transactions_of("anvil", payment.due.address)
    assert transaction.block_number is not None
    assert transaction.block_number <= int(driven.rpc("eth_getBlockByNumber", tag, False)["number"], 16)


@pytest.mark.parametrize("tag", ["safe", "finalized"])
def test_a_reorganisation_that_is_deeper_than_the_confirmations_and_not_than_finality_reverses_nothing(
    driven: DrivenGeth, asset: str, tag: str
) -> None:
    """What the tag had not reached was never credited, so that nobody loses by it and nothing is paused."""
    world = NodeWorld(driven, network=replace(NETWORK, finality=tag))
    payment, sent = detected(world, asset)
    world.step(CONFIRMATIONS - 1)
    depth = CONFIRMATIONS
    driven.reorganise(depth, [rival(driven, sent)], *([[]] * depth))
    world.tick()
    world.look()
    assert_undone(world, payment, [*PAID[:2], REORGED])
    assert world.log.alarms() == []


def test_a_reorganisation_deeper_than_what_was_finalized_is_reversed_and_alarmed(
    driven: DrivenGeth, asset: str
) -> None:
    """No chain should do it; if one does, the credit is reversed and a person is called."""
    world = NodeWorld(driven, network=replace(NETWORK, finality="finalized"))
    payment, sent = detected(world, asset)
    for _ in range(driven.consensus.finalized_lag):
        world.step()
    assert world.payment(payment.id).status is Status.PAID
    other = rival(driven, sent)
    depth = driven.consensus.finalized_lag + 1
    driven.forget(depth, [other], *([[]] * depth))
    world.tick()
    world.look()
    assert_undone(world, payment, [*PAID, REORGED])
    assert world.log.alarms() == ["deep_reorg"]


def test_developer_mode_finalizes_an_epoch_late(dev: GethNode) -> None:
    """`geth --dev` calls each 32nd block final: a chain that waits for it is paid then, and not before."""
    while dev.height() % 32 > 16:  # an epoch that ends too soon would be final before it is deep enough
        dev.mine()
    world = NodeWorld(dev, network=replace(NETWORK, finality="finalized"))
    payment, sent = detected(world, "coin")
    height = dev.block_of(sent)
    assert height is not None
    while _finalized(dev) < height:
        assert world.payment(payment.id).status is Status.DETECTED
        world.step()
    assert dev.height() - height > CONFIRMATIONS
    assert world.payment(payment.id).status is Status.PAID


def _finalized(node: Node) -> int:
    return int(node.rpc("eth_getBlockByNumber", "finalized", False)["number"], 16)


# --- in the middle of a pass


@pytest.mark.parametrize("call", range(1, 9))
def test_a_reorganisation_in_the_middle_of_a_pass_credits_nothing_of_a_dead_block(
    driven: DrivenGeth, proxied: Callable[[str], Proxy], asset: str, call: int
) -> None:
    """Whichever question of the pass finds the payment's block replaced: geth keeps dead blocks, and none counts."""
    proxy = proxied(driven.url)
    world = NodeWorld(driven, proxy.url)
    payment = begin(world, asset)
    sent, height = world.pay(payment), driven.height()
    asked = itertools.count(1)

    def reorganise(_: Any) -> None:
        if next(asked) == call:
            depth = driven.height() - height + 1
            driven.reorganise(depth, [rival(driven, sent)], *([[]] * depth))

    proxy.rule = reorganise
    for _ in range(2 * CONFIRMATIONS):
        world.look()
        world.mine()
        world.tick()
    assert next(asked) > call, "a pass asks more than that"
    assert driven.block_of(sent) is None
    after = world.payment(payment.id)
    assert (after.status, after.seen.amount_received, world.credited(payment)) == (Status.PENDING, 0, 0)
    assert world.types(payment) in (["payment.created"], [*PAID[:2], REORGED])
    assert world.log.alarms() == []
