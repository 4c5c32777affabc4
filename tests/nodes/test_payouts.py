"""Payouts together on a real geth: planned, mined and read as on Anvil."""

from dataclasses import replace

import pytest

from ctrip.chains.evm.transfers import EvmTransfers
from ctrip.domain.chains.evm.sweep_contracts import payout_batcher
from ctrip.domain.settlement.payout import moved
from tests.contract.test_payout_planning import orders
from tests.contract.test_store_payouts import payout
from tests.evm_support import NETWORK, TestClock, chain_at, eventually
from tests.fakes.log import FakeLog
from tests.nodes.geth_node import GethNode
from tests.payout_support import Payer

COUNT = 10


@pytest.mark.parametrize("symbol", [None, "USDC", "USDT"])
def test_payouts_are_planned_and_mined_together(geth: GethNode, symbol: str | None) -> None:
    """What is planned is enough, each payout shows in the receipt as its own, and it is cheaper than alone."""
    payer, token = Payer(geth), geth.tokens[symbol]["address"] if symbol else None
    wanted = orders(payer, token)
    if token is None:
        for order in wanted:  # who never held coin is paid by itself: that costs 25,000 more
            geth.pay(order.to, 1)
    else:
        geth.pay(payer.treasury.address, 10**6, token)
        payer.approve(token)
    geth.mine()
    plan = EvmTransfers(NETWORK, chain_at(geth.url), TestClock(), FakeLog())
    assert plan.cannot_pay_together(payer.treasury.address) == ""
    found = plan.quote_payouts(wanted)
    assert (list(found.orders), found.refused) == (wanted, {})
    planned = plan.pay_together(found, None)
    tx = planned.transaction
    sent = geth.send(tx.to, tx.data, value=tx.value, index=payer.index, gas=tx.gas)
    geth.mine()
    answer = eventually(lambda: geth.rpc("eth_getTransactionReceipt", sent))
    assert int(answer["gasUsed"], 16) < min(tx.gas, COUNT * (45_000 if token else 21_000))
    receipt = chain_at(geth.url).receipt(sent)
    assert receipt is not None
    contract = payout_batcher(payer.treasury.address).address
    for order in wanted:
        own = replace(payout(), token=token, to=order.to, amount=order.amount)
        assert moved(own, payer.treasury.address, receipt, contract) == order.amount
