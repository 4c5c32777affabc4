"""Asking for settlements and refunds: nothing is spent twice, and what is refused sets nothing aside."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctrip.domain.audit import Origin
from ctrip.domain.chains.kinds import FIRST
from ctrip.domain.errors import BadRequest, Conflict, Forbidden, InvalidField, KeyReused, NotFound
from ctrip.domain.payments.payment import Custody
from ctrip.domain.settlement.payout import PayoutKind, PayoutState
from ctrip.ports.idempotency import Idempotency
from ctrip.services.settlement.ask_payout import AskRefund, AskSettlement
from tests.services.settlement.test_paying_out import OWN, PAYER, ask, paid_world, payout, run
from tests.world import ORIGIN, USDC

OTHER = FIRST.shown("0x" + "6f" * 20)
PART = 10**9  # worth its gas many times over
RULES = '{"anvil": {"ETH": {"approval_above": "0", "minimum": "10", "per_transaction": "900"}}}'


def asker(world):
    """Return what takes requests."""
    return world.stage.settlement.asker


def refund(world, payment, **wanted):
    """Ask for a refund; return its view."""
    return asker(world).refund(world.merchant, payment.id, AskRefund(**{"address": PAYER} | wanted), ORIGIN).view


def shown(world):
    """Return what the merchant's balance of the coin shows: available, payable and unmatched."""
    [view] = world.stage.ledger.reader.balances("m1")["data"]
    return view["available"], view["payable"], view["unmatched"]


def untouched(world, before):
    """Check that a refusal has left nothing behind."""
    assert (shown(world), len(world.stores.payouts.commits)) == before


def state(world):
    """Return what a refusal must leave as it is."""
    return shown(world), len(world.stores.payouts.commits)


def meanwhile(world, monkeypatch, do):
    """Have something else happen between what the next request reads and what it commits."""
    commit, waiting = world.stores.payouts.commit, [do]

    def interrupted(wanted):
        if waiting:
            waiting.pop()()
        commit(wanted)

    monkeypatch.setattr(world.stores.payouts, "commit", interrupted)


def test_balances_are_without_what_is_asked_for_before_and_after_it_is_booked() -> None:
    world, _ = paid_world(1000)
    assert shown(world) == (1000, 0, 0)
    ask(world, amount=300)
    assert shown(world) == (700, 300, 0)
    world.stage.payouts.worker.run()
    assert world.stores.payouts.reservations("m1")[0].waiting == ()
    assert shown(world) == (700, 300, 0)


def test_two_settlements_at_once_never_spend_the_same_balance(monkeypatch) -> None:
    """The one that commits second reads the balance anew, and finds it gone."""
    world, _ = paid_world(1000)
    meanwhile(world, monkeypatch, lambda: ask(world, amount=700))
    with pytest.raises(Conflict) as caught:
        ask(world, amount=700)
    assert (caught.value.code, caught.value.extra) == ("insufficient_balance", {"available": "300"})
    assert shown(world) == (300, 700, 0)


def test_a_booking_between_reading_and_asking_makes_the_request_begin_anew(monkeypatch) -> None:
    world, _ = paid_world(1000)
    ask(world, amount=600)
    meanwhile(world, monkeypatch, world.stage.payouts.worker.run)
    with pytest.raises(Conflict, match="too little"):
        ask(world, amount=600)
    assert shown(world) == (400, 600, 0)


def test_a_settlement_and_a_refund_at_once_share_one_balance(monkeypatch) -> None:
    world, payment = paid_world(1000)
    meanwhile(world, monkeypatch, lambda: refund(world, payment, amount=800))
    with pytest.raises(Conflict, match="too little"):
        ask(world, amount=300)
    assert shown(world) == (200, 800, 0)


def test_refunds_at_once_never_give_back_more_than_came(monkeypatch) -> None:
    """Though the merchant has more by other payments."""
    world, payment = paid_world(1000)
    other = world.create(5000)
    world.chain.deposit(other.due.address, 5000)
    world.settle(25)
    meanwhile(world, monkeypatch, lambda: refund(world, payment, amount=600))
    with pytest.raises(Conflict) as caught:
        refund(world, payment, amount=600)
    assert caught.value.extra == {"available": "400"}
    assert refund(world, payment)["amount"] == 400
    with pytest.raises(Conflict, match="too little"):
        refund(world, payment)


