"""Batches as the planner makes them, on a real chain: who is in, who is not and why, and how much gas they may take."""

from dataclasses import replace

import pytest
from eth_account import Account as EthAccount

from ctrip.chains.evm.batches import MOST_GAS, ROOM
from ctrip.chains.evm.terms import member_terms, terms_of
from ctrip.chains.evm.transfers import EvmTransfers
from ctrip.domain.chains.evm.sweep_contracts import DEPLOYER, delegated_to, sweep_pair
from ctrip.domain.sweeping.plan import Order
from ctrip.domain.sweeping.sweep import Attempt
from ctrip.services.sweeping.sign_transaction import GuardedSigner
from ctrip.signer.wallet import MnemonicWallet
from infra.stack import wallet
from tests.contract.test_sweep_contracts import held, mint
from tests.evm_support import NETWORK, TestClock, chain_at, running_anvil
from tests.fakes.log import FakeLog
from tests.sweep_support import TREASURY, Batches, code_at, deploy, member

OPERATOR = wallet.operator()
WALLET = MnemonicWallet(wallet.LOCAL_MNEMONIC)
SIGNER = GuardedSigner(lambda: WALLET, {"anvil": TREASURY.address}, {"anvil": NETWORK}, lambda: False)
PAID = 5_000


def transfers(url, network=NETWORK):
    return EvmTransfers(network, chain_at(url), TestClock(), FakeLog())


def orders(token, count, amount=PAID):
    return [
        Order(member(number).address, token, TREASURY.address, amount, f"m/44'/60'/77'/0/{number}")
        for number in range(count)
    ]


def send(anvil, planner, collection, slot=None):
    """Sign a planned batch by the guarded signer, and mine it."""
    slot = slot or planner.next_slot(OPERATOR.address, None)
    planned = planner.collect(collection, OPERATOR.address, slot)
    signed = SIGNER.sign("anvil", wallet.OPERATOR_PATH, OPERATOR.address, planned.transaction)
    planner.node.broadcast(signed.raw)
    anvil.mine()
    return planned, planner.node.receipt(signed.tx_hash)


@pytest.fixture
def pair(anvil):
    return deploy(anvil, sweep_pair(TREASURY.address, OPERATOR.address))


def test_a_batch_is_planned_signed_and_mined_and_the_next_one_authorizes_nobody(anvil, pair):
    """The guard of the signer agrees with the planner, and the gas given covers what is used before refunds."""
    token = anvil.tokens["USDT"]["address"]
    for turn, authorizing in ((1, 5), (2, 0)):
        for number in range(5):
            anvil.pay(member(number).address, PAID, token)
        planner = transfers(anvil.url)
        assert planner.cannot_collect(TREASURY.address, OPERATOR.address) == ""
        found = planner.quote_collection(orders(token, 5), OPERATOR.address)
        assert sum(1 for each in found.terms.values() if member_terms(each).nonce_after) == authorizing
        planned, receipt = send(anvil, planner, found)
        assert len(planned.transaction.authorizations) == authorizing
        assert (receipt.success, planned.amount, len(receipt.token_transfers)) == (True, 5 * PAID, 5)
        assert held(anvil, token, TREASURY.address) == turn * 5 * PAID
        assert receipt.fee < planned.cost


def test_who_cannot_be_swept_so_is_named_with_the_reason_and_harms_no_other(anvil, pair):
    """A blacklisted address, one that delegates to a stranger's contract, a contract."""
    token = anvil.deploy("Sabotage")
    stranger = anvil.deploy("Hostile", 1)
    for number in range(4):
        mint(anvil, token, member(number).address, mode={1: 1, 2: 3}.get(number, 0))
    mint(anvil, token, stranger)
    delegate(anvil, member(3), stranger)
    wanted = [*orders(token, 4), Order(stranger, token, TREASURY.address, PAID, "m/44'/60'/77'/0/9")]
    planner = transfers(anvil.url)
    found = planner.quote_collection(wanted, OPERATOR.address)
    assert [order.sender for order in found.orders] == [member(0).address]
    reasons = {number: found.refused[member(number).address] for number in (1, 2, 3)}
    assert "blacklisted" in reasons[1] or "revert" in reasons[1]
    assert "moved nothing" in reasons[2]
    assert stranger.lower() in reasons[3]
    assert "contract" in found.refused[stranger]
    assert send(anvil, planner, found)[1].success
    assert held(anvil, token, TREASURY.address) == PAID


