"""Our own transactions on a real chain: late receipts, nonces that are another's, sweeps that are cancelled."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ctrip.chains.evm.terms import nonce_of, terms_of
from ctrip.domain.payments.payment import Flag, Payment, Status
from ctrip.domain.sweeping.sweep import OutgoingTransaction, TransactionState
from tests.detection.node_world import COIN, TOKEN, NodeWorld
from tests.evm_support import Anvil, Proxy
from tests.world import STATION, TREASURY

Make = Callable[..., NodeWorld]
ASSETS: dict[str, dict[str, Any]] = {"coin": {"amount": COIN}, "token": {"amount": TOKEN, "asset": "USDC"}}


@pytest.fixture(params=ASSETS)
def wanted(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The coin, and a token."""
    return ASSETS[str(request.param)]


def paid(world: NodeWorld, wanted: dict[str, Any]) -> Payment:
    """Have a payment that is paid, and not swept."""
    payment = world.create(**wanted)
    world.pay(payment)
    for _ in range(4):
        world.step()
    assert world.payment(payment.id).status is Status.PAID
    world.jobs.sweeps.clear()
    return payment


def no_receipts(proxy: Proxy) -> Callable[[Any], bytes]:
    """Know no receipt, and everything else: transactions, state, nonces and blocks."""

    def one(call: dict[str, Any]) -> dict[str, Any]:
        if call["method"] == "eth_getTransactionReceipt":
            return {"jsonrpc": "2.0", "id": call["id"], "result": None}
        answer: dict[str, Any] = json.loads(proxy.ask(json.dumps(call).encode()))
        return answer

    def rule(request: Any) -> bytes:
        answers = [one(call) for call in request] if isinstance(request, list) else one(request)
        return json.dumps(answers).encode()

    return rule


def sweep_of(world: NodeWorld, payment: Payment) -> OutgoingTransaction:
    """Return the newest own transaction of a payment's address."""
    return world.stores.money.transactions_of("anvil", payment.due.address)[-1]


def assert_settled(world: NodeWorld, payment: Payment) -> None:
    """At the treasury, once, and in the books as on the chain."""
    for _ in range(40):
        if world.payment(payment.id).status is Status.SETTLED:
            break
        world.settle(1)
    after = world.payment(payment.id)
    assert (after.status, after.flags, after.own.pending) == (Status.SETTLED, frozenset(), None)
    assert (world.held(payment.due.address, payment.due.token_address), world.credited(payment)) == (
        0,
        payment.due.amount,
    )
    assert world.books(payment.due.token_address) == world.swept(payment.due.token_address)


def test_receipts_that_are_late_fail_nothing(gateway: Make, proxy: Proxy, wanted: dict[str, Any]) -> None:
    """For a minute state, nonces, transactions and blocks are right and receipts absent; then all is as it should."""
    world = gateway(proxy.url)
    payment = paid(world, wanted)
    events = world.types(payment)
    proxy.rule = no_receipts(proxy)
    for _ in range(60):
        world.settle(1)
        after = world.payment(payment.id)
        assert (after.status, after.flags, after.seen.amount_received) == (Status.PAID, frozenset(), payment.due.amount)
    assert set(world.log.alarms()) == {"receipt_missing"}
    assert {each.state for each in world.stores.money._state.transactions.values()} == {TransactionState.SIGNED}
    assert world.types(payment) == events
    proxy.rule = None
    assert_settled(world, payment)
    assert world.types(payment) == [*events, "payment.settled"]


def test_a_nonce_that_a_key_in_other_hands_used_is_another_s(world: NodeWorld, anvil: Anvil) -> None:
    """The blocks list its transaction and none of ours: alarmed, the address is free, the next nonce sweeps."""
    payment = paid(world, ASSETS["coin"])
    anvil.automine(False)
    world.sweeper.sweep("native")
    anvil.rpc("anvil_dropTransaction", sweep_of(world, payment).attempts[0].tx_hash)
    anvil.rpc("anvil_impersonateAccount", payment.due.address)
    sent = {"from": payment.due.address, "to": payment.due.address, "value": "0x0", "gas": hex(21_000), "nonce": "0x0"}
    anvil.rpc("eth_sendTransaction", sent)
    world.mine()
    anvil.rpc("anvil_stopImpersonatingAccount", payment.due.address)
    anvil.automine(True)
    for _ in range(30):
        world.step()
    assert sweep_of(world, payment).state is TransactionState.LOST
    assert "slot_taken" in world.log.alarms()
    world.settle(12)
    first, second = world.stores.money.transactions_of("anvil", payment.due.address)
    assert (first.state, second.state, nonce_of(second)) == (TransactionState.LOST, TransactionState.FINAL, 1)
    assert world.held(payment.due.address) == 0
    assert world.swept(None) == second.amount


