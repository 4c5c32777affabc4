"""What is listed of sweeps that are not over: stuck, waiting or parked, each with its reason, page by page."""

from dataclasses import replace

import pytest

from ctrip.domain.audit import Origin
from ctrip.domain.chains.evm.transaction import slot_of
from ctrip.domain.errors import Conflict, InvalidField, NotFound, Refused
from ctrip.domain.payments.payment import Flag, Hold, Status, Tier
from ctrip.domain.sweeping.policy import day_of
from ctrip.domain.sweeping.standing import SLOW_MS, SweepState
from ctrip.domain.sweeping.sweep import Refusal, TransactionState, set_back
from ctrip.views.fields import rfc3339
from tests.services.sweeping.test_batches import BatchWorld
from tests.services.sweeping.test_policy import HOUR, days_later, with_policy
from tests.services.sweeping.test_sweeping import COIN, paid, paid_token
from tests.world import STATION, USDC, World

PERSON = Origin("admin:ada", "192.0.2.7", "request-9")
STUCK, WAITING, PARKED = SweepState


def listed(world, state=None, limit=100, cursor=None):
    return world.stage.sweeping.reader.page(state, None, cursor, limit)


def by_payment(world, state=None):
    return {each["payment_id"]: each for each in listed(world, state)["data"]}


def put(world, payment, **changes):
    """Change what is stored of a payment."""
    state = world.stores.payments._state
    state.payments[payment.id] = state.payments[payment.id].changed(**changes)
    world.run = world.new_run()


# -- dead ends


def test_a_transfer_that_reverts_is_stuck_with_its_reason_since_when_how_often_and_until_when(monkeypatch):
    """As often as it is tried it costs nothing; once it works it is in no list."""
    world = World()
    payment = paid_token(world)
    original = type(world.chain).estimate_gas

    def refuses(self, sender, to, value, data):
        if sender.lower() == payment.due.address.lower():
            raise refused
        return original(self, sender, to, value, data)

    refused = Refused("execution reverted: Blacklistable: account is blacklisted")
    monkeypatch.setattr(type(world.chain), "estimate_gas", refuses)
    began = world.clock.now()
    for _ in range(4):
        world.sweeper.sweep(USDC.id)
        world.clock.at += 61_000
    found = by_payment(world, STUCK)[payment.id]
    assert (found["reason"], found["tries"]) == ("fails", 2)
    assert "blacklisted" in found["detail"]
    assert found["since"] == rfc3339(began)
    assert found["next_try_at"] > rfc3339(began + 120_000)
    assert world.signer.signed == []
    assert world.log.alarms() == ["sweep_reverts"]
    assert by_payment(world, WAITING) == {}
    monkeypatch.setattr(type(world.chain), "estimate_gas", original)
    days_later(world, 1)
    world.settle(14)
    assert listed(world)["data"] == []
    paid_again = paid_token(world)
    assert by_payment(world)[paid_again.id]["reason"] == "due"


def test_an_address_that_delegates_elsewhere_is_stuck():
    """Whoever has its key would take any coin that it were given."""
    world = BatchWorld()
    (payment,) = world.paid(1_000)
    stranger = "0x" + "66" * 20
    codes = world.chain.chain[-1].codes
    codes |= {payment.due.address.lower(): "0xef0100" + stranger[2:], stranger: "0x60"}
    world.sweeper.sweep(USDC.id)
    found = by_payment(world, STUCK)[payment.id]
    assert (found["reason"], found["tries"]) == ("fails", 1)
    assert stranger in found["detail"]


def test_a_balance_that_fell_is_stuck():
    """Money that left without us: the payment is held, and nothing of it is sent."""
    world = World()
    payment = paid(world)
    put(world, payment, flags=frozenset({Flag.HELD}), hold=Hold.OUTFLOW)
    found = by_payment(world, STUCK)[payment.id]
    assert (found["reason"], found["detail"]) == ("held", "unexplained_outflow")
    world.sweeper.sweep("native")
    assert world.signer.signed == []


