"""`anvil_reorg` at every depth around the confirmations: redone within, reversed, paused and alarmed beyond."""

from collections.abc import Callable, Iterator

import pytest

from ctrip.domain.payments.payment import Payment, Status, Tier
from ctrip.domain.sweeping.sweep import TransactionState
from tests.detection.node_world import COIN, LIFE, PAID, TOKEN, NodeWorld
from tests.evm_support import NETWORK, Anvil, running_anvil
from tests.support.ledger import entries_of
from tests.world import TREASURY, World

Make = Callable[..., NodeWorld]
DEPTHS = range(1, 7)
ASSETS = {"coin": {"amount": COIN}, "token": {"amount": TOKEN, "asset": "USDC"}}
CONFIRMATIONS = NETWORK.confirmations


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    """An Anvil for each test: its rollback loses contracts' code once snapshots were taken and reverted."""
    with running_anvil() as made:
        yield made


@pytest.fixture(params=ASSETS)
def asset(request: pytest.FixtureRequest) -> str:
    """The coin, and a token."""
    return str(request.param)


def begin(world: NodeWorld, asset: str) -> Payment:
    """Ask for a payment on a chain that has some history."""
    payment = world.create(**ASSETS[asset])
    world.step(10)
    return payment


def paid(world: NodeWorld, asset: str) -> Payment:
    """Have a payment that is paid, exactly as deep as the confirmations."""
    payment = begin(world, asset)
    world.pay(payment)
    world.look()
    world.step(CONFIRMATIONS - 1)
    assert world.payment(payment.id).status is Status.PAID
    return payment


def reorganise(world: NodeWorld, depth: int, *again: tuple[str, int]) -> None:
    """Replace the newest blocks; `again` are raw transactions and in which of the new blocks they are mined."""
    world.anvil.rpc("anvil_reorg", depth, [list(each) for each in again])
    world.tick()


def raw(anvil: Anvil, tx_hash: str) -> str:
    """Return a transaction's bytes."""
    return str(anvil.rpc("eth_getRawTransactionByHash", tx_hash))


def assert_settled(world: NodeWorld, payment: Payment, events: list[str]) -> None:
    """At the treasury, exactly once, and every book agrees with the chain."""
    for _ in range(60):
        if world.payment(payment.id).tier is Tier.MONITORED:
            break
        world.settle(1)
    after = world.payment(payment.id)
    told = [each for each in world.types(payment) if each != "payment.explained"]  # a hash may be found later
    assert (after.status, told) == (Status.SETTLED, events)
    assert world.credited(payment) == payment.due.amount == after.seen.amount_received
    assert world.books(payment.due.token_address) == world.swept(payment.due.token_address)
    (transaction,) = world.stores.money.transactions_of("anvil", payment.due.address)
    assert transaction.state is TransactionState.FINAL
    assert world.swept(payment.due.token_address) == payment.due.amount - (
        0 if payment.due.token_address else transaction.fee
    )


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_detected_payment_that_is_taken_away_is_undone_and_redone(world: NodeWorld, asset: str, depth: int) -> None:
    """Back to pending with an event at any depth, no ledger and no alarm; paid again, it goes all the way."""
    payment = begin(world, asset)
    world.pay(payment)
    world.look()
    assert world.payment(payment.id).status is Status.DETECTED
    reorganise(world, depth)
    world.look()
    after = world.payment(payment.id)
    assert (after.status, after.seen.amount_received, after.seen.transfers) == (Status.PENDING, 0, ())
    assert (world.types(payment)[2:], world.credited(payment), world.log.alarms()) == (["payment.reorged"], 0, [])
    assert not world.stores.access.gates(["anvil"])["anvil"].paused
    world.pay(payment)
    world.look()
    assert_settled(world, payment, [*LIFE[:2], "payment.reorged", *LIFE[1:]])


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_paid_payment_stands_within_the_confirmations_and_is_reversed_beyond(
    world: NodeWorld, asset: str, depth: int
) -> None:
    """Less deep than the confirmations nothing moves. From there on: reversed, paused, alarmed; repaid, all nets."""
    payment = paid(world, asset)
    reorganise(world, depth)
    world.look()
    gate = world.stores.access.gates(["anvil"])["anvil"]
    if depth < CONFIRMATIONS:
        assert (world.payment(payment.id).status, world.types(payment)) == (Status.PAID, PAID)
        assert (world.credited(payment), gate.paused, world.log.alarms()) == (payment.due.amount, False, [])
        assert_settled(world, payment, LIFE)
        return
    assert (world.payment(payment.id).status, world.types(payment)) == (Status.PENDING, [*PAID, "payment.reorged"])
    assert (world.credited(payment), gate.paused, world.log.alarms()) == (0, True, ["deep_reorg"])
    assert [each.amount for each in entries_of(world.stores, "m1")] == [payment.due.amount] * 2
    world.run.gate_read = 0
    assert not world.run.due(), "a paused chain is not scanned"
    world.stores.access.pause("anvil", False)
    world.pay(payment)
    world.look()
    assert_settled(world, payment, [*PAID, "payment.reorged", *LIFE[1:]])


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_sweep_that_is_taken_away_is_sent_again(world: NodeWorld, asset: str, depth: int) -> None:
    """Mined or long final: the same transaction, the same bytes, its books reversed where written; no event."""
    payment = paid(world, asset)
    world.mine(8)
    while not world.sweeps(payment.id):
        world.look()
        world.sweep_again()
    sweep = world.sweeps(payment.id)[0]["tx_hash"]
    for _ in range(depth - 1):
        world.step()
    (before,) = world.stores.money.transactions_of("anvil", payment.due.address)
    assert before.state is (TransactionState.FINAL if depth >= CONFIRMATIONS else TransactionState.MINED)
    told, newest = world.types(payment), int(world.anvil.rpc("eth_blockNumber"), 16)
    assert before.block_number is not None
    reorganise(world, newest - before.block_number + 1)
    assert world.swept(payment.due.token_address) == 0
    world.look()
    assert (world.types(payment), world.sweeps(payment.id)) == (told, [])
    assert (world.books(payment.due.token_address), world.credited(payment)) == (0, payment.due.amount)
    assert world.payment(payment.id).tier is Tier.SWEEP
    assert_settled(world, payment, LIFE)
    (after,) = world.stores.money.transactions_of("anvil", payment.due.address)
    assert (after.tx_hash, after.attempts) == (sweep, before.attempts)
    assert world.log.alarms() == []


