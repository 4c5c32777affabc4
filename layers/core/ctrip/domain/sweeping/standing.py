"""Why a payment's money is not swept yet: it waits, it is parked, or its sweep is stuck."""

from dataclasses import dataclass
from enum import StrEnum

from ctrip.domain.payments.payment import Flag, Payment, Tier
from ctrip.domain.sweeping.policy import LoudGas, SweepPolicy, SweptDay, day_of, waits_since
from ctrip.domain.sweeping.sweep import OutgoingTransaction, Setback, TransactionState

SLOW_MS = 3_600_000  # of a transaction that no block has taken
DAY_MS = 86_400_000


class SweepState(StrEnum):
    """`stuck`: somebody should look. `waiting`: it goes on by itself, or once approved. `parked`: worth too little."""

    STUCK = "stuck"
    WAITING = "waiting"
    PARKED = "parked"


class Why(StrEnum):
    """The reasons, by state; those of `stuck` come first."""

    FAILS = "fails"
    NOT_MINED = "not_mined"
    UNREADABLE = "unreadable"
    HELD = "held"
    APPROVAL = "approval"
    QUIET_GAS = "quiet_gas"
    DAILY_CAP = "daily_cap"
    UNDER_WAY = "under_way"
    DUE = "due"
    WORTH_TOO_LITTLE = "worth_too_little"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How it stands with a sweep; times are unix milliseconds.

    `since` is when the reason began, `tries` how often the sweep was tried since then, `next_at` when it is tried
    again, None where nobody knows. `detail` is what a node or a transaction said.
    """

    state: SweepState
    why: Why
    since: int
    tries: int = 0
    next_at: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is stored about one payment's sweep beside the payment."""

    policy: SweepPolicy
    day: SweptDay
    setback: Setback | None = None
    transaction: OutgoingTransaction | None = None
    loud: LoudGas | None = None


def standing(payment: Payment, known: Known, now: int) -> Standing | None:
    """Say how it stands with a payment's sweep; None where it has none."""
    if payment.tier is Tier.PARKED:
        return Standing(state=SweepState.PARKED, why=Why.WORTH_TOO_LITTLE, since=waits_since(payment))
    if payment.tier is not Tier.SWEEP:
        return None
    return _stuck(payment, known, now) or _waiting(payment, known, now)


def _stuck(payment: Payment, known: Known, now: int) -> Standing | None:
    if Flag.HELD in payment.flags:
        detail = payment.review.hold.value if payment.review.hold else ""
        return Standing(state=SweepState.STUCK, why=Why.HELD, since=payment.times.updated_at, detail=detail)
    if transaction := known.transaction:
        return _stuck_under_way(transaction, now)
    # An older failure was of an earlier sweep of the address.
    if (setback := known.setback) and (setback.until > now or setback.at >= payment.times.raised_at):
        return Standing(
            state=SweepState.STUCK,
            why=Why.FAILS,
            since=setback.since,
            tries=setback.failures,
            next_at=max(setback.until, now),
            detail=setback.reason,
        )
    return None


def _stuck_under_way(transaction: OutgoingTransaction, now: int) -> Standing | None:
    tries, since = len(transaction.attempts), transaction.created_at
    if transaction.state is TransactionState.UNREADABLE:
        return Standing(state=SweepState.STUCK, why=Why.UNREADABLE, since=since)
    refusal = transaction.refusal
    if transaction.waiting and (now - since >= SLOW_MS or (refusal and refusal.capped)):
        detail = refusal.reason if refusal else ""
        return Standing(state=SweepState.STUCK, why=Why.NOT_MINED, since=since, tries=tries, detail=detail)
    return None


def _waiting(payment: Payment, known: Known, now: int) -> Standing:
    since, policy, amount = waits_since(payment), known.policy, payment.unswept
    next_at = None
    if known.transaction:
        why, since = Why.UNDER_WAY, known.transaction.created_at
    elif policy.unapproved(payment, amount):
        why = Why.APPROVAL
    elif known.loud and not policy.old(payment, now):
        why = Why.QUIET_GAS
        next_at = since + policy.max_age * 1000 if policy.max_age else None
    elif known.day.day == day_of(now) and known.day.amount + amount > policy.per_day:
        why, next_at = Why.DAILY_CAP, (now // DAY_MS + 1) * DAY_MS
    else:
        why = Why.DUE
    tries = len(known.transaction.attempts) if known.transaction else 0
    return Standing(state=SweepState.WAITING, why=why, since=since, tries=tries, next_at=next_at)
