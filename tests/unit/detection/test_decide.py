"""Decisions: what a look at the chain makes of a payment."""

from dataclasses import replace

import pytest

from ctrip.domain.detection.decide import next_step
from ctrip.domain.detection.observe import by_deadline, canonical, promote, record
from ctrip.domain.payments.payment import Flag, Late, Observation, Policy, Status, Tier
from tests.build import T0, block, look, payment

NOW = T0 + 60_000
LATE_TIME = T0 + 1_800_001


def walk(start, seen, now=NOW):
    """Take every step of one look; return the payment after it and the events on the way."""
    events, entries, alarms, current = [], [], [], start
    while (step := next_step(current, seen, now)) is not None:
        assert step.after.version == current.version + 1
        current = step.after
        entries += step.entries
        alarms += [step.alarm] if step.alarm else []
        events += [step.event] if step.event else []
        assert current.version < 20
    return current, events, entries, alarms


def paid(received=1000, seen_at=5):
    """A payment that was paid by an amount seen at block 5."""
    current, *_ = walk(payment(), look(received, seen_at=seen_at, head=10))
    assert current.status is Status.PAID
    return current


def test_unknown_is_never_zero():
    """A look that learnt nothing decides nothing, whatever the payment's state."""
    for status in Status:
        assert next_step(payment(status=status, amount_received=5), look(None), NOW) is None


def test_one_base_unit_is_detected_as_underpaid():
    """Then the amount is short, and a second event says so."""
    after, events, *_ = walk(payment(), look(1))
    assert (after.status, after.exception) == (Status.DETECTED, Flag.UNDERPAID)
    assert events == ["payment.detected", "payment.underpaid"]


def test_funds_are_confirmed_credited_and_paid_at_the_confirmed_depth_only():
    """At the head they are detected and no more."""
    at_head, events, entries, _ = walk(payment(), look(1000))
    assert (at_head.status, events, entries) == (Status.DETECTED, ["payment.detected"], [])
    deep, events, entries, _ = walk(at_head, look(1000, head=12, seen_at=10))
    assert (deep.status, events) == (Status.PAID, ["payment.confirmed", "payment.paid"])
    assert (deep.own.credited, [entry.amount for entry in entries]) == (1000, [1000])
    assert (deep.tier, deep.fulfillable) == (Tier.SWEEP, True)


def test_partial_payments_add_up():
    """Each change while short is told; the completing one lowers the flag."""
    first, *_ = walk(payment(), look(400))
    second, events, *_ = walk(first, look(700, head=11))
    assert events == ["payment.underpaid"]
    third, events, *_ = walk(second, look(1000, head=12))
    assert (third.status, third.flags, events) == (Status.DETECTED, frozenset(), ["payment.detected"])


def test_more_than_due_is_flagged_and_credited_whole():
    """The merchant decides what becomes of the excess."""
    after, events, entries, _ = walk(payment(), look(1500, seen_at=5))
    assert events == ["payment.detected", "payment.confirmed", "payment.overpaid", "payment.paid"]
    assert (after.exception, after.own.credited, entries[0].amount) == (Flag.OVERPAID, 1500, 1500)


def test_within_the_tolerance_is_enough_and_the_credit_is_what_arrived():
    """990 of 1000 at ten per mille."""
    terms = Policy(tolerance_per_mille=10)
    after, _, entries, _ = walk(payment(policy=terms), look(990, seen_at=5))
    assert (after.status, entries[0].amount) == (Status.PAID, 990)
    short, *_ = walk(payment(policy=terms), look(989, seen_at=5))
    assert (short.status, short.exception) == (Status.DETECTED, Flag.UNDERPAID)


def test_only_the_confirmed_blocks_time_expires():
    """Not the head's, not the clock's."""
    waiting = replace(look(0), head=block(10, at=LATE_TIME + 60_000), depth_time=LATE_TIME - 2, on_time=0)
    assert next_step(payment(), waiting, LATE_TIME + 10**9) is None
    after, events, *_ = walk(payment(), replace(waiting, depth_time=LATE_TIME))
    assert (after.status, after.tier, events) == (Status.EXPIRED, Tier.MONITORED, ["payment.expired"])


def test_short_at_the_deadline_expires_and_complete_at_it_confirms():
    """What had arrived by the deadline's block decides, not what is there now."""
    policy = Policy(late=Late.REVIEW)
    seen, *_ = walk(payment(policy=policy), look(1000))
    passed = replace(look(1000, head=20, seen_at=10), depth_time=LATE_TIME)
    short, events, *_ = walk(seen, replace(passed, on_time=999))
    assert (short.status, events) == (Status.EXPIRED, ["payment.expired"])
    complete, *_ = walk(seen, replace(passed, on_time=1000))
    assert complete.status is Status.PAID


