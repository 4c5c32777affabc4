"""What of a payment was swept to its merchant's own treasury: the operator holds it no more, and owes it no more."""

from typing import NamedTuple

from ctrip.domain.payments.payment import Custody, Flag, Payment


class Delivered(NamedTuple):
    """Base units of the due asset, by the account of the merchant's that they were owed in."""

    available: int = 0
    unmatched: int = 0


def delivered(payment: Payment) -> Delivered:
    """Return what left the address for the merchant's own treasury, with the coin that this took from the money itself.

    What an expired or failed payment received was unmatched, as was what lay there before the payment existed, which
    leaves first.
    """
    if payment.policy.custody is not Custody.DIRECT:
        return Delivered()
    baseline = payment.seen.baseline or 0
    left = max(payment.seen.amount_received + baseline - payment.unswept, 0)
    unmatched = left if payment.is_dead else min(left, baseline)
    return Delivered(left - unmatched, unmatched)


def held_share(payment: Payment) -> int:
    """Return what of a payment's credit waits for a review: what was delivered cannot."""
    return max(payment.own.credited - delivered(payment).available, 0) if Flag.HELD in payment.flags else 0
