"""A refund whose payer names the address, on a page whose link only they have."""

import pytest

from ctrip.domain.audit import Origin
from ctrip.domain.errors import Conflict, InvalidField, NotFound
from ctrip.domain.settlement.payout import Booking, PayoutState
from ctrip.services.settlement.ask_payout import CLAIM_MS, AskRefund
from tests.services.settlement.test_paying_out import COIN, PAYER, balance, paid_world, payout, run
from tests.services.settlement.test_unmatched import reported
from tests.world import ORIGIN

TWO_APPROVE = '{"anvil": {"ETH": {"approval_above": "1"}}}'


def asked(**settings):
    """Ask for a refund without an address; return the world, the refund's id and the secret of its page."""
    world, payment = paid_world(**settings)
    view = world.stage.settlement.asker.refund(
        world.merchant, payment.id, AskRefund(amount=COIN // 2), ORIGIN, base_url="https://pay.example"
    ).view
    base, _, secret = view["claim_url"].rpartition("/")
    assert (base, view["status"], view["address"]) == ("https://pay.example/claim", "awaiting_address", None)
    return world, view["id"], secret


def test_the_payer_names_the_address_once_and_gets_the_money():
    """Meanwhile the amount is set aside; nothing is sent before there is an address."""
    world, made, secret = asked()
    run(world)
    assert (payout(world, made).state, balance(world, "payable")) == (PayoutState.AWAITING_ADDRESS, COIN // 2)
    claims = world.stage.settlement.claims
    assert claims.waits(claims.find(secret))
    claims.claim(secret, f" {PAYER.lower()} ")
    with pytest.raises(Conflict):
        claims.claim(secret, "0x" + "cd" * 20)
    run(world)
    assert (payout(world, made).state, payout(world, made).to) == (PayoutState.COMPLETED, PAYER)
    assert world.chain.total(None, [PAYER]) == COIN // 2
    assert reported(world, "refund.") == [f"refund.{each}" for each in ("created", "addressed", "sent", "completed")]


def test_above_the_threshold_persons_approve_the_address_that_was_named():
    """No approval counts before it is known."""
    world, made, secret = asked(CTRIP_PAYOUTS=TWO_APPROVE)
    decider = world.stage.settlement.decider
    with pytest.raises(Conflict):
        decider.approve("m1", made, Origin("somebody", "", ""))
    world.stage.settlement.claims.claim(secret, PAYER)
    assert payout(world, made).state is PayoutState.AWAITING_APPROVAL


@pytest.mark.parametrize("secret", ["", "x", "a" * 31, "a" * 33, "A" * 32, "a" * 32, "../" + "a" * 29])
def test_another_secret_finds_nothing(secret):
    """Not even one of the right shape."""
    world, _, _ = asked()
    with pytest.raises(NotFound):
        world.stage.settlement.claims.find(secret)


@pytest.mark.parametrize("address", ["", "0x12", PAYER[:-1], "0x" + "0" * 40, PAYER.swapcase().replace("0X", "0x")])
def test_an_address_that_is_none_is_refused_and_another_can_be_given(address):
    """The gateway's own too."""
    world, made, secret = asked()
    claims = world.stage.settlement.claims
    for each in (address, world.stage.settings.treasury, world.payment(payout(world, made).payment_id).due.address):
        with pytest.raises(InvalidField) as refused:
            claims.claim(secret, each)
        assert refused.value.errors[0].field == "address"
    claims.claim(secret, PAYER)


def test_after_thirty_days_the_money_is_the_merchants_again():
    """Neither the page nor anybody else can name an address then."""
    world, made, secret = asked()
    run(world, 1)
    whole = balance(world) + balance(world, "payable")
    claims = world.stage.settlement.claims
    world.clock.at += CLAIM_MS
    assert not claims.waits(payout(world, made))
    with pytest.raises(Conflict):
        claims.claim(secret, PAYER)
    world.stage.payouts.worker.run()
    world.stage.payouts.worker.run()
    after = payout(world, made)
    assert (after.state, after.booking) == (PayoutState.CANCELLED, Booking.CLOSED)
    assert (balance(world), balance(world, "payable")) == (whole, 0)
    assert world.stores.payouts.refunded(after.payment_id, "anvil", "native").total == 0
    assert reported(world, "refund.")[-1] == "refund.cancelled"


def test_the_merchant_cancels_a_refund_that_nobody_has_claimed():
    """The page says so from then on."""
    world, made, secret = asked()
    decider, refund = world.stage.settlement.decider, payout(world, made)
    decider.cancel("m1", made, refund.kind, ORIGIN, payment_id=refund.payment_id)
    with pytest.raises(Conflict):
        world.stage.settlement.claims.claim(secret, PAYER)


def test_the_secret_is_nowhere_in_what_is_stored():
    """Whoever reads the tables, or the events, cannot name an address (threat 6)."""
    world, made, secret = asked()
    run(world)
    world.stage.settlement.claims.claim(secret, PAYER)
    assert made in repr(world.stores.payouts._state)
    assert secret not in repr(world.stores.payouts._state)
