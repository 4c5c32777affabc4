"""Money that was not due: recorded, reported and explained, never credited by itself."""

from dataclasses import replace

from ctrip.domain.detection import entry
from ctrip.domain.detection.step import Step, fire
from ctrip.domain.payments.machine import Trigger
from ctrip.domain.payments.payment import Payment, UnexpectedDeposit


def note_stray(payment: Payment, stray: UnexpectedDeposit, now: int) -> Step | None:
    """Record and report money that was not due: never credited by itself, never swept; told once per change."""
    known = {held.key: held for held in payment.seen.strays}
    before = known.get(stray.key)
    if stray.amount <= (before.amount if before else 0):
        return None
    trigger = Trigger.UNMATCHED
    if stray.chain != payment.due.chain:
        trigger = Trigger.WRONG_NETWORK
    elif stray.token_id != payment.due.token_id:
        trigger = Trigger.WRONG_ASSET
    step = fire(payment, trigger, now, strays=tuple((known | {stray.key: stray}).values()))
    more = stray.amount - (before.amount if before else 0)
    return replace(step, stray=stray, entries=entry.stray(payment, stray, more, now))


def explain_stray(payment: Payment, stray: UnexpectedDeposit, now: int) -> Step | None:
    """Add the transaction that brought money which was not due, once a node has told of it."""
    known = {held.key: held for held in payment.seen.strays}
    before = known.get(stray.key)
    if before is None or before.amount != stray.amount or before.tx_hash is not None or stray.tx_hash is None:
        return None
    step = fire(payment, Trigger.EXPLAINED, now, strays=tuple((known | {stray.key: stray}).values()))
    return replace(step, stray=stray)