def test_a_deposit_that_is_taken_away_with_its_sweep_is_reversed(world: NodeWorld, asset: str) -> None:
    """Neither the treasury nor the merchant keeps what the chain took back; the chain waits for a person."""
    payment = paid(world, asset)
    while world.payment(payment.id).status is not Status.SETTLED:
        world.settle(1)
    first = world.payment(payment.id).seen.transfers[0].block_number
    reorganise(world, int(world.anvil.rpc("eth_blockNumber"), 16) - first + 1)
    for _ in range(3):
        world.look()
    assert (world.types(payment)[-1], world.credited(payment)) == ("payment.reorged", 0)
    assert world.books(payment.due.token_address) == world.swept(payment.due.token_address) == 0
    assert "deep_reorg" in world.log.alarms()
    assert world.stores.access.gates(["anvil"])["anvil"].paused


@pytest.mark.parametrize(("depth", "offset"), [(2, 1), (3, 0), (3, 2)])
def test_a_transaction_that_is_mined_again_at_a_scanned_height_is_seen(
    world: NodeWorld, asset: str, depth: int, offset: int
) -> None:
    """Scanned blocks are replaced, the payment is in another of the new ones: counted anew, and told to nobody."""
    payment = begin(world, asset)
    sent = world.pay(payment)
    world.look()
    world.step()
    text = raw(world.anvil, sent)
    reorganise(world, depth, (text, offset))
    world.look()
    after = world.payment(payment.id)
    height = int(world.anvil.rpc("eth_getTransactionReceipt", sent)["blockNumber"], 16)
    assert (after.status, world.types(payment)) == (Status.DETECTED, PAID[:2])
    assert [(each.tx_hash, each.block_number) for each in after.seen.transfers] == [(sent, height)]
    newest = int(world.anvil.rpc("eth_blockNumber"), 16)
    assert newest - height == depth - 1 - offset
    # Seen anew at the head: the state there is what is known of it, so the confirmations begin there.
    world.step()
    assert world.payment(payment.id).status is Status.DETECTED
    world.step(CONFIRMATIONS)
    assert (world.payment(payment.id).status, world.types(payment)) == (Status.PAID, PAID)
    assert_settled(world, payment, LIFE)


@pytest.mark.parametrize("depth", range(2, 7))
def test_a_transaction_that_first_appears_at_a_scanned_height_is_seen(world: NodeWorld, asset: str, depth: int) -> None:
    """Blocks that were looked at and empty are replaced by ones that pay: who scans heights never comes back there."""
    payment = begin(world, asset)
    with_payment = world.anvil.rpc("evm_snapshot")
    sent = world.pay(payment)
    text = raw(world.anvil, sent)
    world.anvil.rpc("evm_revert", with_payment)
    for _ in range(depth):
        world.step()
    assert world.payment(payment.id).status is Status.PENDING
    reorganise(world, depth, (text, 0))
    world.look()
    after = world.payment(payment.id)
    # It is looked for as far back as the confirmations go: what appears below is credited without its hash.
    expected = sent if depth <= CONFIRMATIONS else None
    assert [(each.tx_hash, each.amount) for each in after.seen.transfers] == [(expected, payment.due.amount)]
    assert after.status in (Status.DETECTED, Status.PAID)
    assert_settled(world, payment, LIFE)


def test_a_reorganisation_that_is_itself_undone_changes_nothing_in_the_end(asset: str) -> None:
    """The old branch wins after all: sweep and books come back in the very blocks that they were taken from."""
    world = World()
    payment = world.create(**ASSETS[asset])
    world.chain.deposit(payment.due.address, payment.due.amount, payment.due.token_address)
    while world.payment(payment.id).status is not Status.SETTLED:
        world.settle(1)
    (before,) = world.stores.money.transactions_of("anvil", payment.due.address)
    for _ in range(2):
        branch, height = list(world.chain.chain), before.block_number or 0
        world.chain.reorg(len(branch) - height, drop=[before.tx_hash or ""])
        world.run.one()
        assert world.stores.money.transactions_of("anvil", payment.due.address)[0].state is TransactionState.SIGNED
        world.chain.chain, world.chain.pool = list(branch), []
        world.chain.mine(2)
        world.settle(4)
        (after,) = world.stores.money.transactions_of("anvil", payment.due.address)
        assert (after.state, after.block_hash) == (TransactionState.FINAL, before.block_hash)
    entries = entries_of(world.stores)
    moved = [entry for entry in entries if "moved" in entry.id and entry.asset == payment.due.asset_key]
    treasury = [entry.amount if entry.debit == "treasury" else -entry.amount for entry in moved]
    assert sum(treasury) == world.chain.total(payment.due.token_address, [TREASURY])
    assert (world.payment(payment.id).status, world.log.alarms()) == (Status.SETTLED, [])