def test_not_knowing_what_had_arrived_by_the_deadline_holds_the_payment():
    """Never a silent expiry."""
    seen, *_ = walk(payment(), look(1000))
    after, events, _, alarms = walk(seen, replace(look(1000, head=20, seen_at=10), depth_time=LATE_TIME, on_time=None))
    assert (after.status, after.exception, events, alarms) == (
        Status.DETECTED,
        Flag.HELD,
        ["payment.held"],
        ["deadline_unknown"],
    )
    released, events, *_ = walk(
        after.changed(accept_requested=True), replace(look(1000, head=21, seen_at=10), depth_time=LATE_TIME)
    )
    assert (released.status, events) == (Status.PAID, ["payment.released", "payment.confirmed", "payment.paid"])


def test_a_late_payment_is_accepted_within_the_window_where_the_merchant_wants_that():
    """Expired, then detected late, confirmed and paid."""
    expired, *_ = walk(payment(), replace(look(0), depth_time=LATE_TIME, on_time=0))
    after, events, *_ = walk(expired, replace(look(1000, head=30), on_time=0))
    assert (after.status, after.exception, after.tier, events) == (
        Status.DETECTED,
        Flag.LATE,
        Tier.OPEN,
        ["payment.late"],
    )
    done, events, *_ = walk(after, replace(look(1000, head=40, seen_at=30), depth_time=LATE_TIME + 9))
    assert (done.status, events) == (Status.PAID, ["payment.confirmed", "payment.paid"])


def test_a_late_payment_waits_for_a_person_where_the_merchant_wants_that():
    """`payment.late` once per change, no status change; accepted by hand at the confirmed depth only."""
    expired, *_ = walk(payment(policy=Policy(late=Late.REVIEW)), replace(look(0), depth_time=LATE_TIME, on_time=0))
    late, events, *_ = walk(expired, replace(look(1000, head=30), on_time=0))
    assert (late.status, events) == (Status.EXPIRED, ["payment.late"])
    again, events, *_ = walk(late, replace(look(1000, head=31, seen_at=30), on_time=0))
    assert (again, events) == (late, [])
    asked = late.changed(accept_requested=True)
    assert next_step(asked, replace(look(1000, head=31, seen_at=30), on_time=0), NOW) is None
    done, events, *_ = walk(asked, replace(look(1000, head=32, seen_at=30), on_time=0))
    assert (done.status, events) == (Status.PAID, ["payment.confirmed", "payment.paid"])


def test_a_short_late_amount_changes_no_status():
    """It is told once per change."""
    expired, *_ = walk(payment(), replace(look(0), depth_time=LATE_TIME, on_time=0))
    after, events, *_ = walk(expired, replace(look(10, head=30), on_time=0))
    assert (after.status, after.seen.amount_received, events) == (Status.EXPIRED, 10, ["payment.late"])


def test_funds_that_were_on_time_turn_up_after_all_without_an_exception():
    """The deadline's block says so."""
    expired, *_ = walk(payment(), replace(look(0), depth_time=LATE_TIME, on_time=0))
    after, events, *_ = walk(expired, replace(look(1000, head=30), on_time=1000))
    assert (after.status, after.flags, events) == (Status.DETECTED, frozenset(), ["payment.detected"])


def test_funds_for_a_cancelled_payment_wait_for_review():
    """Also those mined before the cancelling and seen after it."""
    cancelled = payment(status=Status.EXPIRED, flags=frozenset({Flag.MANUAL}), tier=Tier.MONITORED)
    after, events, *_ = walk(cancelled, replace(look(1000, head=30), on_time=1000))
    assert (after.status, after.exception, events) == (Status.EXPIRED, Flag.HELD, ["payment.held"])


def test_a_reorganisation_within_the_confirmations_is_undone_and_redone():
    """Detected, taken back, detected again."""
    seen, *_ = walk(payment(), look(1000))
    undone, events, entries, _ = walk(seen, replace(look(0, head=11), intact=False))
    assert (undone.status, undone.exception, events, entries) == (
        Status.PENDING,
        Flag.REORGED,
        ["payment.reorged"],
        [],
    )
    redone, events, *_ = walk(undone, look(1000, head=12))
    assert (redone.status, events) == (Status.DETECTED, ["payment.detected"])


def test_a_transaction_mined_again_in_another_block_starts_to_count_anew():
    """Nothing is told, and the confirmations count from the new block."""
    seen, *_ = walk(payment(), look(1000))
    again, events, *_ = walk(seen, replace(look(1000, head=12), intact=False))
    assert (again.status, again.seen.observations[0].block_number, events) == (Status.DETECTED, 12, [])


@pytest.mark.parametrize("left", [0, 300])
def test_a_reorganisation_beyond_the_confirmations_reverses_the_ledger(left):
    """Paid goes back, the credit is taken back, and an alarm pauses the chain."""
    after, events, entries, alarms = walk(paid(), replace(look(left, head=20), intact=False))
    assert after.status is (Status.DETECTED if left else Status.PENDING)
    assert events[0] == "payment.reorged"
    assert (after.own.credited, [e.amount for e in entries], alarms) == (0, [1000], ["deep_reorg"])
    assert entries[0].debit == "available:m1"


