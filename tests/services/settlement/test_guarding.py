"""The signer's guard of the treasury: whatever differs from what was approved is not signed."""

from dataclasses import replace

import pytest

from ctrip.domain.audit import Origin
from ctrip.domain.chains.acts import Act
from ctrip.domain.chains.kinds import FIRST
from ctrip.domain.errors import SigningRefused
from ctrip.domain.settlement.payout import Booking, PayoutState, Source
from ctrip.ports.payouts import PayoutCommit
from tests.services.settlement.test_paying_out import HOT, OWN, PAYER, ask, paid_world, payout
from tests.world import ORIGIN, USDC

LIMITED = (
    '{"anvil": {"ETH": {"approval_above": "1000000", "per_transaction": "2000000", "per_day": "2500000"},'
    ' "USDC": {"approval_above": "1000000"}}}'
)


def ready(asset=None, amount=1000, **settings):
    """Make a world with a payout that is approved and set aside; return the guard, the payout and what it may do."""
    world, _ = paid_world(asset=asset, **settings)
    payout_id = ask(world, asset=asset, amount=amount)
    world.stores.payouts.commit, commit = world.stores.payouts.commit, world.stores.payouts.commit
    made = payout(world, payout_id)
    world.stage.payouts.guard.vouch("m1", "anvil")
    if made.booking is Booking.NONE:
        after = replace(made, booking=Booking.RESERVED, version=made.version + 1)
        commit(PayoutCommit(before=made, after=after))
    made = payout(world, payout_id)
    token = USDC.address if asset else None
    act = Act(OWN, token, 0 if token else made.net, 1, amount=made.net, slot="000000000000")
    return world, made, act


def signs(world, made, act, named=None):
    """Ask the guard; say whether it lets the transaction be signed."""
    try:
        world.stage.payouts.guard.check(world.network, HOT, act, [named or ("m1", made.id)])
    except SigningRefused as exc:
        return str(exc)
    return True


def change(world, made, **fields):
    """Change the row of a payout, as somebody who can write the table may."""
    world.stores.payouts._state.payouts["m1", made.id] = replace(made, **fields)


@pytest.mark.parametrize("asset", [None, "USDC"])
def test_exactly_what_was_approved_is_signed_and_nothing_beside(asset):
    """To another address, of another asset, another amount, or for no payout at all: refused."""
    world, made, act = ready(asset)
    assert signs(world, made, act) is True
    other = FIRST.shown("0x" + "0b" * 20)
    assert "elsewhere" in signs(world, made, replace(act, to=other))
    assert "asset" in signs(world, made, replace(act, token=None if asset else USDC.address))
    assert "asset" in signs(world, made, replace(act, token=other))
    assert "amount" in signs(world, made, replace(act, amount=made.net + 1, value=act.value and made.net + 1))
    assert "amount" in signs(world, made, replace(act, amount=made.net - 1))
    assert signs(world, made, replace(act, unclear="a call")) is not True
    assert signs(world, made, replace(act, idle=True)) is not True
    assert signs(world, made, replace(act, collects=True)) is not True
    assert "only" in signs(world, made, act, ("m2", made.id))
    assert "only" in signs(world, made, act, ("m1", "stl_none"))


def test_coin_beside_a_token_is_not_signed():
    """A token's transfer that carries coin gives it to the contract."""
    world, made, act = ready("USDC")
    assert "amount" in signs(world, made, replace(act, value=1))


@pytest.mark.parametrize(
    "state",
    [each for each in PayoutState if each not in (PayoutState.APPROVED, PayoutState.SENDING)],
)
def test_what_is_not_approved_or_over_is_not_signed(state):
    """Whatever the request says."""
    world, made, act = ready()
    change(world, made, state=state)
    assert "not approved" in signs(world, made, act)


def test_what_is_not_set_aside_is_not_signed():
    """The ledger comes first."""
    world, made, act = ready()
    change(world, made, booking=Booking.NONE)
    assert "set aside" in signs(world, made, act)


def test_the_signer_counts_the_approvals_by_itself():
    """A row that says it needs none, whoever asked among the approvers, one person twice: refused."""
    world, made, act = ready(amount=1_500_000, CTRIP_PAYOUTS=LIMITED)
    change(world, made, state=PayoutState.APPROVED, approvals_needed=0)
    assert "few persons" in signs(world, made, act)
    decide = world.stage.settlement.decider
    world.stores.payouts._state.payouts["m1", made.id] = made
    for who in ("admin:a", "admin:b"):
        decide.approve("m1", made.id, Origin(who))
    approved = payout(world, made.id)
    assert signs(world, approved, act) is True
    change(world, approved, approvals=(approved.approvals[0], replace(approved.approvals[0], at=9)))
    assert "few persons" in signs(world, made, act)
    change(world, approved, approvals=(approved.approvals[0], replace(approved.approvals[1], by=made.asked_by)))
    assert "few persons" in signs(world, made, act)


def test_caps_of_a_transaction_and_of_a_day():
    """Counted once for each payout, however often it is signed; the next day begins anew."""
    world, made, act = ready(amount=900_000, CTRIP_PAYOUTS=LIMITED)
    assert signs(world, made, act) is True
    assert signs(world, made, act) is True
    others = []
    for number in range(2):
        other = replace(made, id=f"stl_{number}")
        world.stores.payouts._state.payouts["m1", other.id] = other
        others.append(signs(world, other, act))
    assert others == [True, "the payout is above what may be signed in one day"]
    world.clock.at += 86_400_000
    assert signs(world, replace(made, id="stl_1"), act) is True
    big = replace(made, id="stl_big", amount=2_000_001, approvals_needed=0)
    world.stores.payouts._state.payouts["m1", big.id] = big
    assert signs(world, big, replace(act, value=big.net, amount=big.net)) is not True


