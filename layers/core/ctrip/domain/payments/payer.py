"""What the payer of a payment has to do next, as its checkout page says it."""

from enum import StrEnum

from ctrip.domain.payments.payment import Flag, Payment, Status, UnexpectedDeposit


class PayerStep(StrEnum):
    """The next step of a payer; those that end in `_part` are for who has sent some of the amount."""

    CHOOSE = "choose"
    PAY = "pay"
    PAY_REST = "pay_rest"
    CHECKING = "checking"  # the deadline has passed, and the chain has not been read that far yet
    WAIT = "wait"
    WAIT_LATE = "wait_late"
    REORGED = "reorged"
    WRONG_ASSET = "wrong_asset"
    WRONG_NETWORK = "wrong_network"
    CONFIRMED = "confirmed"
    DONE = "done"
    DONE_LATE = "done_late"
    OVERPAID = "overpaid"
    LATE = "late"  # all of it came too late, and the shop decides
    HELD = "held"
    HELD_PART = "held_part"
    EXPIRED = "expired"
    EXPIRED_PART = "expired_part"
    CANCELLED = "cancelled"
    CANCELLED_PART = "cancelled_part"
    FAILED = "failed"
    FAILED_PART = "failed_part"


DONE = frozenset({PayerStep.CONFIRMED, PayerStep.DONE, PayerStep.DONE_LATE, PayerStep.OVERPAID})
WAITING = frozenset({PayerStep.WAIT, PayerStep.WAIT_LATE})
_S = PayerStep
_FINISHED = (Status.CONFIRMED, Status.PAID, Status.SETTLED)


def rest_of(payment: Payment) -> int:
    """Return what is still missing of the amount due, 0 where the payment is complete."""
    return 0 if _complete(payment) else payment.due.amount - payment.seen.amount_received


def may_pay(payment: Payment, now: int) -> bool:
    """Whether the payer may send money: something is missing, it is on time, and nobody has to look first.

    After a reorganisation nothing more is asked for: what was sent is mostly mined again, and would then be paid twice.
    """
    waits = payment.is_chosen and payment.is_open and not {Flag.HELD, Flag.REORGED} & payment.flags
    return waits and now < payment.due.expires_at and rest_of(payment) > 0


def payer_step(payment: Payment, now: int) -> PayerStep:
    """Decide the payer's next step at a time by the server's clock."""
    part = payment.seen.amount_received > 0
    if Flag.HELD in payment.flags:
        return _S.HELD_PART if part else _S.HELD
    if payment.status in _FINISHED:
        return _finished(payment)
    if payment.status is Status.FAILED:
        return _S.FAILED_PART if part else _S.FAILED
    if payment.status is Status.EXPIRED:
        return _ended(payment, part=part)
    if payment.status is Status.DETECTED and _complete(payment):
        return _S.WAIT_LATE if Flag.LATE in payment.flags else _S.WAIT
    return _open(payment, now, part=part)


def strays_of(payment: Payment) -> tuple[UnexpectedDeposit, ...]:
    """Return what was sent by mistake: another asset, or on another network."""
    due = (payment.due.chain, payment.due.token_id)
    return tuple(each for each in payment.seen.strays if each.key != due and each.amount > 0)


def _complete(payment: Payment) -> bool:
    return payment.seen.amount_received >= payment.enough


def _finished(payment: Payment) -> PayerStep:
    if payment.seen.amount_received > payment.due.amount:
        return _S.OVERPAID
    if payment.status is Status.CONFIRMED:
        return _S.CONFIRMED
    return _S.DONE_LATE if Flag.LATE in payment.flags else _S.DONE


def _ended(payment: Payment, *, part: bool) -> PayerStep:
    if Flag.MANUAL in payment.flags:
        return _S.CANCELLED_PART if part else _S.CANCELLED
    if part:
        return _S.LATE if payment.seen.amount_received >= payment.target else _S.EXPIRED_PART
    return _stray(payment) or _S.EXPIRED


def _open(payment: Payment, now: int, *, part: bool) -> PayerStep:
    if not payment.is_chosen:
        return _S.CHOOSE if now < payment.due.expires_at else _S.EXPIRED
    if Flag.REORGED in payment.flags:
        return _S.REORGED
    if now >= payment.due.expires_at:
        return _S.CHECKING
    return _stray(payment) or (_S.PAY_REST if part else _S.PAY)


def _stray(payment: Payment) -> PayerStep | None:
    found = strays_of(payment)
    if not found:
        return None
    elsewhere = any(each.chain != payment.due.chain for each in found)
    return _S.WRONG_NETWORK if elsewhere else _S.WRONG_ASSET