def test_after_a_rotation_addresses_delegate_to_the_new_pair(anvil, pair):
    """They are not taken for addresses that somebody else has delegated."""
    token = anvil.tokens["USDC"]["address"]
    old = Batches(anvil, operator=wallet.funded(4), treasury="0x" + "99" * 20)
    anvil.pay(member(0).address, PAID, token)
    old.send(token, [member(0)], [old.authorize(member(0))])
    assert delegated_to(code_at(anvil, member(0).address)) == old.pair.delegate.address.lower()
    anvil.pay(member(0).address, PAID, token)
    planner = transfers(anvil.url)
    found = planner.quote_collection(orders(token, 1), OPERATOR.address)
    assert member_terms(found.terms[member(0).address]).nonce_after == 2
    assert send(anvil, planner, found)[1].success
    assert delegated_to(code_at(anvil, member(0).address)) == pair.delegate.address.lower()
    assert held(anvil, token, TREASURY.address) == PAID


def test_every_member_that_burns_its_share_leaves_enough_for_the_last(anvil, pair):
    """The limit that is planned holds where all but the last use up what they are given."""
    token = anvil.deploy("Sabotage")
    for number in range(6):
        mint(anvil, token, member(number).address)
    planner = transfers(anvil.url)
    found = planner.quote_collection(orders(token, 6), OPERATOR.address)
    assert len(found.orders) == 6
    for number in range(5):  # they turn bad after they were tried
        mint(anvil, token, member(number).address, mode=2)
    receipt = send(anvil, planner, found)[1]
    assert receipt.success
    assert [log.sender.lower() for log in receipt.token_transfers] == [member(5).address.lower()]


def test_a_batch_is_as_large_as_gas_and_our_cap_on_a_fee_allow(anvil, pair):
    """The most important first; the others wait for the next one."""
    token = anvil.tokens["USDC"]["address"]
    for number in range(4):
        anvil.pay(member(number).address, PAID, token)
    whole = transfers(anvil.url).quote_collection(orders(token, 4), OPERATOR.address)
    capped = transfers(anvil.url, replace(NETWORK, fee_cap=ROOM * (whole.quote.fee - 1)))
    some = capped.quote_collection(orders(token, 4), OPERATOR.address)
    assert [order.sender for order in some.orders] == [order.sender for order in whole.orders[:3]]
    assert some.quote.fee < whole.quote.fee
    assert some.refused == {}
    none = transfers(anvil.url, replace(NETWORK, fee_cap=1)).quote_collection(orders(token, 4), OPERATOR.address)
    assert none.orders == ()
    first = terms_of(Attempt("", "", 0, 0, terms=whole.quote.terms))
    assert first.gas < MOST_GAS
    assert 3 * first.gas_each < first.gas


def test_a_part_of_what_was_quoted_is_planned_with_the_gas_of_that_part(anvil, pair):
    """Members that were not reserved are left out of the call and of the authorizations."""
    token = anvil.tokens["USDC"]["address"]
    for number in range(4):
        anvil.pay(member(number).address, PAID, token)
    planner = transfers(anvil.url)
    found = planner.quote_collection(orders(token, 4), OPERATOR.address)
    part = replace(found, orders=found.orders[1:3])
    planned, receipt = send(anvil, planner, part)
    assert planned.cost < found.quote.fee
    assert {each.address for each in planned.transaction.authorizations} == {member(1).address, member(2).address}
    assert (receipt.success, len(receipt.token_transfers), planned.amount) == (True, 2, 2 * PAID)


def test_where_a_contract_is_missing_or_another_there_are_no_batches(anvil):
    """The reason names the contract and the command that deploys it."""

    def reason():
        return transfers(anvil.url).cannot_collect(TREASURY.address, OPERATOR.address)

    assert "SweepBatcher is not deployed" in reason()
    pair = sweep_pair(TREASURY.address, OPERATOR.address)
    anvil.send(DEPLOYER, pair.batcher.call)
    assert "SweepDelegate is not deployed" in reason()
    assert "ctrip contracts deploy anvil" in reason()
    anvil.rpc("anvil_setCode", pair.delegate.address, pair.batcher.runtime)
    anvil.mine()
    assert "SweepDelegate is not what" in reason()


def test_where_a_chain_does_not_know_type_4_there_are_no_batches():
    """Whatever code stands there: an older fork refuses the transaction, or passes over what it authorizes."""
    with running_anvil("--hardfork", "cancun", with_tokens=False) as old:
        pair = sweep_pair(TREASURY.address, OPERATOR.address)
        for creation in (pair.batcher, pair.delegate):
            old.rpc("anvil_setCode", creation.address, creation.runtime)
        assert "EIP-7702" in transfers(old.url).cannot_collect(TREASURY.address, OPERATOR.address)


def delegate(anvil, account, to):
    """Let an account delegate to any contract, as its own key allows."""
    authorization = EthAccount.sign_authorization({"chainId": 31337, "address": to, "nonce": 0}, account.key)
    other, payer = Batches(anvil, operator=wallet.funded(8)), wallet.funded(8)
    other.broadcast(other.signed(payer, payer.address, "0x", [authorization], 100_000))
