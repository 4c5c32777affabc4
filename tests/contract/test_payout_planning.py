"""Payouts together as the planner makes them, on a real chain: who is in, what is saved, and how much gas they take."""

from dataclasses import replace

import pytest

from ctrip.chains.evm.batches import MOST_GAS
from ctrip.chains.evm.payouts import APPROVAL_GAS, saved, saves
from ctrip.chains.evm.terms import terms_of
from ctrip.chains.evm.transfers import EvmTransfers
from ctrip.domain.chains.evm.sweep_contracts import payout_batcher
from ctrip.domain.settlement.payout import moved
from ctrip.domain.sweeping.plan import Held, Order
from ctrip.domain.sweeping.sweep import Attempt, Kind, OutgoingTransaction, PaidOut
from infra.stack import wallet
from tests.contract.test_payout_contract import held
from tests.contract.test_store_payouts import payout
from tests.evm_support import NETWORK, TestClock, address, chain_at
from tests.fakes.log import FakeLog
from tests.payout_support import Payer, coin

PAID, COUNT = 5_000, 10


@pytest.fixture
def payer(anvil):
    return Payer(anvil)


def planner(anvil, network=NETWORK):
    return EvmTransfers(network, chain_at(anvil.url), TestClock(), FakeLog())


def orders(payer, token, count=COUNT, first=0):
    return [Order(payer.treasury.address, token, address(first + n), PAID + n) for n in range(count)]


def send(anvil, payer, planned):
    """Sign by hand what was planned, and mine it; return the receipt as the gateway reads it, and the gas used."""
    tx = planned.transaction
    sent = anvil.send(tx.to, tx.data, value=tx.value, index=payer.index, gas=tx.gas)
    used = int(anvil.rpc("eth_getTransactionReceipt", sent)["gasUsed"], 16)
    return chain_at(anvil.url).receipt(sent), used


@pytest.mark.parametrize("symbol", [None, "USDC", "USDT", "DAI"])
def test_payouts_are_planned_and_made_together_for_less_gas_than_alone(anvil, payer, symbol):
    """The gas given covers what is used; each payment shows in the receipt as the payout's own."""
    token = anvil.tokens[symbol]["address"] if symbol else None
    wanted = orders(payer, token)
    if token is None:
        for order in wanted:
            anvil.pay(order.to, 1)
    else:
        anvil.pay(payer.treasury.address, 10**6, token)
        payer.approve(token)
    plan = planner(anvil)
    assert plan.cannot_pay_together(payer.treasury.address) == ""
    found = plan.quote_payouts(wanted)
    assert (list(found.orders), found.refused) == (wanted, {})
    planned = plan.pay_together(found, None)
    total = sum(each.amount for each in wanted)
    assert (planned.value, planned.amount) == ((0, total) if token else (total, 0))
    receipt, used = send(anvil, payer, planned)
    assert used < planned.transaction.gas
    assert used < COUNT * (45_000 if token else 21_000)
    assert planned.cost >= used * planned.transaction.max_fee
    contract = payout_batcher(payer.treasury.address).address
    for order in wanted:
        own = replace(payout(), token=token, to=order.to, amount=order.amount)
        assert moved(own, payer.treasury.address, receipt, contract) == order.amount
        assert (held(anvil, token, order.to) if token else coin(anvil, order.to) - 1) == order.amount


def test_a_token_that_the_contract_may_not_take_is_allowed_once_where_that_pays(anvil, payer):
    token = anvil.tokens["USDT"]["address"]
    fresh = Payer(anvil, index=8)
    anvil.pay(fresh.treasury.address, 10**6, token)
    plan, treasury = planner(anvil), fresh.treasury.address
    assert plan.quote_payouts(orders(fresh, token)).orders == ()
    assert plan.quote_allowance(treasury, token, 2) is None
    quote = plan.quote_allowance(treasury, token, COUNT)
    receipt, used = send(anvil, fresh, plan.allow(treasury, token, quote, None))
    assert receipt.success
    assert used <= APPROVAL_GAS * 11 // 10
    plan = planner(anvil)
    assert plan.quote_allowance(treasury, token, COUNT) is None
    assert len(plan.quote_payouts(orders(fresh, token)).orders) == COUNT


