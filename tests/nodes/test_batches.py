"""Batches on a real geth: planned, signed by the guarded signer, mined; and what geth does not hold."""

from dataclasses import replace

import pytest
from eth_account import Account as EthAccount

from ctrip.chains.evm.terms import member_terms
from ctrip.chains.evm.transfers import EvmTransfers
from ctrip.domain.chains.evm.sweep_contracts import delegated_to, sweep_pair
from ctrip.domain.errors import BroadcastRejected
from ctrip.domain.payments.payment import Status
from infra.stack import wallet
from tests.contract.test_batch_planning import OPERATOR, SIGNER, orders
from tests.detection.node_world import NodeWorld
from tests.evm_support import NETWORK, TestClock, chain_at
from tests.fakes.log import FakeLog
from tests.nodes.geth_node import DrivenGeth, GethNode
from tests.sweep_support import TREASURY, Batches, code_at, deploy, member
from tests.world import _WALLET
from tests.world import TREASURY as WORLDS_TREASURY

PAID, MEMBERS = 5_000, 10


def planner(geth: GethNode) -> EvmTransfers:
    return EvmTransfers(NETWORK, chain_at(geth.url), TestClock(), FakeLog())


def test_a_batch_is_planned_signed_and_mined(geth: GethNode) -> None:
    """Probed, estimated and priced as on Anvil; the second time nobody authorizes."""
    geth.fund(OPERATOR.address, 10**18)
    pair, token = deploy(geth, sweep_pair(TREASURY.address, OPERATOR.address)), geth.tokens["USDT"]["address"]
    for authorizing in (MEMBERS, 0):
        for number in range(MEMBERS):
            geth.pay(member(number).address, PAID, token)
        transfers = planner(geth)
        assert transfers.cannot_collect(TREASURY.address, OPERATOR.address) == ""
        found = transfers.quote_collection(orders(token, MEMBERS), OPERATOR.address)
        assert (len(found.orders), found.refused) == (MEMBERS, {})
        assert sum(1 for each in found.terms.values() if member_terms(each).nonce_after) == authorizing
        planned = transfers.collect(found, OPERATOR.address, transfers.next_slot(OPERATOR.address, None))
        signed = SIGNER.sign("anvil", wallet.OPERATOR_PATH, OPERATOR.address, planned.transaction)
        transfers.node.broadcast(signed.raw)
        geth.mine()
        receipt = transfers.node.receipt(signed.tx_hash)
        assert receipt is not None
        assert (receipt.success, len(receipt.token_transfers)) == (True, MEMBERS)
        # What a sweep must be worth is held against this: it is never less than what is used up.
        assert receipt.fee <= MEMBERS * transfers.usual_cost(token, together=MEMBERS)
    delegate = pair.delegate.address.lower()
    assert {delegated_to(code_at(geth, member(number).address)) for number in range(MEMBERS)} == {delegate}


def test_payments_are_settled_by_one_batch(world: NodeWorld) -> None:
    """The whole way of the gateway in memory, on geth; no coin is left on an address."""
    operator = _WALLET.address("evm", wallet.OPERATOR_PATH)
    world.anvil.fund(operator, 10**18)
    deploy(world.anvil, sweep_pair(WORLDS_TREASURY, operator))
    world.sweeper = replace(world.sweeper, operator=operator)
    payments = [world.create(PAID + number, asset="USDC") for number in range(4)]
    for payment in payments:
        world.pay(payment)
    for _ in range(6):
        world.step()
    world.settle()
    assert {world.payment(each.id).status for each in payments} == {Status.SETTLED}
    sweeps = {world.sweeps(each.id)[0]["tx_hash"] for each in payments}
    assert (len(sweeps), world.swept(payments[0].due.token_address)) == (1, sum(each.due.amount for each in payments))
    assert [world.held(each.due.address) for each in payments] == [0] * 4


def test_a_delegated_accounts_second_transaction_is_not_taken_for_sent(driven: DrivenGeth) -> None:
    """Geth holds one at a time. It refuses the second, or, where it keeps a list of local ones, returns its hash."""
    account, batches = member(0), Batches(driven, operator=wallet.funded(4))
    driven.fund(account.address, 10**18)
    driven.pay(account.address, PAID, driven.tokens["USDC"]["address"])
    batches.send(driven.tokens["USDC"]["address"], [account], [batches.authorize(account)])
    driven.automining = False
    chain, price = chain_at(driven.url), 10 * int(driven.rpc("eth_gasPrice"), 16)
    nonce = int(driven.rpc("eth_getTransactionCount", account.address, "latest"), 16)
    fields = {"chainId": 31337, "to": TREASURY.address, "value": 1, "gas": 30_000, "maxFeePerGas": price}
    raw = [
        "0x"
        + EthAccount.sign_transaction(
            fields | {"nonce": nonce + place, "maxPriorityFeePerGas": 10**9, "type": 2}, account.key
        ).raw_transaction.hex()
        for place in range(2)
    ]
    chain.broadcast(raw[0])
    with pytest.raises(BroadcastRejected, match=r"does not hold|limit reached for delegated"):
        chain.broadcast(raw[1])