def test_a_held_payments_sweep_is_cancelled_at_its_nonce(
    world: NodeWorld, anvil: Anvil, wanted: dict[str, Any]
) -> None:
    """The node takes a transaction of no value to the sender itself in its place; released, the payment is swept."""
    payment = paid(world, wanted)
    if payment.due.token_address:
        world.sweeper.sweep(payment.due.asset_key)
        world.step()
    anvil.automine(False)
    world.sweeper.sweep(payment.due.asset_key)
    assert sweep_of(world, payment).waiting
    state = world.stores.payments._state
    state.payments[payment.id] = replace(world.payment(payment.id), flags=frozenset({Flag.HELD}))
    world.renew()
    world.sweeper.sweep(payment.due.asset_key)
    attempts = sweep_of(world, payment).attempts
    assert [each.cancels for each in attempts] == [False, True]
    assert anvil.rpc("eth_getTransactionByHash", attempts[0].tx_hash) is None
    replacing = anvil.rpc("eth_getTransactionByHash", attempts[1].tx_hash)
    assert (replacing["to"], int(replacing["value"], 16), replacing["input"]) == (payment.due.address.lower(), 0, "0x")
    anvil.automine(True)
    for _ in range(5):
        world.step()
    assert sweep_of(world, payment).state is TransactionState.CANCELLED
    assert world.swept(payment.due.token_address) == 0
    state.payments[payment.id] = replace(world.payment(payment.id), flags=frozenset())
    world.renew()
    assert_settled(world, payment)


def test_a_held_payment_does_not_hold_up_the_gas_station(world: NodeWorld, anvil: Anvil) -> None:
    """Its gas is priced under the base fee of the day: it is replaced, and another buyer's token is swept."""
    first, second = paid(world, ASSETS["token"]), paid(world, ASSETS["token"])
    anvil.automine(False)
    state = world.stores.payments._state
    state.payments[second.id] = replace(state.payments[second.id], flags=frozenset({Flag.HELD}))
    world.sweeper.sweep(first.due.asset_key)
    state.payments[first.id] = replace(state.payments[first.id], flags=frozenset({Flag.HELD}))
    state.payments[second.id] = replace(state.payments[second.id], flags=frozenset())
    world.renew()
    stuck = world.stores.money.transactions_of("anvil", STATION)[0]
    anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(terms_of(stuck.attempts[0]).max_fee * 4))
    anvil.automine(True)
    world.settle(40)
    assert world.payment(second.id).status is Status.SETTLED
    assert len(world.stores.money.transactions_of("anvil", STATION)[0].attempts) > 1
    assert world.stores.money.transactions_of("anvil", first.due.address) == []


def test_a_coin_is_swept_with_exactly_21000_gas_to_the_last_unit(world: NodeWorld) -> None:
    """The treasury has no code: nothing is estimated, and nothing stays behind."""
    payment = paid(world, ASSETS["coin"])
    world.sweeper.sweep("native")
    assert terms_of(sweep_of(world, payment).attempts[0]).gas == 21_000
    assert_settled(world, payment)


def test_a_treasury_with_code_is_estimated(world: NodeWorld, anvil: Anvil) -> None:
    """A contract that counts what comes needs more than 21,000."""
    payment = paid(world, ASSETS["coin"])
    anvil.rpc("anvil_setCode", TREASURY, "0x60016000540160005500")  # storage[0] += 1
    world.settle(10)
    assert terms_of(sweep_of(world, payment).attempts[0]).gas > 40_000
    assert world.payment(payment.id).status is Status.SETTLED
    assert world.swept(None) == sweep_of(world, payment).amount