def test_what_was_refunded_and_is_over_counts_and_what_was_cancelled_does_not() -> None:
    world, payment = paid_world(1000 * PART, CTRIP_PAYOUTS='{"anvil": {"ETH": {"approval_above": "500000000000"}}}')
    refund(world, payment, amount=400 * PART)
    run(world)
    made = refund(world, payment, amount=600 * PART)
    with pytest.raises(Conflict, match="too little"):
        refund(world, payment, amount=PART)
    decider = world.stage.settlement.decider
    with pytest.raises(NotFound):
        decider.cancel("m1", made["id"], PayoutKind.REFUND, ORIGIN, payment_id="another")
    decider.cancel("m1", made["id"], PayoutKind.REFUND, ORIGIN, payment_id=payment.id)
    assert shown(world) == (600 * PART, 0, 0)
    assert refund(world, payment, amount=100 * PART)["amount"] == 100 * PART


@pytest.mark.parametrize(
    ("wanted", "field", "code"),
    [
        ({"amount": 9}, "amount", "below_minimum"),
        ({"amount": 901}, "amount", "above_limit"),
        ({"amount": 1001}, "amount", "insufficient_balance"),
        ({"asset": "USDC", "amount": 10}, "amount", "insufficient_balance"),
        ({"asset": "USDC"}, "amount", "insufficient_balance"),
        ({"asset": "DOGE"}, "asset", "asset_not_found"),
        ({"amount": 0}, "amount", "invalid_amount"),
        ({"amount": 10, "amount_decimal": "1"}, "amount_decimal", "mutually_exclusive"),
    ],
)
def test_what_cannot_be_settled_names_its_field_and_sets_nothing_aside(wanted, field, code) -> None:
    world, _ = paid_world(1000, CTRIP_PAYOUTS=RULES)
    before = state(world)
    with pytest.raises((BadRequest, Conflict)) as caught:
        ask(world, **wanted)
    assert [(each.field, each.code) for each in caught.value.errors] == [(field, code)]
    untouched(world, before)


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("0x" + "0" * 40, "invalid_address"),
        (PAYER[:-1] + ("b" if PAYER[-1] != "b" else "B"), "invalid_address"),
        ("nonsense", "invalid_address"),
        (USDC.address, "contract_address"),
        ("the treasury's", "own_address"),
        ("the payment's own", "own_address"),
    ],
)
def test_an_address_that_loses_money_or_is_ours_is_refused(address, code) -> None:
    """Zero, of a wrong checksum, a token's contract, the treasury, a deposit address: of refunds and settlements."""
    world, payment = paid_world(1000)
    treasury = world.stage.settings.treasuries[""]
    address = {"the treasury's": treasury, "the payment's own": payment.due.address}.get(address, address)
    before = state(world)
    for wanted in (
        lambda: refund(world, payment, address=address),
        lambda: world.stage.settlement.addresses.set("m1", "anvil", address, ORIGIN),
    ):
        with pytest.raises(InvalidField) as caught:
            wanted()
        assert [(each.field, each.code) for each in caught.value.errors] == [("address", code)]
    untouched(world, before)
    assert world.stage.settlement.addresses.show("m1", "anvil")["next_address"] is None


def test_what_lies_under_the_merchants_own_key_is_not_settled() -> None:
    world, _ = paid_world(1000)
    owner = replace(world.merchant, policy=replace(world.merchant.policy, custody=Custody.XPUB))
    with pytest.raises(Conflict) as caught:
        asker(world).settle(owner, AskSettlement(chain="anvil"), ORIGIN)
    assert caught.value.code == "nothing_to_settle"


def test_the_same_key_asks_once_and_another_body_is_refused() -> None:
    """The first answer is given again, though the balance is gone meanwhile."""
    world, _ = paid_world(1000)
    key = Idempotency("m1", "POST /api/v1/settlements", "k", "hash")
    wanted = AskSettlement(chain="anvil", amount=1000)
    first = asker(world).settle(world.merchant, wanted, ORIGIN, key)
    again = asker(world).settle(world.merchant, wanted, ORIGIN, key)
    assert (again.view, first.replayed, again.replayed) == (first.view, False, True)
    with pytest.raises(KeyReused):
        asker(world).settle(world.merchant, wanted, ORIGIN, replace(key, body_hash="other"))
    assert shown(world) == (0, 1000, 0)


def test_a_refund_of_what_came_for_a_payment_that_expired_short() -> None:
    """From what is unmatched, never from what the merchant has by other payments."""
    world, _ = paid_world(1000)
    short = world.create(500)
    world.chain.deposit(short.due.address, 200)
    world.step(5)
    world.clock.at += 2_000_000
    world.chain.mine(5, seconds=400)
    world.settle(25)
    assert shown(world) == (1000, 0, 200)
    with pytest.raises(Conflict) as caught:
        refund(world, short, amount=201)
    assert caught.value.extra == {"available": "200"}
    assert refund(world, short)["amount"] == 200
    assert shown(world) == (1000, 200, 0)


