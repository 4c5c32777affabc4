"""A step: one durable change of a payment, and how it is built along an edge of the machine."""

from dataclasses import dataclass
from typing import Any

from ctrip.domain.ledger.entries import Entry
from ctrip.domain.payments.machine import Trigger, follow
from ctrip.domain.payments.payment import Custody, Payment, Status, Tier, UnexpectedDeposit


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One durable change: the payment after it, the event it emits, None where nobody is told.

    `holds_order` asks that the payment still has its order when this commits: a dead one comes back to life.
    """

    after: Payment
    event: str | None = None
    entries: tuple[Entry, ...] = ()
    alarm: str | None = None
    stray: UnexpectedDeposit | None = None
    holds_order: bool = False


def fire(payment: Payment, trigger: Trigger, now: int, *, alarm: str | None = None, **changes: Any) -> Step:
    """Follow one edge of the machine; `changes` are fields of the payment that change with it."""
    edge = follow(payment.status, trigger)
    changes |= {
        "status": edge.to,
        "flags": (payment.flags | edge.raises) - edge.lowers,
        "tier": changes.get("tier", _tier(payment, edge.to)),
    }
    after = payment.changed(**changes | _timestamps(payment, edge.to, now))
    if trigger in _TELL_AN_AMOUNT:
        after = after.changed(told_at=now, told_amount=after.seen.amount_received)
    return Step(after=_touched(payment, after, now), event=edge.event, alarm=alarm)


_TELL_AN_AMOUNT = frozenset(
    {Trigger.SEEN, Trigger.AMENDED, Trigger.SHORT, Trigger.LATE_PARTIAL, Trigger.LATE_COMPLETED, Trigger.TURNED_UP}
    | {Trigger.EXCESS, Trigger.RECREDITED, Trigger.COMPLETED, Trigger.REDUCED, Trigger.REMOVED}
)


def quiet(payment: Payment, now: int, **changes: Any) -> Step:
    """Record something that nobody is told of."""
    return Step(after=_touched(payment, payment.changed(**changes), now))


def due_tier(payment: Payment) -> Tier:
    """Return the tier of a credited payment: swept, but where the key is the merchant's own."""
    return Tier.MONITORED if payment.policy.custody is Custody.XPUB else Tier.SWEEP


def _tier(payment: Payment, to: Status) -> Tier:
    if to is payment.status:
        return payment.tier
    if not payment.is_chosen:
        return Tier.CLOSED  # nobody was given an address: nothing can come
    if to is Status.PAID:
        return due_tier(payment)
    if to in (Status.SETTLED, Status.EXPIRED):
        return Tier.MONITORED
    return Tier.CLOSED if to is Status.FAILED else Tier.OPEN


_TIMES = {
    Status.DETECTED: "detected_at",
    Status.CONFIRMED: "confirmed_at",
    Status.PAID: "paid_at",
    Status.SETTLED: "settled_at",
}


def _timestamps(payment: Payment, to: Status, now: int) -> dict[str, int]:
    name = _TIMES.get(to)
    return {name: now} if name and to is not payment.status else {}


def _touched(before: Payment, after: Payment, now: int) -> Payment:
    raised = now if after.tier is not before.tier else after.times.raised_at
    # What is no longer there is told of by its own event; what comes again after it is news.
    after = after.changed(told_amount=min(after.seen.told_amount, after.seen.amount_received))
    return after.changed(version=before.version + 1, updated_at=now, raised_at=raised).bounded()
