"""The contract that pays many, attacked on a real chain: who harms it harms himself, and the treasury loses nothing."""

import pytest

from ctrip.domain.chains.evm.pay_call import PayCall, approve_data, parse_approve, parse_pay, pay_data
from ctrip.domain.chains.evm.sweep_contracts import DEPLOYER, payout_batcher
from infra.stack import tokens, wallet
from tests.evm_support import address, call_data
from tests.payout_support import GAS_EACH, Payer, coin, paid, skipped
from tests.sweep_support import code_at, succeeded

PAID = 5_000
SOME = [address(number) for number in range(4)]


@pytest.fixture
def payer(anvil):
    return Payer(anvil)


def held(anvil, token, who):
    data = f"0x70a08231{who[2:].lower():0>64}"
    return int(anvil.rpc("eth_call", {"to": token, "data": data}, "latest"), 16)


def left(anvil, payer, token=None):
    """Return what the contract itself holds, which is always nothing."""
    return coin(anvil, payer.contract.address) if token is None else held(anvil, token, payer.contract.address)


# -- where it stands, and what its call looks like


def test_its_address_and_code_follow_from_the_treasury_alone(anvil, payer):
    other = payout_batcher(wallet.funded(5).address)
    assert other.address != payer.contract.address
    assert other.runtime != payer.contract.runtime
    with pytest.raises(RuntimeError):
        tokens.mined(anvil.url, anvil.send(DEPLOYER, payer.contract.call, gas=2_000_000))
    assert code_at(anvil, payer.contract.address) == payer.contract.runtime


def test_calls_read_back_and_nothing_else_does():
    for token in (None, "0x" + "ab" * 20):
        call = PayCall(token, (("0x" + "01" * 20, 2**256 - 1), ("0x" + "ff" * 20, 7)), 77_000)
        data = pay_data(call)
        assert parse_pay(data) == call
        for wrong in (
            data[:-2],
            data[:-64],
            data + "00" * 32,
            data.replace("20889f31", "20889f30"),
            data.upper(),
            "0x",
        ):
            assert parse_pay(wrong) is None
        assert parse_pay(data[:10] + "1" + data[11:]) is None
        dirty = data[: 10 + 64 * 4] + "1" + data[11 + 64 * 4 :]
        assert parse_pay(dirty) is None
    approval = approve_data("0x" + "ab" * 20)
    assert parse_approve(approval) == "0x" + "ab" * 20
    for wrong in (approval[:-1] + "e", approval + "00", approval[:10] + "1" + approval[11:], ""):
        assert parse_approve(wrong) is None


# -- what it is for


def test_the_coin_reaches_every_recipient_and_nothing_stays(anvil, payer):
    before = [coin(anvil, each) for each in SOME]
    receipt = payer.pay(None, [(each, PAID + number) for number, each in enumerate(SOME)])
    assert succeeded(receipt)
    assert [coin(anvil, each) - was for each, was in zip(SOME, before, strict=True)] == [PAID + n for n in range(4)]
    assert paid(receipt, payer.contract.address, payer.treasury.address) == {
        each.lower(): PAID + number for number, each in enumerate(SOME)
    }
    assert (skipped(receipt), left(anvil, payer)) == ([], 0)


@pytest.mark.parametrize("symbol", ["USDC", "USDT", "DAI"])
def test_tokens_of_each_manner_reach_every_recipient(anvil, payer, symbol):
    """Also one that answers nothing; from the treasury itself, without a stop at the contract."""
    token = anvil.tokens[symbol]["address"]
    anvil.pay(payer.treasury.address, 100 * PAID, token)
    assert succeeded(payer.approve(token))
    before = held(anvil, token, payer.treasury.address)
    receipt = payer.pay(token, [(each, PAID) for each in SOME])
    assert succeeded(receipt)
    assert [held(anvil, token, each) for each in SOME] == [PAID] * 4
    assert before - held(anvil, token, payer.treasury.address) == 4 * PAID
    assert paid(receipt, token, payer.treasury.address) == {each.lower(): PAID for each in SOME}
    assert (skipped(receipt), left(anvil, payer, token)) == ([], 0)


# -- strangers