def test_who_cannot_be_paid_so_is_named_and_harms_no_other(anvil, payer):
    """Of the coin: a contract, which is estimated by itself, and an address that nobody has used."""
    wanted = orders(payer, None, 6, first=200)
    for order in wanted[1:]:
        anvil.pay(order.to, 1)
    contract = anvil.deploy("Recipient", 0)
    found = planner(anvil).quote_payouts([*wanted, replace(wanted[0], to=contract)])
    assert list(found.orders) == wanted[1:]
    assert {key: "contract" in reason for key, reason in found.refused.items()} == {wanted[0].to: False, contract: True}


def test_no_more_are_taken_than_the_chains_gas_and_our_cap_allow(anvil, payer):
    """At a third of the cap for the first attempt, as replacements are dearer."""
    token = anvil.tokens["USDC"]["address"]
    anvil.pay(payer.treasury.address, 10**7, token)
    payer.approve(token)
    plan = planner(anvil)
    whole = plan.quote_payouts(orders(payer, token, 40, first=400))
    assert len(whole.orders) == 40
    gas = plan.pay_together(whole, None).transaction.gas
    assert gas < MOST_GAS
    price = plan.pay_together(whole, None).transaction.max_fee
    poor = planner(anvil, replace(NETWORK, fee_cap=3 * price * gas // 2))
    assert 2 < len(poor.quote_payouts(orders(payer, token, 40, first=400)).orders) < 40


def test_without_the_contract_and_where_gas_pays_a_layer_payouts_go_alone(anvil, payer):
    assert "is not deployed" in planner(anvil).cannot_pay_together(wallet.funded(9).address)
    layered = planner(anvil, replace(NETWORK, gas_estimated=True))
    assert "layer below" in layered.cannot_pay_together(payer.treasury.address)


def test_a_replacement_makes_the_same_payments_at_a_higher_price(anvil, payer):
    token = anvil.tokens["USDC"]["address"]
    anvil.pay(payer.treasury.address, 10**6, token)
    payer.approve(token)
    plan = planner(anvil)
    found = plan.quote_payouts(orders(payer, token, first=500))
    planned = plan.pay_together(found, None)
    attempt = Attempt("0x", "0x", 0, 0, amount=planned.amount, cost=planned.cost, terms=planned.terms)
    written = OutgoingTransaction(
        chain="anvil",
        sender=payer.treasury.address,
        slot=planned.slot,
        path="",
        kind=Kind.PAYOUT,
        members=(),
        asset="usdc",
        token=token,
        to=payer.contract.address,
        attempts=(attempt,),
        payouts=tuple(PaidOut("m", str(n), each.to, each.amount) for n, each in enumerate(found.orders)),
    )
    quote = plan.requote(written, cancel=False)
    again = plan.replacement(written, quote, Held(10**6, 10**18), "", cancel=False)
    assert (again.transaction.data, again.transaction.to) == (planned.transaction.data, planned.transaction.to)
    assert (again.slot, again.amount) == (planned.slot, planned.amount)
    assert again.transaction.max_fee * 8 >= terms_of(attempt).max_fee * 9
    assert plan.replacement(written, quote, Held(planned.amount - 1, 10**18), "", cancel=False) is None


def test_what_is_saved_grows_with_the_number_and_one_alone_saves_nothing():
    assert [count for count in range(6) if saves(count, token=False)] == [3, 4, 5]
    assert [count for count in range(6) if saves(count, token=True)] == [2, 3, 4, 5]
    assert saved(50, token=True) > saved(10, token=True) > APPROVAL_GAS