def test_a_settled_payment_hit_by_a_deep_reorganisation_keeps_its_status_and_the_merchant_owes():
    """The ledger is reversed by what is gone."""
    settled = replace(paid(), status=Status.SETTLED, tier=Tier.MONITORED)
    after, _, entries, alarms = walk(settled, replace(look(400, head=20), intact=False))
    assert (after.status, after.own.credited, entries[0].amount, alarms) == (Status.SETTLED, 400, 600, ["deep_reorg"])
    assert not after.fulfillable


@pytest.mark.parametrize("status", [Status.DETECTED, Status.CONFIRMED, Status.PAID, Status.SETTLED, Status.EXPIRED])
def test_a_balance_that_falls_without_a_reorganisation_is_held(status):
    """A burnt balance or a leaked key is not a reorganisation: the credit is kept, and what is gone is our loss."""
    credited = 1000 if status in (Status.PAID, Status.SETTLED) else 0
    before = payment(status=status, amount_received=1000, told_amount=1000, credited=credited)
    after, events, entries, alarms = walk(before, look(400, head=20))
    assert (after.status, after.exception, events) == (status, Flag.HELD, ["payment.held"])
    posted = [("losses", "on_addresses", 600), ("available:m1", "held:m1", 1000)] if credited else []
    assert [(entry.debit, entry.credit, entry.amount) for entry in entries] == posted
    assert alarms == ["unexplained_outflow"]


def test_a_confirmed_payment_that_lost_money_is_credited_with_what_is_left_once_accepted():
    """It must not wait for an amount that will never be there again."""
    confirmed = payment(status=Status.CONFIRMED, amount_received=1000, amount_confirmed=1000)
    held, events, *_ = walk(confirmed, look(400, head=20, seen_at=5))
    assert (held.status, held.exception, events) == (Status.CONFIRMED, Flag.HELD, ["payment.held"])
    after, events, entries, _ = walk(held.changed(accept_requested=True), look(400, head=21, seen_at=5))
    assert (after.status, events, entries[0].amount) == (Status.PAID, ["payment.released", "payment.paid"], 400)


def test_what_arrives_on_a_paid_payment_gets_its_own_entry():
    """An overpaid event and a further sweep, only at the confirmed depth."""
    head, events, *_ = walk(paid(), replace(look(1200, head=20), confirmed=1000))
    assert (head.seen.amount_received, events) == (1200, [])
    after, events, entries, _ = walk(head, look(1200, head=30, seen_at=20))
    assert (events, entries[0].amount, after.own.credited, after.tier) == (["payment.overpaid"], 200, 1200, Tier.SWEEP)


def test_an_outage_fails_nobody_and_a_read_after_the_window_does():
    """Only a successful read at the confirmed depth that shows less than due fails a reorganised payment."""
    undone = payment(flags=frozenset({Flag.REORGED}))
    closed = replace(look(0, head=99), depth_time=undone.window_ends + 1)
    assert next_step(undone, replace(closed, confirmed=None), NOW) is None
    assert next_step(undone, replace(closed, received=None), NOW) is None
    after, events, *_ = walk(undone, closed)
    assert (after.status, events) == (Status.FAILED, ["payment.failed"])


def test_nothing_is_credited_twice():
    """The same look again changes nothing."""
    done = paid()
    assert next_step(done, look(1000, head=10, seen_at=5), NOW) is None


def test_observations_are_promoted_by_canonical_depth():
    """Older amounts count until the newer are deep enough; a block that is gone takes its amount with it."""
    seen = (Observation.at(block(5), 10), Observation.at(block(8), 30))
    assert [promote(seen, depth) for depth in (4, 5, 7, 8, 9)] == [0, 10, 10, 30, 30]
    headers = {5: block(5), 8: block(8, fork="b")}
    assert canonical(seen, headers) == seen[:1]


def test_recording_keeps_the_block_of_an_unchanged_amount_and_drops_settled_history():
    """So that a payment's item stays small."""
    seen = (Observation.at(block(5), 10),)
    assert record(seen, [Observation.at(block(9), 10)], 4) == seen
    grown = record(seen, [Observation.at(block(9), 20)], 4)
    assert [s.amount for s in grown] == [10, 20]
    assert [s.amount for s in record(grown, [Observation.at(block(12), 30)], 9)] == [20, 30]
    assert record((), [Observation.at(block(9), 0)], 4) == ()


def test_the_deadlines_amount_is_told_by_observations_only_where_they_suffice():
    """Enough before it, or too little even now; between the two nobody knows."""
    seen = (Observation.at(block(5), 10), Observation.at(block(8), 30))
    deadline = block(6).time
    assert by_deadline(seen, deadline, target=10, latest=30) == 10
    assert by_deadline(seen, deadline, target=31, latest=30) == 10
    assert by_deadline(seen, deadline, target=20, latest=30) is None