def test_a_stranger_moves_nothing(anvil, payer):
    """Neither coin of his own through it, nor tokens that the treasury has approved."""
    token = anvil.tokens["USDC"]["address"]
    anvil.pay(payer.treasury.address, PAID, token)
    payer.approve(token)
    before = held(anvil, token, payer.treasury.address)
    for wanted in (token, None):
        assert not succeeded(payer.pay(wanted, [(SOME[0], PAID)], index=7))
    assert held(anvil, token, payer.treasury.address) == before


def test_it_takes_no_coin_that_it_was_not_called_with(anvil, payer):
    """What is forced on it goes to the treasury with the next payment, and to nobody else."""
    with pytest.raises(RuntimeError):
        tokens.mined(anvil.url, anvil.send(payer.contract.address, value=1, gas=100_000))
    force = anvil.deploy("Recipient", 0)
    anvil.send(force, call_data("Recipient", "force", payer.contract.address), value=77)
    assert left(anvil, payer) == 77
    before = coin(anvil, SOME[0])
    receipt = payer.pay(None, [(SOME[0], PAID)])
    assert succeeded(receipt)
    assert (coin(anvil, SOME[0]) - before, left(anvil, payer)) == (PAID, 0)


def test_coin_beside_a_token_and_a_token_that_is_none_are_refused(anvil, payer):
    token = anvil.tokens["USDC"]["address"]
    anvil.pay(payer.treasury.address, PAID, token)
    payer.approve(token)
    assert not succeeded(payer.pay(token, [(SOME[0], PAID)], value=1))
    assert not succeeded(payer.pay(address(99), [(SOME[0], PAID)]))


# -- one bad recipient harms no other


@pytest.mark.parametrize("mode", [1, 2, 5])
def test_a_recipient_that_refuses_the_coin_is_left_out_and_its_part_comes_back(anvil, payer, mode):
    """By reverting, by burning all gas, by an answer at length: each costs its own share of gas and no more."""
    bad = anvil.deploy("Recipient", mode)
    before = coin(anvil, payer.treasury.address)
    there = coin(anvil, SOME[0]), coin(anvil, SOME[1])
    receipt = payer.pay(None, [(SOME[0], PAID), (bad, PAID), (SOME[1], PAID)])
    assert succeeded(receipt)
    assert skipped(receipt) == [bad.lower()]
    assert (coin(anvil, SOME[0]), coin(anvil, SOME[1])) == (there[0] + PAID, there[1] + PAID)
    fee = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    assert before - coin(anvil, payer.treasury.address) == 2 * PAID + fee
    assert left(anvil, payer) == 0
    assert int(receipt["gasUsed"], 16) < 260_000


@pytest.mark.parametrize("mode", [3, 6])
def test_a_recipient_that_answers_at_length_or_gives_it_on_is_paid(anvil, payer, mode):
    odd = anvil.deploy("Recipient", mode)
    anvil.send(odd, call_data("Recipient", "aim", SOME[3], b""))
    receipt = payer.pay(None, [(odd, PAID), (SOME[1], PAID)])
    assert succeeded(receipt)
    assert paid(receipt, payer.contract.address, payer.treasury.address) == {odd.lower(): PAID, SOME[1].lower(): PAID}


def test_a_recipient_that_calls_back_gets_nothing_more(anvil, payer):
    """It is not the treasury: its call of the contract reverts, whatever lies there in that moment."""
    thief = anvil.deploy("Recipient", 4)
    again = pay_data(PayCall(None, ((thief, PAID),), 30_000))
    anvil.send(thief, call_data("Recipient", "aim", payer.contract.address, bytes.fromhex(again[2:])))
    before = coin(anvil, SOME[0])
    receipt = payer.pay(None, [(thief, PAID), (SOME[0], 3 * PAID)])
    assert succeeded(receipt)
    assert (coin(anvil, thief), coin(anvil, SOME[0]) - before, left(anvil, payer)) == (PAID, 3 * PAID, 0)
    reentered = anvil.rpc("eth_call", {"to": thief, "data": call_data("Recipient", "reentered")}, "latest")
    assert int(reentered, 16) == 0