@pytest.mark.parametrize("why", ["slow", "capped", "unreadable"])
def test_a_transaction_that_no_block_takes_is_stuck(why):
    """After an hour, or once the cap on fees leaves no room for a better price."""
    world = World()
    payment = paid(world)
    world.chain.minimum_tip = 10**30
    world.sweeper.sweep("native")
    (transaction,) = world.stores.money.transactions_of("anvil", payment.due.address)
    assert by_payment(world)[payment.id]["reason"] == "under_way"
    changes = {
        "slow": {},
        "capped": {"refusal": Refusal("too cheap", priced=True, capped=True)},
        "unreadable": {"state": TransactionState.UNREADABLE},
    }[why]
    world.clock.at += SLOW_MS if why == "slow" else 0
    world.stores.money._state.transactions[transaction.key.lower()] = replace(transaction, **changes)
    found = by_payment(world, STUCK)[payment.id]
    assert found["reason"] == ("unreadable" if why == "unreadable" else "not_mined")
    assert found["tries"] == (0 if why == "unreadable" else 1)


def test_a_failure_of_an_earlier_sweep_is_none_of_the_next():
    """The address was swept since, and more came."""
    world = World()
    payment = paid(world)
    failed = replace(set_back(None, "reverted", world.clock.now()), until=world.clock.now() - 1)
    world.stores.money.set_back("anvil", payment.id, failed)
    assert by_payment(world)[payment.id]["reason"] == "fails"
    world.settle(14)
    assert world.payment(payment.id).status is Status.SETTLED
    world.chain.deposit(payment.due.address, COIN)
    world.step(4)
    assert world.payment(payment.id).tier is Tier.SWEEP
    assert by_payment(world)[payment.id]["reason"] in ("due", "under_way")


def test_what_is_not_tried_before_some_time_is_stuck_however_it_came_back():
    """A reorganisation took the deposit, and it was credited once more: the pause still holds."""
    world = World()
    payment = paid(world)
    failed = set_back(None, "reverted", world.clock.now() - 10_000)
    world.stores.money.set_back("anvil", payment.id, failed)
    put(world, payment, raised_at=world.clock.now())
    assert by_payment(world)[payment.id]["reason"] == "fails"


# -- what waits