def test_each_slot_that_a_payout_is_signed_for_counts():
    """Whoever puts a payout back to be signed again in another slot has it paid twice: the day's cap holds for both."""
    world, made, act = ready(amount=900_000, CTRIP_PAYOUTS=LIMITED)
    slots = [replace(act, slot=f"{number:012d}") for number in (0, 1, 2)]
    assert [signs(world, made, each) for each in slots] == [
        True,
        True,
        "the payout is above what may be signed in one day",
    ]
    assert [signs(world, made, each) for each in slots[:2]] == [True, True], "replacements are not counted"


@pytest.mark.parametrize("written", [str.lower, str])
def test_what_is_being_sent_is_signed_in_its_own_slot_alone(written):
    """A transaction in the next slot could be mined beside the one that is under way."""
    world, made, act = ready()
    assert signs(world, made, act) is True
    change(world, made, state=PayoutState.SENDING, transaction=f"anvil#{written(HOT)}#{act.slot}")
    assert signs(world, made, act) is True
    assert "another slot" in signs(world, made, replace(act, slot="000000000001"))
    change(world, made, state=PayoutState.SENDING, transaction=None)
    assert "another slot" in signs(world, made, act)


def test_a_payout_that_grew_in_the_table_is_not_signed_again():
    """What was counted in a slot is what may be signed there."""
    world, made, act = ready(amount=900_000, CTRIP_PAYOUTS=LIMITED)
    assert signs(world, made, act) is True
    change(world, made, amount=990_000)
    grown = made.net + 90_000
    assert "another amount" in signs(world, made, replace(act, value=grown, amount=grown))


def test_a_settlement_address_that_was_swapped_in_the_table_is_not_paid():
    """The signer goes by what it has taken over, and takes another one over after its own delay only."""
    world, made, act = ready(CTRIP_ADDRESS_DELAY_SECONDS="3600")
    held = world.stores.payouts.settlement_address("m1", "anvil")
    thief = FIRST.shown("0x" + "7e" * 20)
    world.stores.payouts._state.settlement_addresses["m1", "anvil"] = replace(held, address=thief, since=0)
    change(world, made, to=thief)
    stolen = replace(act, to=thief)
    assert "merchant's address" in signs(world, made, stolen)
    world.stage.payouts.guard.vouch("m1", "anvil")
    assert "merchant's address" in signs(world, made, stolen)
    world.clock.at += 3_599_000
    world.stage.payouts.guard.vouch("m1", "anvil")
    assert "merchant's address" in signs(world, made, stolen)


def test_what_the_signer_took_over_cannot_be_changed_in_the_table():
    """Its own row carries its signature."""
    world, made, act = ready()
    book = world.stores.signer_book
    before = book.vouched("m1", "anvil")
    thief = FIRST.shown("0x" + "7e" * 20)
    book.keep_vouched(before, replace(before, address=thief))
    change(world, made, to=thief)
    assert "taken over" in signs(world, made, replace(act, to=thief))
    with pytest.raises(SigningRefused):
        world.stage.payouts.guard.vouch("m1", "anvil")


def test_an_address_that_was_changed_is_paid_after_the_delay():
    """Until then the old one is."""
    world, made, act = ready(CTRIP_ADDRESS_DELAY_SECONDS="3600")
    world.stage.settlement.addresses.set("m1", "anvil", PAYER, ORIGIN)
    world.stage.payouts.guard.vouch("m1", "anvil")
    assert signs(world, made, act) is True
    world.clock.at += 3_600_000
    change(world, made, to=PAYER)
    assert signs(world, made, replace(act, to=PAYER)) is True
    assert "merchant's address" in signs(world, made, act) or payout(world, made.id).to == PAYER


def test_a_refund_needs_no_settlement_address():
    """It goes where the request said, which is compared all the same."""
    world, made, act = ready()
    refund = replace(made, id="ref_1", kind="refund", to=PAYER, source=Source.UNMATCHED)
    world.stores.payouts._state.payouts["m1", "ref_1"] = refund
    assert signs(world, refund, replace(act, to=PAYER)) is True
    assert "elsewhere" in signs(world, refund, act)


def test_the_treasurys_key_signs_for_the_chain_whose_treasury_it_is():
    """And for nothing but payouts."""
    world, made, _ = ready()
    signer = world.stage.sweeping.signer
    from ctrip.domain.chains.evm.transaction import Transaction

    plain = Transaction(chain_id=31337, nonce=0, to=OWN, value=made.net, gas=21_000, max_fee=1, priority_fee=1)
    path = "m/44'/60'/0'/0/0"
    assert signer.sign("anvil", path, HOT, plain, payouts=(("m1", made.id),)).raw
    with pytest.raises(SigningRefused):
        signer.sign("anvil", path, HOT, plain)
    elsewhere = replace(signer, treasuries={"anvil": OWN})
    with pytest.raises(SigningRefused):
        elsewhere.sign("anvil", path, HOT, plain, payouts=(("m1", made.id),))