@pytest.mark.parametrize("mode", [1, 2, 3, 4, 7, 8, 9])
def test_a_token_that_refuses_one_recipient_pays_the_others(anvil, payer, mode):
    """Blacklisted, burning all gas, false, lying, answering short or two: by its logs one sees who was paid."""
    token = anvil.deploy("Sabotage")
    anvil.send(token, call_data("Sabotage", "mint", payer.treasury.address, 100 * PAID, 0))
    anvil.send(token, call_data("Sabotage", "mint", SOME[1], 0, mode))
    receipt = payer.pay(token, [(each, PAID) for each in SOME])
    assert succeeded(receipt)
    told = paid(receipt, token, payer.treasury.address)
    moved = {each.lower(): held(anvil, token, each) for each in SOME if held(anvil, token, each)}
    assert told == moved
    assert {each.lower() for each in (SOME[0], SOME[2], SOME[3])} <= set(told)
    assert int(receipt["gasUsed"], 16) < 450_000


def test_a_token_that_calls_back_moves_nothing_more(anvil, payer):
    token = anvil.deploy("Sabotage")
    anvil.send(token, call_data("Sabotage", "mint", payer.treasury.address, 100 * PAID, 0))
    anvil.send(token, call_data("Sabotage", "mint", SOME[1], 0, 6))
    again = pay_data(PayCall(token, ((SOME[1], PAID),), 30_000))
    anvil.send(token, call_data("Sabotage", "aim", payer.contract.address, bytes.fromhex(again[2:])))
    receipt = payer.pay(token, [(each, PAID) for each in SOME], gas_each=200_000)
    assert succeeded(receipt)
    assert [held(anvil, token, each) for each in SOME] == [PAID] * 4
    assert int(anvil.rpc("eth_call", {"to": token, "data": call_data("Sabotage", "reentered")}, "latest"), 16) == 0


def test_without_an_approval_nothing_moves_and_everybody_is_named(anvil, payer):
    token = anvil.tokens["DAI"]["address"]
    fresh = Payer(anvil, index=6)
    anvil.pay(fresh.treasury.address, 10 * PAID, token)
    receipt = fresh.pay(token, [(each, PAID) for each in SOME[:2]])
    assert succeeded(receipt)
    assert skipped(receipt) == [each.lower() for each in SOME[:2]]
    assert paid(receipt, token, fresh.treasury.address) == {}


def test_with_too_little_gas_it_stops_before_a_recipient_and_the_rest_comes_back(anvil, payer):
    """Nobody is given less than his share: a recipient that works is never failed by those before him."""
    greedy = [anvil.deploy("Recipient", 2) for _ in range(3)]
    before, there = coin(anvil, payer.treasury.address), coin(anvil, SOME[0])
    wanted = [*((each, PAID) for each in greedy), (SOME[0], PAID)]
    receipt = payer.pay(None, wanted, gas=250_000)
    assert succeeded(receipt)
    assert skipped(receipt) == [each.lower() for each in greedy[:2]] or len(skipped(receipt)) < 3
    fee = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    arrived = coin(anvil, SOME[0]) - there
    assert before - coin(anvil, payer.treasury.address) == arrived + fee
    assert (arrived, left(anvil, payer)) == (0, 0)


def test_with_less_coin_than_it_is_to_pay_the_last_are_left_out(anvil, payer):
    there = [coin(anvil, each) for each in SOME[:2]]
    receipt = payer.pay(None, [(SOME[0], PAID), (SOME[1], PAID)], value=PAID + 1)
    assert succeeded(receipt)
    assert skipped(receipt) == [SOME[1].lower()]
    assert [coin(anvil, each) - was for each, was in zip(SOME[:2], there, strict=True)] == [PAID, 0]
    assert left(anvil, payer) == 0


def test_a_batch_of_a_token_to_a_hundred_has_room_under_the_chains_cap(anvil, payer):
    token = anvil.tokens["USDC"]["address"]
    anvil.pay(payer.treasury.address, 200 * PAID, token)
    payer.approve(token)
    many = [address(1000 + number) for number in range(100)]
    receipt = payer.pay(token, [(each, PAID) for each in many], gas_each=GAS_EACH, gas=16_777_216)
    assert succeeded(receipt)
    assert len(paid(receipt, token, payer.treasury.address)) == 100