def test_what_waits_says_what_for():
    """For a person, cheaper gas, or tomorrow."""
    world = with_policy(
        ETH={"approval_above": str(COIN), "per_day": str(3 * COIN)}, USDC={"quiet_gas": 1, "max_age": 2 * HOUR}
    )
    large, over, token = paid(world, 9 * COIN), paid(world, COIN), paid_token(world)
    day = world.stores.money.swept_day("anvil", "native", "2026-01-01")
    world.sweeper.sweep(USDC.id)
    now = world.clock.now()
    today = replace(day, day=day_of(now))
    world.stores.money._state.swept_days["anvil", "native", today.day] = today.plus(5 * COIN // 2)
    found = by_payment(world)
    assert [found[each.id]["reason"] for each in (large, over, token)] == ["approval", "daily_cap", "quiet_gas"]
    assert found[over.id]["next_try_at"] == rfc3339((now // 86_400_000 + 1) * 86_400_000)
    assert {each["state"] for each in found.values()} == {"waiting"}


def test_a_list_goes_on_over_all_pages_and_takes_no_foreign_cursor():
    """Each payment once, of each state; a parked one is in the list of the parked alone."""
    world = World()
    made = [paid(world, COIN + place) for place in range(7)]
    for payment in made[:3]:
        put(world, payment, tier=Tier.PARKED)
    seen, cursor = [], None
    while True:
        page = listed(world, None, 2, cursor)
        seen += [each["payment_id"] for each in page["data"]]
        assert len(page["data"]) <= 2
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(each.id for each in made)
    assert set(by_payment(world, PARKED)) == {each.id for each in made[:3]}
    assert set(by_payment(world, WAITING)) == {each.id for each in made[3:]}
    for foreign in ("", "x", "....", "OTk5Lw", "MC94", "MC8tMTo", "\u00e4"):
        with pytest.raises(InvalidField):
            listed(world, None, 2, foreign)
    with pytest.raises(InvalidField):
        world.stage.sweeping.reader.page(None, "polygn", None, 2)


# -- approval


def test_an_approval_is_a_record_of_the_payments_audit_chain_and_sends_the_sweep():
    """By whom, of how much; a second one changes nothing."""
    world = with_policy(ETH={"approval_above": str(COIN)})
    payment = paid(world, 2 * COIN)
    world.settle(8)
    before = world.payment(payment.id)
    answer = world.stage.sweeping.approver.approve(payment.id, PERSON)
    assert (answer.view["reason"], answer.view["approved"]) == ("due", 2 * COIN)
    after = world.payment(payment.id)
    assert (after.version, after.review.sweep_approved) == (before.version + 1, 2 * COIN)
    record = world.stores.payments.audit(payment.id)[-1]
    assert '"actor":"admin:ada"' in record.body
    assert f'"sweep_approved":"{2 * COIN}"' in record.body
    world.stage.sweeping.approver.approve(payment.id, PERSON)
    assert world.payment(payment.id).version == after.version
    world.run = world.new_run()
    world.settle(14)
    assert world.payment(payment.id).status is Status.SETTLED


def test_what_does_not_wait_cannot_be_approved():
    """An unknown payment, one that is not paid, one that is settled, one that is parked, one under way."""
    world = World()
    approve = world.stage.sweeping.approver.approve
    with pytest.raises(NotFound):
        approve("nobody", PERSON)
    fresh, settled = world.create(COIN), paid(world)
    world.settle(14)
    parked, under_way = paid(world), paid(world)
    put(world, parked, tier=Tier.PARKED)
    world.sweeper.sweep("native")
    for payment in (fresh, settled, parked, under_way):
        with pytest.raises(Conflict):
            approve(payment.id, PERSON)
    assert slot_of(0) in world.payment(under_way.id).own.pending


def test_a_transfer_that_succeeds_and_moves_nothing_is_stuck_and_burns_no_gas_in_a_loop():
    """A token that answers no without a revert: tried later and later, as any other failure."""
    world = World()
    payment = paid_token(world)
    world.chain.sly.add(payment.due.address.lower())
    for _ in range(40):
        world.step()
        world.sweep()
        world.sweeper.sweep(USDC.id)
    (sweep,) = world.stores.money.transactions_of("anvil", payment.due.address)
    assert sweep.state is TransactionState.FINAL
    found = by_payment(world, STUCK)[payment.id]
    assert (found["reason"], found["tries"]) == ("fails", 1)
    assert "moved nothing" in found["detail"]
    assert [each.status for each in world.payment(payment.id).own.sweeps] == ["failed"]
    assert world.log.alarms() == ["sweep_reverts"]
    world.chain.sly.clear()
    world.clock.at += 3_600_000
    world.settle(14)
    assert world.payment(payment.id).status is Status.SETTLED


@pytest.mark.parametrize("first", ["the thief", "the sweep"])
def test_coin_that_is_taken_from_an_address_is_not_given_again_and_again(first):
    """A leaked key, or code that forwards it: one gift, then the sweep is stuck with an alarm."""
    world = World()
    payment = paid_token(world)

    def steal():
        world.chain.chain[-1].balances.pop((payment.due.address.lower(), None), None)

    for _ in range(150):
        if first == "the sweep":
            world.sweeper.sweep(USDC.id)
        steal()
        world.step()
        if first == "the thief":
            steal()
            world.sweeper.sweep(USDC.id)
    assert len(world.stores.money.transactions_of("anvil", STATION)) == 1
    world.clock.at += SLOW_MS
    found = by_payment(world, STUCK)[payment.id]
    if first == "the thief":
        assert (found["reason"], found["tries"] > 1) == ("fails", True)
        assert "without us" in found["detail"]
    else:
        assert found["reason"] == "not_mined"
    assert set(world.log.alarms()) == {"sweep_reverts" if first == "the thief" else "cannot_replace"}
