"""Payouts together by the whole gateway in memory, on a real Anvil: signed by the guarded signer, ended by receipts."""

from dataclasses import replace

import pytest

from ctrip.domain.chains.evm.sweep_contracts import DEPLOYER, payout_batcher
from ctrip.domain.settlement.payout import PayoutState
from ctrip.domain.sweeping.sweep import Kind
from ctrip.services.settlement.ask_payout import AskRefund
from tests.detection.node_world import NodeWorld
from tests.evm_support import Anvil, address
from tests.services.settlement.test_paying_out import HOT
from tests.world import ORIGIN, SETTINGS

COUNT = 6


@pytest.mark.parametrize("symbol", ["USDT", "ETH"])
def test_refunds_to_many_payers_are_one_transaction_and_each_is_paid_exactly(anvil: Anvil, symbol: str) -> None:
    """Of a token: first each alone, while the contract is allowed to take it; then together."""
    world = NodeWorld(anvil, own=replace(SETTINGS, treasury=HOT))
    world.signer = world.stage.sweeping.signer
    world.sweeper = replace(world.sweeper, signer=world.signer)
    anvil.fund(HOT, 10**19)
    anvil.send(DEPLOYER, payout_batcher(HOT).call, gas=2_000_000)
    token = anvil.tokens[symbol]["address"] if symbol in anvil.tokens else None
    amount = 10**17 if token is None else 10**9
    payers = [address(9_000 + number) for number in range(COUNT)]
    for each in payers:
        anvil.pay(each, 1)
    payment = world.create(amount, asset=symbol)
    world.pay(payment)
    world.settle(12)
    turns = 2 if token else 1
    for _ in range(turns):
        for number, each in enumerate(payers):
            asked = AskRefund(address=each, amount=amount // 20 + number)
            world.stage.settlement.asker.refund(world.merchant, payment.id, asked, ORIGIN)
        world.stage.payouts.worker.run()
        world.renew()
        world.settle(8)
        made = world.stores.payouts._state.payouts.values()
        assert {each.state for each in made} == {PayoutState.COMPLETED}, world.log.lines[-5:]
    every = [each for each in world.stores.money._state.transactions.values() if each.sender.lower() == HOT.lower()]
    assert sorted(len(each.payouts) for each in every if each.kind is Kind.PAYOUT) == (
        [1] * COUNT + [COUNT] if token else [COUNT]
    )
    assert sum(each.kind is Kind.ALLOWANCE for each in every) == (1 if token else 0)
    for number, each in enumerate(payers):
        got = world.held(each, token) - (0 if token else 1)
        assert got == turns * (amount // 20 + number)
