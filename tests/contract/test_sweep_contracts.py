"""The contracts that sweep tokens, attacked on a real chain: whatever happens harms nobody but who does it."""

import pytest
from eth_account import Account as EthAccount
from eth_utils.crypto import keccak

from ctrip.domain.chains.evm.sweep_call import SweepCall, parse_sweep, sweep_data
from ctrip.domain.chains.evm.sweep_contracts import DEPLOYER, delegated_to, is_sweep_delegate, sweep_pair
from infra.stack import tokens, wallet
from tests.evm_support import call_data
from tests.sweep_support import GAS_EACH, TREASURY, Batches, code_at, deploy, member, succeeded

PAID = 5_000
SWEEP = "0x01681a62"
SKIPPED = "0x" + keccak(text="Skipped(address,address)").hex()


@pytest.fixture
def batches(anvil):
    return Batches(anvil)


@pytest.fixture
def sabotage(anvil):
    return anvil.deploy("Sabotage")


def mint(anvil, token, to, mode=0, value=PAID):
    anvil.send(token, call_data("Sabotage", "mint", to, value, mode))


def held(anvil, token, who):
    data = f"0x70a08231{who[2:].lower():0>64}"
    return int(anvil.rpc("eth_call", {"to": token, "data": data}, "latest"), 16)


def skipped(receipt):
    return ["0x" + log["topics"][1][26:] for log in receipt["logs"] if log["topics"][0] == SKIPPED]


def lower(*accounts):
    return [account.address.lower() for account in accounts]


# -- where they stand


def test_addresses_and_code_follow_from_treasury_and_operator_alone(anvil, batches):
    """Whoever deploys them, and in whatever order others are deployed."""
    other = sweep_pair(TREASURY.address, wallet.funded(5).address)
    assert {other.batcher.address, other.delegate.address}.isdisjoint(
        {batches.pair.batcher.address, batches.pair.delegate.address}
    )
    deploy(anvil, other)
    assert is_sweep_delegate(other.delegate.runtime)
    assert is_sweep_delegate(code_at(anvil, batches.pair.delegate.address))
    assert not is_sweep_delegate(code_at(anvil, batches.pair.batcher.address))
    assert not is_sweep_delegate(other.delegate.runtime[:-2] + "00")


def test_a_second_deployment_changes_nothing(anvil, batches):
    with pytest.raises(RuntimeError):
        tokens.mined(anvil.url, anvil.send(DEPLOYER, batches.pair.batcher.call, gas=1_000_000))
    assert code_at(anvil, batches.pair.batcher.address) == batches.pair.batcher.runtime


@pytest.mark.parametrize("name", ["delegate", "batcher"])
def test_a_delegate_without_its_batcher_cannot_be_created(anvil, name):
    """Its address would otherwise name a batcher that somebody might put there."""
    pair = sweep_pair(TREASURY.address, wallet.funded(6).address)
    creation = getattr(pair, name)
    if name == "delegate":
        with pytest.raises(RuntimeError):
            tokens.mined(anvil.url, anvil.send(DEPLOYER, creation.call, gas=2_000_000))
        assert code_at(anvil, creation.address) == "0x"
    else:
        tokens.mined(anvil.url, anvil.send(DEPLOYER, creation.call, gas=2_000_000))
        assert code_at(anvil, creation.address) == creation.runtime


def test_the_call_reads_back_and_nothing_else_does():
    call = SweepCall("0x" + "ab" * 20, ("0x" + "01" * 20, "0x" + "ff" * 20), 77_000)
    data = sweep_data(call)
    assert parse_sweep(data) == call
    for wrong in (data[:-2], data + "00" * 32, data.replace("55e08d1f", "55e08d1e"), data.upper(), "0x", ""):
        assert parse_sweep(wrong) is None
    dirty = data[:10] + "1" + data[11:]
    assert parse_sweep(dirty) is None
    assert parse_sweep(sweep_data(SweepCall(call.token, (), 0))) == SweepCall(call.token, (), 0)


# -- what they are for