def test_two_persons_approve_and_neither_of_them_asked() -> None:
    world, _ = paid_world(1000, CTRIP_PAYOUTS=RULES)
    payout_id, decider = ask(world, amount=100), world.stage.settlement.decider
    with pytest.raises(Forbidden) as own:
        decider.approve("m1", payout_id, ORIGIN)
    assert own.value.code == "own_request"
    assert decider.approve("m1", payout_id, Origin("admin:a")).view["approvals"] == 1
    with pytest.raises(Conflict) as twice:
        decider.approve("m1", payout_id, Origin("admin:a"))
    assert twice.value.code == "already_approved"
    assert payout(world, payout_id).state is PayoutState.AWAITING_APPROVAL
    assert decider.approve("m1", payout_id, Origin("admin:b")).view["status"] == "approved"


def test_another_settlement_address_counts_after_the_delay_and_can_be_taken_back() -> None:
    """What is asked for meanwhile goes to the one before; whoever hears of the change can undo it."""
    world, _ = paid_world(1000, CTRIP_ADDRESS_DELAY_SECONDS="3600")
    addresses = world.stage.settlement.addresses
    view = addresses.set("m1", "anvil", OTHER, ORIGIN)
    assert (view["address"], view["next_address"]) == (OWN, OTHER)
    assert payout(world, ask(world, amount=1)).to == OWN
    world.clock.at += 3_599_999
    assert payout(world, ask(world, amount=1)).to == OWN
    world.clock.at += 1
    assert payout(world, ask(world, amount=1)).to == OTHER
    addresses.set("m1", "anvil", OWN, ORIGIN)
    back = addresses.set("m1", "anvil", OTHER, ORIGIN)
    assert (back["address"], back["next_address"]) == (OTHER, None)
    world.clock.at += 3_600_000
    assert payout(world, ask(world, amount=1)).to == OTHER
    told = [each.type for each in world.stores.payouts._state.events.values() if "address" in each.type]
    assert told == ["settlement.address_changed"] * 4


UNMADE = (PayoutState.CANCELLED, PayoutState.REJECTED, PayoutState.FAILED)
STEPS = st.one_of(
    st.tuples(st.sampled_from(["settle", "refund"]), st.integers(1, 700)),
    st.tuples(st.sampled_from(["cancel", "approve", "reject", "book"]), st.integers(0, 5)),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(STEPS, max_size=14))
def test_whatever_is_asked_cancelled_approved_and_booked_no_unit_is_promised_twice(steps) -> None:
    """What is asked for and not over never exceeds what came, nor a payment's refunds what came for it."""
    world, payment = paid_world(1000 * PART, CTRIP_PAYOUTS='{"anvil": {"ETH": {"approval_above": "200000000000"}}}')
    decider, made = world.stage.settlement.decider, []
    acts = {
        "settle": lambda amount: made.append(ask(world, amount=amount * PART)),
        "refund": lambda amount: made.append(refund(world, payment, amount=amount * PART)["id"]),
        "book": lambda _: world.stage.payouts.worker.run(),
        "approve": lambda n: decider.approve("m1", made[n % len(made)], Origin(f"admin:{n}")),
        "reject": lambda n: decider.reject("m1", made[n % len(made)], "no", Origin("admin:a")),
        "cancel": lambda n: decider.cancel(
            "m1", made[n % len(made)], payout(world, made[n % len(made)]).kind, ORIGIN,
            payment_id=payout(world, made[n % len(made)]).payment_id,
        ),
    }  # fmt: skip
    for act, number in [*steps, ("book", 0)]:
        if made or act in ("settle", "refund", "book"):
            with suppress(Conflict, Forbidden):
                acts[act](number)
        held = [payout(world, each) for each in made]
        live = [each for each in held if each.state not in UNMADE]
        free, waiting, _ = shown(world)
        assert free + waiting == 1000 * PART
        assert 0 <= free <= 1000 * PART - sum(each.amount for each in live)
        refunds = sum(each.amount for each in live if each.kind is PayoutKind.REFUND)
        assert world.stores.payouts.refunded(payment.id, "anvil", "native").total == refunds <= 1000 * PART
    # What was booked and came to nothing has been given back by the last booking.
    assert free == 1000 * PART - sum(each.amount for each in live)
