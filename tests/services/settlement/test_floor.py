"""What is not worth its transaction: refused by what is known of the chain's fees, and else left to wait."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctrip.domain.chains.assets import Asset
from ctrip.domain.errors import InvalidField, Unavailable
from ctrip.domain.settlement.floor import AGAIN_MS, KNOWN_MS, PayoutCosts, least_net, worth_sending
from ctrip.domain.settlement.payout import PayoutState
from ctrip.domain.settlement.rules import PayoutRules
from ctrip.services.settlement.ask_payout import AskRefund
from ctrip.services.settlement.send_payouts import DEAR_MS, TOO_DEAR
from tests.fakes.chain import FakeChain
from tests.services.settlement.test_paying_out import COIN, OWN, PART, PAYER, ask, paid_world, payout, run
from tests.world import NETWORK, ORIGIN, USDC

COIN_GAS, TOKEN_GAS = 21_000, 65_000
RATED = replace(USDC, coin_value=10**9)  # base units of the coin for a whole token


def known(world):
    """Have the worker note what payouts cost; return it for the coin and for a token."""
    world.stage.payouts.worker.run()
    costs = world.stores.money.payout_costs(["anvil"])["anvil"]
    return costs.coin, costs.token


def refused(world, do):
    """Check that a request is refused and sets nothing aside; return the amount that it names."""
    before = len(world.stores.payouts.commits)
    with pytest.raises(InvalidField) as caught:
        do()
    (error,) = caught.value.errors
    assert (error.field, error.code) == ("amount", "below_minimum")
    assert len(world.stores.payouts.commits) == before
    assert world.stores.payouts.reservations("m1") == []
    return int(error.detail.split()[4])


def test_a_settlement_of_less_than_its_transaction_costs_is_refused_with_the_least_amount() -> None:
    world, _ = paid_world()
    coin, token = known(world)
    assert (coin, token) == (COIN_GAS * (coin // COIN_GAS), TOKEN_GAS * (coin // COIN_GAS))
    assert refused(world, lambda: ask(world, amount=coin - 1)) == coin
    assert payout(world, ask(world, amount=coin)).amount == coin


def test_a_refund_of_less_than_its_transaction_costs_is_refused_with_the_least_amount() -> None:
    world, payment = paid_world()
    coin, _ = known(world)

    def refund(amount):
        asked = AskRefund(address=PAYER, amount=amount)
        return world.stage.settlement.asker.refund(world.merchant, payment.id, asked, ORIGIN).view

    assert refused(world, lambda: refund(coin - 1)) == coin
    assert refund(coin)["amount"] == coin


def test_the_least_settlement_leaves_the_network_cost_after_the_operators_fee() -> None:
    world, _ = paid_world(CTRIP_PAYOUTS='{"anvil": {"ETH": {"fee_per_mille": 30, "fee_fixed": "11"}}}')
    coin, _ = known(world)
    least = refused(world, lambda: ask(world, amount=coin))
    assert refused(world, lambda: ask(world, amount=least - 1)) == least
    assert payout(world, ask(world, amount=least)).net == coin


def test_all_that_is_free_is_refused_where_it_is_not_worth_its_transaction() -> None:
    world, _ = paid_world(10)
    coin, _ = known(world)
    assert refused(world, lambda: ask(world)) == coin


def test_a_token_is_judged_by_its_rate_against_the_coin() -> None:
    world, _ = paid_world(asset="USDC")
    _, token = known(world)
    world.network = replace(NETWORK, tokens=(RATED,))
    world.stage = type(world.stage)(world.stage.adapters)
    least = least_net(RATED, token)
    assert RATED.worth(least) >= token > RATED.worth(least - 1)
    assert refused(world, lambda: ask(world, asset="USDC", amount=least - 1)) == least
    assert payout(world, ask(world, asset="USDC", amount=least)).amount == least


@pytest.mark.parametrize("why", ["nobody has asked yet", "it was long ago", "nobody says what the token is worth"])
def test_what_is_unknown_refuses_nobody(why) -> None:
    world, _ = paid_world(asset="USDC" if "token" in why else None)
    if why != "nobody has asked yet":
        known(world)
    if why == "it was long ago":
        world.clock.at += KNOWN_MS
    assert ask(world, asset="USDC" if "token" in why else None, amount=1)


def test_no_node_is_asked_by_a_request(monkeypatch) -> None:
    world, _ = paid_world()
    known(world)
    world.chain = None
    refused(world, lambda: ask(world, amount=1))


def test_costs_are_asked_again_now_and_then_and_a_chain_that_does_not_answer_harms_no_payout(monkeypatch) -> None:
    world, _ = paid_world()
    known(world)
    asked = []
    real = FakeChain.fees
    monkeypatch.setattr(FakeChain, "fees", lambda self: asked.append(1) or real(self))
    world.stage.payouts.worker.run()
    assert asked == []
    world.clock.at += AGAIN_MS
    world.chain.base_fee *= 3
    before = world.stores.money.payout_costs(["anvil"])["anvil"].coin
    assert known(world)[0] > before

    def silent(_):
        raise Unavailable("no endpoint answers")

    monkeypatch.setattr(FakeChain, "fees", silent)
    world.clock.at += AGAIN_MS
    assert known(world)
    assert "payout_costs_unknown" in [each[1] for each in world.log.lines]


def test_what_has_become_too_dear_waits_with_a_reason_and_is_sent_when_gas_is_cheaper() -> None:
    """More gas than it moves is never paid; after hours a person is asked to look."""
    world, _ = paid_world()
    payout_id = ask(world, amount=PART)
    world.chain.base_fee *= 10**6
    run(world, 2)
    held = payout(world, payout_id)
    assert (held.state, held.reason) == (PayoutState.APPROVED, TOO_DEAR)
    assert "payout_too_dear" not in world.log.alarms()
    world.clock.at += DEAR_MS
    run(world, 1)
    assert "payout_too_dear" in world.log.alarms()
    assert world.chain.total(None, [OWN]) == 0
    world.chain.base_fee = 7
    run(world)
    done = payout(world, payout_id)
    assert (done.state, done.reason) == (PayoutState.COMPLETED, "")
    assert world.chain.total(None, [OWN]) == PART


def test_one_that_is_too_dear_keeps_no_other_from_being_sent() -> None:
    world, _ = paid_world()
    small, large = ask(world, amount=PART), ask(world, amount=COIN // 2)
    world.chain.base_fee *= 10**6
    run(world)
    assert payout(world, small).state is PayoutState.APPROVED
    assert payout(world, large).state is PayoutState.COMPLETED


@given(net=st.integers(1, 10**30), per_mille=st.integers(0, 999), fixed=st.integers(0, 10**20))
def test_the_least_amount_is_the_very_least_of_which_enough_is_left(net, per_mille, fixed) -> None:
    rules = PayoutRules(fee_per_mille=per_mille, fee_fixed=fixed)
    least = rules.least_amount(net)
    assert least is not None
    assert least - rules.fee(least) >= net > least - 1 - rules.fee(least - 1)


@given(cost=st.integers(0, 10**30), decimals=st.integers(0, 18), value=st.integers(1, 10**24))
def test_the_least_that_is_sent_is_the_very_least_that_is_worth_it(cost, decimals, value) -> None:
    asset = Asset("anvil", "T", decimals, "id", "0x", coin_value=value)
    least = least_net(asset, cost)
    assert worth_sending(asset, least, cost)
    assert least == 1 or not worth_sending(asset, least - 1, cost)


def test_costs_are_known_for_an_hour() -> None:
    costs = PayoutCosts(chain="anvil", coin=1, token=2, at=10)
    assert [costs.of(USDC, 10 + KNOWN_MS - 1), costs.of(NETWORK.coin, 10), costs.of(USDC, 10 + KNOWN_MS)] == [
        2,
        1,
        None,
    ]


def test_a_fee_that_takes_all_leaves_no_least_amount() -> None:
    assert PayoutRules(fee_per_mille=1000).least_amount(1) is None
