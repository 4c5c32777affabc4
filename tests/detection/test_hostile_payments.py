"""Threat 17 on a real chain: whatever a contract says, what is credited is exactly what arrived."""

from collections.abc import Callable

import pytest

from ctrip.domain.payments.payment import Flag, Payment, Status
from infra.stack import wallet
from tests.detection.node_world import COIN, PAID, PAYER, TOKEN, NodeWorld, deploy_token, listed
from tests.evm_support import Anvil

Make = Callable[..., NodeWorld]
PASSES = 4
GAS = 300_000


def explained(payment: Payment) -> list[tuple[str | None, int]]:
    """Say which transactions brought what."""
    return [(transfer.tx_hash, transfer.amount) for transfer in payment.seen.transfers]


def assert_nothing(world: NodeWorld, payment: Payment) -> None:
    """After more than the confirmations: pending, no money, no word to the merchant."""
    for _ in range(PASSES):
        world.step()
    after = world.payment(payment.id)
    assert (after.status, after.seen.amount_received, after.flags, explained(after)) == (
        Status.PENDING,
        0,
        frozenset(),
        [],
    )
    assert (world.types(payment), world.credited(payment)) == (["payment.created"], 0)
    assert (world.log.alarms(), world.run.failed) == ([], 0)


def assert_paid(world: NodeWorld, payment: Payment, amount: int, *transfers: tuple[str | None, int]) -> None:
    """After the confirmations: credited exactly `amount`, explained by exactly these transfers."""
    for _ in range(PASSES):
        world.step()
    after = world.payment(payment.id)
    assert (after.status, after.seen.amount_received, world.credited(payment)) == (Status.PAID, amount, amount)
    assert explained(after) == list(transfers)
    assert world.types(payment) == PAID
    assert (world.log.alarms(), world.run.failed) == ([], 0)


# --- tokens that lie


@pytest.fixture
def liar(anvil: Anvil) -> str:
    """A listed token whose balances are true and whose logs are not; the payer holds some."""
    made = anvil.deploy("Deceiver")
    anvil.send(made, f"0x40c10f19{wallet.funded(PAYER).address[2:]:0>64}{10**12:064x}")
    anvil.mine(5)  # so that the contract is there at the moment before the payment, as a token that is listed would be
    return made


@pytest.mark.parametrize(
    ("method", "what"),
    [
        ("forge", "a Transfer log without a balance"),
        ("forgeCollectible", "a log of ERC-721's shape"),
        ("forgePlain", "a log without indexed arguments"),
        ("transfer", "a transfer that returns false"),
    ],
)
def test_what_moves_nothing_credits_nothing(anvil: Anvil, gateway: Make, liar: str, method: str, what: str) -> None:
    """A listed contract says that it paid, and the balance does not: nothing, not even `detected`."""
    world = gateway(network=listed("LIE", liar))
    payment = world.create(TOKEN, asset="LIE")
    sent = world.call("Deceiver", liar, method, payment.due.address, TOKEN)
    logs = anvil.rpc("eth_getTransactionReceipt", sent)["logs"]
    assert len(logs) == (method != "transfer"), what
    assert_nothing(world, payment)


def test_a_transfer_that_is_logged_twice_is_credited_once_and_the_mismatch_flagged(gateway: Make, liar: str) -> None:
    """The logs add up to twice the balance: the balance is credited, and somebody is told of the difference."""
    world = gateway(network=listed("LIE", liar))
    payment = world.create(TOKEN, asset="LIE")
    sent = world.call("Deceiver", liar, "exaggerate", payment.due.address, TOKEN)
    assert_paid(world, payment, TOKEN, (sent, TOKEN), (sent, TOKEN))
    assert "explained_too_much" in world.warnings()


def test_a_transfer_that_is_not_logged_is_credited_without_a_hash(gateway: Make, liar: str) -> None:
    """Nothing tells which transaction it was: one row without a hash, and the whole amount."""
    world = gateway(network=listed("LIE", liar))
    payment = world.create(TOKEN, asset="LIE")
    world.call("Deceiver", liar, "whisper", payment.due.address, TOKEN)
    assert_paid(world, payment, TOKEN, (None, TOKEN))


def test_another_contract_of_the_same_name_and_symbol_is_not_the_token(anvil: Anvil, world: NodeWorld) -> None:
    """Byte for byte the same code at another address: it is not on the list, so it does not exist."""
    twin = deploy_token(anvil, "USDC", [wallet.funded(PAYER).address], 10**12)
    payment = world.create(TOKEN, asset="USDC")
    anvil.pay(payment.due.address, TOKEN, twin, index=PAYER)
    assert world.held(payment.due.address, twin) == TOKEN
    assert_nothing(world, payment)


