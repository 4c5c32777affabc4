"""The decision: a payment and what was seen of it, in; the next step, out. Pure, one step at a time, until None."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ctrip.domain.alarms import DEEP_REORG
from ctrip.domain.detection import entry
from ctrip.domain.detection.observe import Look
from ctrip.domain.detection.step import Step, due_tier, fire, quiet
from ctrip.domain.payments.machine import Trigger
from ctrip.domain.payments.payment import INLINE, Custody, Flag, Hold, Late, Payment, Status, Tier


def next_step(payment: Payment, look: Look, now: int) -> Step | None:
    """Decide the next step from one look; call again with the payment after it until there is none."""
    step = _next_step(payment, look, now)
    if step is None:
        return None
    after = step.after
    if after.own.unmatched and after.status not in (Status.EXPIRED, Status.FAILED):
        after = after.changed(unmatched=0)
    moved = tuple(entry.moved_accounts(payment, after, now))
    return replace(step, after=after, entries=(*step.entries, *moved))


def _next_step(payment: Payment, look: Look, now: int) -> Step | None:
    if look.received is None:
        return None
    if _owner_moved(payment, look):
        return quiet(payment, now, tier=Tier.CLOSED) if payment.tier is not Tier.CLOSED else None
    if payment.seen.baseline is None and look.baseline:
        return _first_seen(payment, look, now)
    if (step := _hold_of_the_baseline(payment, look, now)) is not None:
        return step
    return _RULES[payment.status](payment, look, now)


def _first_seen(payment: Payment, look: Look, now: int) -> Step:
    """Record what lay at the address before the payment existed, before anything is made of what came after."""
    step = quiet(payment, now, baseline=look.baseline, doubt=look.doubt)
    ours = payment.policy.custody is not Custody.XPUB
    entries = (entry.kept_apart(payment, look.baseline, now),) if ours else ()
    return replace(step, alarm=Hold.NOT_FRESH.value, entries=entries)


def _hold_of_the_baseline(payment: Payment, look: Look, now: int) -> Step | None:
    """Hold a payment that would be complete if what lay there before counted; release it once it is without that."""
    assert look.received is not None
    if payment.status not in (Status.PENDING, Status.DETECTED, Status.EXPIRED):
        return None
    baseline = payment.seen.baseline or 0
    if look.doubt < payment.seen.doubt:  # the missing answer has come: that much was the payment's after all
        back = payment.seen.doubt - look.doubt
        step = quiet(payment, now, baseline=baseline - back, doubt=look.doubt)
        ours = payment.policy.custody is not Custody.XPUB
        return replace(step, entries=(entry.apart_no_more(payment, back, now),) if ours else ())
    changes_the_verdict = look.received < payment.target <= look.received + baseline
    if Flag.HELD not in payment.flags and changes_the_verdict:
        hold = Hold.BASELINE_UNKNOWN if payment.seen.doubt else Hold.NOT_FRESH
        return fire(payment, Trigger.HELD, now, hold=hold, alarm=hold.value, **_recorded(payment, look))
    by_itself = payment.review.hold in (Hold.NOT_FRESH, Hold.BASELINE_UNKNOWN) and Flag.HELD in payment.flags
    if by_itself and not changes_the_verdict and not payment.review.accept_requested:
        return fire(payment, Trigger.RELEASED, now, hold=None)
    return None


def _owner_moved(payment: Payment, look: Look) -> bool:
    """Whether a merchant has taken its own money from under its own key: what had come stays on record."""
    over = payment.status in (Status.SETTLED, Status.EXPIRED)
    left = look.received is not None and look.received < payment.seen.amount_received and look.intact
    return payment.policy.custody is Custody.XPUB and over and left


def _pending_or_detected(payment: Payment, look: Look, now: int) -> Step | None:
    assert look.received is not None
    if _news(payment, look):
        return _amount_changed(payment, look, now)
    if payment.review.hold is Hold.DEADLINE_UNKNOWN and look.on_time is not None:
        return fire(payment, Trigger.RELEASED, now, hold=None)  # the answer that was missing has come
    if Flag.HELD in payment.flags:
        return _release(payment, now)
    if payment.status is Status.DETECTED and look.received < payment.target and Flag.UNDERPAID not in payment.flags:
        return fire(payment, Trigger.SHORT, now)
    if Flag.REORGED in payment.flags:
        if look.depth_time > payment.window_ends and look.confirmed is not None and look.confirmed < payment.enough:
            lost = fire(payment, Trigger.GAVE_UP, now, unmatched=_unmatched(payment, look.confirmed))
            return replace(lost, after=lost.after.changed(tier=_tier_of_the_dead(lost.after), raised_at=now))
    elif look.depth_time > payment.due.expires_at and Flag.LATE not in payment.flags and not payment.review.accepted:
        on_time = payment.seen.on_time if payment.seen.on_time is not None else look.on_time
        if on_time is None:
            return fire(payment, Trigger.HELD, now, alarm=Hold.DEADLINE_UNKNOWN.value, hold=Hold.DEADLINE_UNKNOWN)
        if on_time < payment.target:
            return fire(payment, Trigger.LAPSED, now, on_time=on_time)
    if (
        payment.status is Status.DETECTED
        and look.agreed
        and look.confirmed is not None
        and look.confirmed >= payment.enough
    ):
        return fire(payment, Trigger.COMPLETED, now, **_recorded(payment, look), amount_confirmed=look.confirmed)
    if payment.status is Status.DETECTED and _untold(payment, look, now):
        return fire(payment, Trigger.SHORT if look.received < payment.target else Trigger.AMENDED, now)
    return None


def _untold(payment: Payment, look: Look, now: int) -> bool:
    """Whether an amount has changed since the last event about one, and the pause after that is over."""
    return payment.seen.amount_received != payment.seen.told_amount and now - payment.seen.told_at >= look.pause_ms


def _release(payment: Payment, now: int) -> Step | None:
    """A held payment waits until a person accepts it: then what is there counts, and a later hold waits anew."""
    if not payment.review.accept_requested:
        return None
    tiers = {Status.PAID: due_tier(payment), Status.SETTLED: Tier.MONITORED}
    return fire(
        payment,
        Trigger.RELEASED,
        now,
        accept_requested=False,
        accepted=payment.review.accept_amount or payment.seen.amount_received,
        amount_confirmed=min(payment.seen.amount_confirmed, payment.seen.amount_received),
        hold=None,
        tier=tiers.get(payment.status, Tier.OPEN),
    )


def _amount_changed(payment: Payment, look: Look, now: int) -> Step | None:
    assert look.received is not None
    seen = _recorded(payment, look)
    if look.received == payment.seen.amount_received:
        return quiet(payment, now, **seen)
    if look.received < payment.seen.amount_received and look.intact:
        return _outflow(payment, look, now)
    if _a_little_more(payment, look) and now - payment.seen.told_at < look.pause_ms:
        return quiet(payment, now, **seen)
    if payment.status is Status.PENDING:
        return fire(payment, Trigger.SEEN, now, **seen)
    if look.received == 0:
        return fire(payment, Trigger.REMOVED, now, **seen)
    if look.received < payment.seen.amount_received:
        return fire(payment, Trigger.REDUCED, now, **seen)
    return fire(payment, Trigger.AMENDED if look.received >= payment.target else Trigger.SHORT, now, **seen)


def _a_little_more(payment: Payment, look: Look) -> bool:
    """Whether the amount of a payment that shows one has grown, and that completes nothing."""
    assert look.received is not None
    completes = payment.seen.amount_received < payment.target <= look.received
    return payment.status is Status.DETECTED and look.received > payment.seen.amount_received and not completes


def _news(payment: Payment, look: Look) -> bool:
    """Whether the amount, or the block that it stands on, is another than the one recorded."""
    if look.received != payment.seen.amount_received:
        return True
    if not look.intact:
        return look.observations != payment.seen.observations
    return look.observations[-1:] != payment.seen.observations[-1:]


def _outflow(payment: Payment, look: Look, now: int) -> Step:
    """Money left without a reorganisation and without us: a burnt balance or a leaked key.

    The credit is kept, so what of it is no longer there is posted as our loss.
    """
    assert look.received is not None
    there = payment.own.credited - payment.own.lost
    gone = max(there - look.received, 0) if payment.policy.custody is not Custody.XPUB else 0
    changes = _recorded(payment, look) | {"hold": Hold.OUTFLOW, "lost": payment.own.lost + gone}
    if Flag.HELD in payment.flags:
        step = quiet(payment, now, **changes)
    else:
        step = fire(payment, Trigger.HELD, now, alarm=Hold.OUTFLOW.value, **changes)
    return replace(step, entries=(entry.loss(payment, gone, now),) if gone else ())


def _found_again(payment: Payment, look: Look, now: int) -> Step | None:
    """Take back a posted loss as far as the money is there again, at the confirmed depth."""
    there = payment.own.credited - payment.own.lost
    if not payment.own.lost or look.confirmed is None or look.confirmed <= there:
        return None
    back = min(payment.own.lost, look.confirmed - there)
    return replace(quiet(payment, now, lost=payment.own.lost - back), entries=(entry.found(payment, back, now),))


def _confirmed(payment: Payment, look: Look, now: int) -> Step | None:
    assert look.received is not None
    if (fallen := _fallen(payment, look, now)) is not None:
        return fallen
    if _news(payment, look):
        return quiet(payment, now, **_recorded(payment, look))
    if Flag.HELD in payment.flags:
        return _release(payment, now)
    if look.confirmed is None or look.confirmed < payment.seen.amount_confirmed or not look.agreed:
        return None
    if look.confirmed > payment.due.amount and Flag.OVERPAID not in payment.flags:
        return fire(payment, Trigger.EXCESS, now, amount_confirmed=look.confirmed)
    step = fire(payment, Trigger.CREDITED, now, amount_confirmed=look.confirmed, credited=look.confirmed)
    return replace(step, entries=(entry.credit(payment, look.confirmed, now),))


def _paid_or_settled(payment: Payment, look: Look, now: int) -> Step | None:
    assert look.received is not None
    if (fallen := _fallen(payment, look, now)) is not None:
        return fallen
    if _news(payment, look):
        return quiet(payment, now, **_recorded(payment, look))
    if (found := _found_again(payment, look, now)) is not None:
        return found
    if Flag.HELD in payment.flags:
        return _release(payment, now)
    if (
        look.confirmed is not None
        and look.confirmed > payment.own.credited
        and look.agreed
        and _due_a_word(payment, look, now)
    ):
        more = look.confirmed - payment.own.credited
        again = payment.status is Status.SETTLED and look.confirmed <= payment.due.amount
        step = fire(
            payment,
            Trigger.RECREDITED if again else Trigger.EXCESS,
            now,
            amount_confirmed=look.confirmed,
            credited=look.confirmed,
            tier=due_tier(payment),
        )
        return replace(step, entries=(entry.credit(payment, more, now),))
    if payment.status is Status.PAID and payment.policy.custody is Custody.XPUB:
        # Its funds are where they belong already: no key of that address is here.
        return fire(payment, Trigger.SETTLED, now)
    if payment.tier is Tier.SWEEP and payment.own.pending is None and payment.unswept <= 0 and payment.own.sweeps:
        # Its sweep was final before its credit was: there is nothing left to do.
        if payment.status is Status.PAID:
            return fire(payment, Trigger.SETTLED, now)
        return quiet(payment, now, tier=Tier.MONITORED)
    if payment.tier is Tier.MONITORED and look.depth_time > payment.window_ends:
        return quiet(payment, now, tier=Tier.CLOSED)
    return None


def _due_a_word(payment: Payment, look: Look, now: int) -> bool:
    """Whether more money may be credited now: each credit is an event, so that dust waits for the pause to be over."""
    assert look.confirmed is not None
    much = (look.confirmed - payment.own.credited) * 1000 >= payment.due.amount
    return much or now - payment.seen.told_at >= look.pause_ms


def _fallen(payment: Payment, look: Look, now: int) -> Step | None:
    """Undo what a reorganisation beyond the confirmations took back."""
    assert look.received is not None
    if look.received >= payment.seen.amount_received:
        return None
    if look.intact:
        return _outflow(payment, look, now)
    trigger = Trigger.REVERSED_SOME if look.received else Trigger.REVERSED_ALL
    kept = min(payment.own.credited, look.received) if payment.status is Status.SETTLED else 0
    taken = payment.own.credited - kept
    changes = _recorded(payment, look) | {"amount_confirmed": kept, "credited": kept, "lost": 0}
    step = fire(payment, trigger, now, alarm=DEEP_REORG, **changes)
    entries = (entry.reversal(payment, taken, now),) if taken else ()
    if payment.own.lost:  # what had left before is not on the address to be taken back from it
        entries = (*entries, entry.found(payment, payment.own.lost, now))
    return replace(step, entries=entries)


def _expired(payment: Payment, look: Look, now: int) -> Step | None:
    assert look.received is not None
    if look.received < payment.seen.amount_received and look.intact:
        return _outflow(payment, look, now)
    changed = look.received != payment.seen.amount_received
    seen = _recorded(payment, look)
    if (revived := _revived(payment, look, now, seen)) is not None:
        return revived
    grown = look.received > payment.seen.amount_received and Flag.MANUAL not in payment.flags
    if changed and grown and now - payment.seen.told_at >= look.pause_ms:
        return fire(payment, Trigger.LATE_PARTIAL, now, **seen)
    if _news(payment, look):
        return quiet(payment, now, **seen)
    if Flag.MANUAL not in payment.flags and _untold(payment, look, now):
        return fire(payment, Trigger.LATE_PARTIAL, now)
    if payment.review.accept_requested:
        return _accepted(payment, look, now)
    if look.confirmed is not None and look.agreed and payment.own.unmatched != _unmatched(payment, look.confirmed):
        return quiet(payment, now, unmatched=look.confirmed)
    if look.depth_time > payment.window_ends and payment.tier in (Tier.MONITORED, Tier.OPEN):
        return quiet(payment, now, tier=_tier_of_the_dead(payment))
    return None


def _tier_of_the_dead(payment: Payment) -> Tier:
    """Once nothing can come of a payment any more, what it received is swept: a treasury refunds it."""
    ours = payment.policy.custody is not Custody.XPUB and Flag.HELD not in payment.flags
    return Tier.SWEEP if ours and payment.own.unmatched and payment.unswept > 0 else Tier.CLOSED


def _revived(payment: Payment, look: Look, now: int, seen: dict[str, Any]) -> Step | None:
    """Bring an expired payment back to life, or hold what only a person may decide."""
    assert look.received is not None
    if Flag.HELD in payment.flags:
        return None
    if Flag.MANUAL in payment.flags:
        come = look.received and look.received != payment.seen.amount_received
        return fire(payment, Trigger.HELD, now, **seen, hold=Hold.CANCELLED) if come else None
    if look.received < payment.target or look.head.time > payment.window_ends:
        return None
    if look.superseded:
        return fire(payment, Trigger.HELD, now, alarm=Hold.ORDER_TAKEN.value, hold=Hold.ORDER_TAKEN, **seen)
    if look.on_time is not None and look.on_time >= payment.target:
        step = fire(payment, Trigger.TURNED_UP, now, **seen, on_time=look.on_time)
    elif payment.policy.late is Late.ACCEPT:
        step = fire(payment, Trigger.LATE_COMPLETED, now, **seen)
    else:
        return None
    return replace(step, holds_order=payment.order.order_id is not None)


def _accepted(payment: Payment, look: Look, now: int) -> Step | None:
    """Credit what a person accepted, once that much is at the confirmed depth, whatever has come since.

    It is forgotten when a reorganisation has taken everything. A payment whose order another has taken is credited too,
    and not to be fulfilled while that one lives.
    """
    if look.received == 0:
        return quiet(payment, now, accept_requested=False, tier=Tier.MONITORED)
    asked = min(payment.review.accept_amount or payment.seen.amount_received, payment.seen.amount_received)
    if look.confirmed is None or look.confirmed < asked or not look.agreed:
        return None
    step = fire(
        payment,
        Trigger.ACCEPTED,
        now,
        amount_confirmed=look.confirmed,
        accept_requested=False,
        accepted=look.confirmed,
        hold=None,
        superseded=look.superseded,
    )
    return replace(step, holds_order=payment.order.order_id is not None and not look.superseded)


def _unmatched(payment: Payment, confirmed: int) -> int:
    """Return what a payment received that is over: the merchant's to refund, where the key is not its own."""
    return 0 if payment.policy.custody is Custody.XPUB else confirmed