@pytest.mark.parametrize("symbol", ["USDC", "USDT", "DAI", "FEE"])
def test_tokens_of_each_manner_reach_the_treasury(anvil, batches, symbol):
    """One that answers nothing, one that keeps a share; and once delegated they need no second authorization."""
    token, members = anvil.tokens[symbol]["address"], [member(number) for number in range(3)]
    for turn in range(2):
        before = held(anvil, token, TREASURY.address)
        for each in members:
            anvil.pay(each.address, PAID, token)
        arrived = sum(held(anvil, token, each.address) for each in members)
        receipt = batches.send(token, members, [batches.authorize(each) for each in members] if turn == 0 else [])
        assert succeeded(receipt)
        assert skipped(receipt) == []
        assert [held(anvil, token, each.address) for each in members] == [0, 0, 0]
        kept = sum(value // 100 for value in [arrived // 3] * 3) if symbol == "FEE" else 0
        assert held(anvil, token, TREASURY.address) - before == arrived - kept
        assert all(
            delegated_to(code_at(anvil, each.address)) == batches.pair.delegate.address.lower() for each in members
        )


def test_a_delegated_address_goes_on_taking_plain_payments(anvil, batches):
    """Also from a contract that passes on no more than 2,300 gas."""
    payer, token = member(1), anvil.tokens["USDC"]["address"]
    anvil.pay(payer.address, PAID, token)
    assert succeeded(batches.send(token, [payer], [batches.authorize(payer)]))
    anvil.pay(payer.address, 12_345)
    assert int(anvil.rpc("eth_getBalance", payer.address, "latest"), 16) == 12_345


# -- strangers


def test_a_stranger_moves_nothing_at_the_batcher_nor_at_an_address(anvil, batches):
    """The operator neither, where it goes round the batcher."""
    payer, token, stranger = member(1), anvil.tokens["USDC"]["address"], wallet.funded(7)
    anvil.pay(payer.address, PAID, token)
    refused = batches.send(token, [payer], [batches.authorize(payer)], sender=stranger)
    assert not succeeded(refused)
    direct = SWEEP + f"{token[2:].lower():0>64}"
    for sender in (stranger, batches.operator):
        with pytest.raises(RuntimeError, match=r"revert|d1c41351"):
            anvil.rpc("eth_call", {"from": sender.address, "to": payer.address, "data": direct}, "latest")
    assert held(anvil, token, payer.address) == PAID


def test_after_a_rotation_the_old_pair_moves_nothing(anvil, batches):
    """Re-delegated, an address obeys the new operator alone and pays the new treasury alone."""
    payer, token, old = member(1), anvil.tokens["USDC"]["address"], batches
    anvil.pay(payer.address, PAID, token)
    assert succeeded(old.send(token, [payer], [old.authorize(payer)]))
    new = Batches(anvil, operator=wallet.funded(4), treasury="0x" + "88" * 20)
    anvil.pay(payer.address, PAID, token)
    # Not re-delegated yet: the new batcher is a stranger to the old delegate.
    assert skipped(new.send(token, [payer])) == lower(payer)
    assert held(anvil, token, payer.address) == PAID
    before = held(anvil, token, TREASURY.address)
    assert skipped(new.send(token, [payer], [new.authorize(payer)])) == []
    anvil.pay(payer.address, PAID, token)
    assert skipped(old.send(token, [payer])) == lower(payer)
    assert not succeeded(old.send(token, [payer], sender=wallet.funded(7)))
    assert (held(anvil, token, "0x" + "88" * 20), held(anvil, token, TREASURY.address)) == (PAID, before)
    assert held(anvil, token, payer.address) == PAID


# -- authorizations


def test_an_authorization_that_somebody_uses_first_harms_nobody(anvil, batches):
    """The address delegates to the published contract already; the batch's own authorization is passed over."""
    payer, token, stranger = member(1), anvil.tokens["USDC"]["address"], wallet.funded(7)
    anvil.pay(payer.address, PAID, token)
    public = batches.authorize(payer)
    batches.broadcast(batches.signed(stranger, stranger.address, "0x", [public], 100_000))
    anvil.mine()
    assert delegated_to(code_at(anvil, payer.address)) == batches.pair.delegate.address.lower()
    assert held(anvil, token, payer.address) == PAID
    assert skipped(batches.send(token, [payer], [public])) == []
    assert held(anvil, token, payer.address) == 0


def test_an_authorization_that_is_used_twice_undoes_no_later_one(anvil, batches):
    """A rotation stands, although the older authorization is public."""
    payer, stranger = member(1), wallet.funded(7)
    old, new = batches.authorize(payer), Batches(anvil, operator=wallet.funded(4))
    batches.broadcast(batches.signed(stranger, stranger.address, "0x", [old], 100_000))
    for each in (new.authorize(payer), old):
        batches.broadcast(batches.signed(stranger, stranger.address, "0x", [each], 100_000))
    assert delegated_to(code_at(anvil, payer.address)) == new.pair.delegate.address.lower()


@pytest.mark.parametrize(
    "changes", [{"chainId": 1}, {"nonce": 1}, {"nonce": 7}], ids=["another chain's", "a later nonce's", "far ahead"]
)
def test_an_authorization_that_does_not_hold_leaves_the_tokens_where_they_are(anvil, batches, changes):
    """And the other members are swept. One for every chain (0) is never made: the signer takes the chain's own."""
    good, bad, token = member(1), member(2), anvil.tokens["USDC"]["address"]
    for each in (good, bad):
        anvil.pay(each.address, PAID, token)
    receipt = batches.send(token, [bad, good], [batches.authorize(bad, **changes), batches.authorize(good)])
    assert succeeded(receipt)
    assert skipped(receipt) == lower(bad)
    assert (held(anvil, token, bad.address), held(anvil, token, good.address)) == (PAID, 0)
    assert code_at(anvil, bad.address) == "0x"


def test_an_authorization_signed_by_another_key_delegates_the_other_address(anvil, batches):
    good, bad, token = member(1), member(2), anvil.tokens["USDC"]["address"]
    anvil.pay(good.address, PAID, token)
    wanted = {"chainId": 31337, "address": batches.pair.delegate.address, "nonce": 0}
    assert skipped(batches.send(token, [good], [EthAccount.sign_authorization(wanted, bad.key)])) == lower(good)
    assert held(anvil, token, good.address) == PAID


# -- bad members

MODES = {
    "reverts": 1,
    "burns all gas": 2,
    "says false": 3,
    "answers short": 7,
    "answers two": 8,
    "reverts at length": 9,
    "burns all gas when asked for a balance": 10,
    "tells no balance": 11,
}


@pytest.mark.parametrize("mode", MODES.values(), ids=list(MODES))
@pytest.mark.parametrize("place", [0, 1, 2], ids=["first", "in the middle", "last"])
def test_a_bad_member_harms_no_other(anvil, batches, sabotage, mode, place):
    """It keeps what it had, and costs its share of gas at most."""
    members = [member(number) for number in range(3)]
    for number, each in enumerate(members):
        mint(anvil, sabotage, each.address, mode if number == place else 0)
    receipt = batches.send(sabotage, members, [batches.authorize(each) for each in members])
    assert succeeded(receipt)
    assert skipped(receipt) == lower(members[place])
    assert held(anvil, sabotage, TREASURY.address) == 2 * PAID
    assert int(receipt["gasUsed"], 16) < 3 * (25_000 + 40_000) + 60_000 + GAS_EACH


def test_a_token_that_claims_to_have_moved_moves_nothing_and_harms_no_other(anvil, batches, sabotage):
    """The call counts as done; what is believed is the log, and there is none of that member."""
    liar, good = member(1), member(2)
    mint(anvil, sabotage, liar.address, 4)
    mint(anvil, sabotage, good.address)
    receipt = batches.send(sabotage, [liar, good], [batches.authorize(liar), batches.authorize(good)])
    moved = {"0x" + log["topics"][1][26:] for log in receipt["logs"] if log["address"] == sabotage.lower()}
    assert moved == set(lower(good))
    assert held(anvil, sabotage, TREASURY.address) == PAID


def test_an_answer_at_length_is_not_copied(anvil, batches, sabotage):
    """20,000 bytes cost what their maker pays for them, and are taken for what their first word says."""
    members = [member(1), member(2)]
    for each in members:
        mint(anvil, sabotage, each.address, 5)
    receipt = batches.send(sabotage, members, [batches.authorize(each) for each in members])
    assert (skipped(receipt), held(anvil, sabotage, TREASURY.address)) == ([], 2 * PAID)


@pytest.mark.parametrize("what", ["the batcher", "another member", "the same member", "the delegate itself"])
def test_a_token_that_calls_back_moves_nothing(anvil, batches, sabotage, what):
    """Whatever it calls, it is neither the operator nor the batcher."""
    caller, other, pair = member(1), member(2), batches.pair
    token = anvil.tokens["USDC"]["address"]
    anvil.pay(other.address, PAID, token)
    for each in (caller, other):
        mint(anvil, sabotage, each.address, 6 if each is caller else 0)
    direct = SWEEP + f"{token[2:].lower():0>64}"
    target, data = {
        "the batcher": (pair.batcher.address, sweep_data(SweepCall(token, (other.address,), GAS_EACH))),
        "another member": (other.address, direct),
        "the same member": (caller.address, SWEEP + f"{sabotage[2:].lower():0>64}"),
        "the delegate itself": (pair.delegate.address, direct),
    }[what]
    anvil.send(sabotage, call_data("Sabotage", "aim", target, bytes.fromhex(data[2:])))
    receipt = batches.send(sabotage, [caller, other], [batches.authorize(each) for each in (caller, other)])
    assert succeeded(receipt)
    assert int(anvil.rpc("eth_call", {"to": sabotage, "data": call_data("Sabotage", "reentered")}, "latest"), 16) == 0
    assert held(anvil, token, other.address) == PAID
    assert held(anvil, sabotage, TREASURY.address) == 2 * PAID


def test_members_without_code_with_other_code_and_with_nothing_are_skipped(anvil, batches):
    """A contract that answers at length, a plain address, one without tokens, the same one twice."""
    good, plain, empty, token = member(1), member(2), member(3), anvil.tokens["USDC"]["address"]
    for each in (good, plain):
        anvil.pay(each.address, PAID, token)
    lengthy = anvil.deploy("Hostile", 5)
    receipt = batches.send(
        token,
        [lengthy, plain, good, empty, good],
        [batches.authorize(good), batches.authorize(empty)],
    )
    assert succeeded(receipt)
    assert skipped(receipt) == [lengthy.lower(), *lower(plain, empty, good)]
    assert held(anvil, token, TREASURY.address) >= PAID
    assert held(anvil, token, plain.address) == PAID


def test_where_the_gas_ends_what_was_moved_stays_moved(anvil, batches, sabotage):
    """Members that burn it all leave none for the last: it is left out, and keeps its tokens."""
    members = [member(number) for number in range(4)]
    for number, each in enumerate(members):
        mint(anvil, sabotage, each.address, 2 if number in (1, 2) else 0)
    limit = 21_000 + 4 * 25_000 + 12_000 + 2 * GAS_EACH + 60_000
    receipt = batches.send(sabotage, members, [batches.authorize(each) for each in members], gas=limit)
    assert succeeded(receipt)
    assert held(anvil, sabotage, members[0].address) == 0
    assert held(anvil, sabotage, members[3].address) == PAID


def test_nobody_is_given_less_gas_than_was_meant(anvil, batches, sabotage):
    """A caller who chooses the limit cannot let a member fail for want of gas while the batch goes on."""
    payer = member(1)
    mint(anvil, sabotage, payer.address)
    receipt = batches.send(sabotage, [payer], [batches.authorize(payer)], gas=21_000 + 25_000 + 40_000, gas_each=60_000)
    assert succeeded(receipt)
    assert (skipped(receipt), held(anvil, sabotage, payer.address)) == ([], PAID)