def test_a_log_of_another_contract_credits_nothing(anvil: Anvil, world: NodeWorld) -> None:
    """A stranger's log that names our address, beside a real payment of half: only the half is there."""
    evil = anvil.deploy("Hostile", 0)
    payment = world.create(TOKEN, asset="USDC")
    world.call("Hostile", evil, "forge", payment.due.address, TOKEN)
    half = world.pay(payment, TOKEN // 2)
    for _ in range(PASSES):
        world.step()
    after = world.payment(payment.id)
    assert (after.status, after.exception, after.seen.amount_received) == (Status.DETECTED, Flag.UNDERPAID, TOKEN // 2)
    assert (explained(after), world.credited(payment)) == ([(half, TOKEN // 2)], 0)


def test_a_token_that_keeps_a_fee_is_credited_with_what_arrived(anvil: Anvil, world: NodeWorld) -> None:
    """One percent stays with the issuer: short by that much, and complete once the difference has arrived too."""
    payment = world.create(100_000, asset="FEE")
    first = world.pay(payment)
    for _ in range(PASSES):
        world.step()
    after = world.payment(payment.id)
    assert (after.status, after.exception, after.seen.amount_received) == (Status.DETECTED, Flag.UNDERPAID, 99_000)
    rest = world.pay(payment, 1_011)
    for _ in range(PASSES):
        world.step()
    after = world.payment(payment.id)
    assert (after.status, after.flags, world.credited(payment)) == (Status.PAID, {Flag.OVERPAID}, 100_001)
    assert explained(after) == [(first, 99_000), (rest, 1_001)]
    assert world.held(payment.due.address, after.due.token_address) == 100_001


def test_a_token_that_returns_nothing_is_a_token(world: NodeWorld) -> None:
    """USDT's `transfer` returns no value; its balance does."""
    payment = world.create(TOKEN, asset="USDT")
    sent = world.pay(payment)
    assert_paid(world, payment, TOKEN, (sent, TOKEN))


@pytest.mark.parametrize(("mode", "what"), [(1, "reverts with data"), (2, "burns all gas"), (4, "exceeds the supply")])
def test_a_balance_that_cannot_be_believed_is_unknown_and_harms_no_other(
    anvil: Anvil, gateway: Make, mode: int, what: str
) -> None:
    """The hostile payment neither comes nor goes, past its deadline too; its neighbours are paid in the same passes."""
    evil = anvil.deploy("Hostile", mode)
    world = gateway(network=listed("EVIL", evil))
    hostile, coin, token = (
        world.create(7, asset="EVIL", expires_in=60),
        world.create(COIN),
        world.create(TOKEN, asset="USDC"),
    )
    world.call("Hostile", evil, "forge", hostile.due.address, 7)
    sent = world.pay(coin), world.pay(token)
    assert_paid(world, coin, COIN, (sent[0], COIN))
    assert_paid(world, token, TOKEN, (sent[1], TOKEN))
    world.mine(100)
    assert_nothing(world, hostile)


def test_a_balance_that_becomes_unknown_takes_nothing_back(anvil: Anvil, gateway: Make) -> None:
    """A token that turns hostile after it paid: what was seen stays, nothing is confirmed, until it answers again."""
    evil = anvil.deploy("Hostile", 0)
    world = gateway(network=listed("EVIL", evil))
    payment = world.create(7, asset="EVIL")
    world.run.watch.refresh(world.clock.at)
    world.run.watch.fresh.clear()  # this contract tells the same of every block: let its first look have shown nothing
    world.step()
    assert world.payment(payment.id).status is Status.DETECTED
    for mode in (1, 2, 3, 4):
        world.call("Hostile", evil, "become", mode)
        world.step(4)
        assert (world.payment(payment.id).status, world.types(payment)) == (Status.DETECTED, PAID[:2])
    world.call("Hostile", evil, "become", 0)
    assert_paid(world, payment, 7, (None, 7))


# --- transfers that are none


def test_nothing_of_value_credits_nothing(anvil: Anvil, world: NodeWorld) -> None:
    """Zero of a coin, zero of a token, a stranger's zero from our own address to itself (address poisoning)."""
    coin, token = world.create(COIN), world.create(TOKEN, asset="USDC")
    anvil.pay(coin.due.address, 0, index=PAYER)
    anvil.pay(token.due.address, 0, token.due.token_address, index=PAYER)
    world.call(
        "Forwarder", anvil.deploy("Forwarder"), "disperseToken", token.due.token_address, [token.due.address], [0]
    )
    words = f"{token.due.address[2:]:0>64}" * 2 + f"{0:064x}"
    anvil.send(token.due.token_address, f"0x23b872dd{words}", index=PAYER)
    assert_nothing(world, coin)
    assert_nothing(world, token)


def test_a_transfer_to_itself_adds_nothing(anvil: Anvil, world: NodeWorld) -> None:
    """The address sends all that it has to itself: the log names it, the balance stays, and so does the credit."""
    payment = world.create(TOKEN, asset="USDC")
    sent = world.pay(payment, TOKEN // 2)
    world.step()
    anvil.rpc("anvil_impersonateAccount", payment.due.address)
    anvil.rpc("anvil_setNextBlockBaseFeePerGas", "0x0")
    data = f"0xa9059cbb{payment.due.address[2:].lower():0>64}{TOKEN // 2:064x}"
    call = {
        "from": payment.due.address,
        "to": payment.due.token_address,
        "data": data,
        "gas": hex(GAS),
        "gasPrice": "0x0",
    }
    own = anvil.rpc("eth_sendTransaction", call)
    world.mine()
    assert len(anvil.rpc("eth_getTransactionReceipt", own)["logs"]) == 1
    for _ in range(PASSES):
        world.step()
    after = world.payment(payment.id)
    assert (after.status, after.seen.amount_received, world.credited(payment)) == (Status.DETECTED, TOKEN // 2, 0)
    assert explained(after) == [(sent, TOKEN // 2)]


def failed(anvil: Anvil, tx_hash: str) -> bool:
    """Say whether a transaction was mined and failed."""
    return anvil.rpc("eth_getTransactionReceipt", tx_hash)["status"] == "0x0"


def test_a_reverted_transaction_credits_nothing(anvil: Anvil, world: NodeWorld) -> None:
    """A coin transfer inside a call that reverts, a token transfer of more than the payer has: mined, and nothing."""
    coin, token = world.create(COIN), world.create(10**20, asset="USDC")
    forwarder = anvil.deploy("Forwarder")
    assert failed(anvil, world.call("Forwarder", forwarder, "forwardAndRevert", coin.due.address, value=COIN, gas=GAS))
    data = f"0xa9059cbb{token.due.address[2:].lower():0>64}{10**20:064x}"
    assert failed(anvil, anvil.send(token.due.token_address, data, index=PAYER, gas=GAS))
    assert_nothing(world, coin)
    assert_nothing(world, token)


def test_an_inner_revert_credits_nothing(anvil: Anvil, world: NodeWorld) -> None:
    """The transaction succeeds, the frame that paid does not: calldata and traces name us, the balance does not."""
    coin, token = world.create(COIN), world.create(TOKEN, asset="USDC")
    forwarder = anvil.deploy("Forwarder")
    approve(anvil, token.due.token_address, forwarder)
    for sent in (
        world.call("Forwarder", forwarder, "pretend", coin.due.address, value=COIN, gas=GAS),
        world.call("Forwarder", forwarder, "pretendToken", token.due.token_address, token.due.address, TOKEN, gas=GAS),
    ):
        assert not failed(anvil, sent)
    assert_nothing(world, coin)
    assert_nothing(world, token)


def approve(anvil: Anvil, token: str | None, spender: str) -> None:
    """Let a contract spend the payer's tokens."""
    anvil.send(token, f"0x095ea7b3{spender[2:].lower():0>64}{2**255:064x}", index=PAYER)


# --- payments out of contracts


def test_two_logs_of_one_transaction_are_two_transfers(anvil: Anvil, world: NodeWorld) -> None:
    """They differ by their place in the block, and both count."""
    payment = world.create(TOKEN, asset="USDC")
    forwarder = anvil.deploy("Forwarder")
    approve(anvil, payment.due.token_address, forwarder)
    parts = [TOKEN - 1, 1]
    sent = world.call(
        "Forwarder", forwarder, "disperseToken", payment.due.token_address, [payment.due.address] * 2, parts
    )
    assert_paid(world, payment, TOKEN, (sent, TOKEN - 1), (sent, 1))


@pytest.mark.parametrize("method", ["forward", "forwardTwice", "destroyInto"])
def test_a_coin_out_of_a_contract_is_credited_and_explained(anvil: Anvil, world: NodeWorld, method: str) -> None:
    """An internal call, two in one transaction, a self-destruction: the balance sees what no block scan does."""
    payment = world.create(COIN)
    forwarder = anvil.deploy("Forwarder")
    sent = world.call("Forwarder", forwarder, method, payment.due.address, value=COIN)
    assert_paid(world, payment, COIN, (sent, COIN))


def test_a_batch_pays_each_of_its_members(anvil: Anvil, world: NodeWorld) -> None:
    """One transaction of a coin disperser and one of a token disperser, each to three payments: each its own amount."""
    coins = [world.create(COIN + number) for number in range(3)]
    tokens = [world.create(TOKEN + number, asset="USDT") for number in range(3)]
    forwarder = anvil.deploy("Forwarder")
    approve(anvil, tokens[0].due.token_address, forwarder)
    amounts = [payment.due.amount for payment in coins]
    coin_batch = world.call(
        "Forwarder", forwarder, "disperse", [each.due.address for each in coins], amounts, value=sum(amounts)
    )
    amounts = [payment.due.amount for payment in tokens]
    token_batch = world.call(
        "Forwarder",
        forwarder,
        "disperseToken",
        tokens[0].due.token_address,
        [each.due.address for each in tokens],
        amounts,
    )
    for payments, sent in ((coins, coin_batch), (tokens, token_batch)):
        for payment in payments:
            assert_paid(world, payment, payment.due.amount, (sent, payment.due.amount))


def test_money_that_no_transaction_brought_is_credited_without_a_hash(anvil: Anvil, world: NodeWorld) -> None:
    """A block reward, say: the balance tells, nothing else does."""
    payment = world.create(COIN)
    world.step()
    anvil.rpc("anvil_setBalance", payment.due.address, hex(COIN))
    assert_paid(world, payment, COIN, (None, COIN))