def _failed(payment: Payment, look: Look, now: int) -> Step | None:
    # What it received has been swept.
    return quiet(payment, now, tier=Tier.CLOSED) if payment.tier is Tier.MONITORED else None


_RULES: dict[Status, Callable[[Payment, Look, int], Step | None]] = {
    Status.PENDING: _pending_or_detected,
    Status.DETECTED: _pending_or_detected,
    Status.CONFIRMED: _confirmed,
    Status.PAID: _paid_or_settled,
    Status.SETTLED: _paid_or_settled,
    Status.EXPIRED: _expired,
    Status.FAILED: _failed,
}


def _recorded(payment: Payment, look: Look) -> dict[str, Any]:
    first = look.transfers[0].block_number if look.transfers else None
    newest = look.observations[-1].block_number if look.observations else None
    block = payment.seen.detected_in_block or first or newest
    return {
        "baseline": look.baseline if payment.seen.baseline is None and look.received else payment.seen.baseline,
        "amount_received": look.received,
        "observations": look.observations,
        "transfers": look.transfers[-INLINE:],
        "explained": look.explained,
        "explain_at": look.explain_at,
        "explain_tries": look.explain_tries,
        "detected_in_block": block if look.received else None,
        "confirmations": look.head.number - block + 1 if look.received and block else 0,
    }
