"""What the scanner keeps in memory of a payment that nothing has happened to: what a look at its address needs."""

from dataclasses import dataclass

from ctrip.domain.chains.chain import BalanceQuery
from ctrip.domain.payments.payment import Payment, Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch(BalanceQuery):
    """One watched payment as the index shows it: nothing in it changes while the payment stays in its tier.

    `amount` is what is due in base units; times are unix milliseconds. `touched` says that the payment itself has to be
    read: something has been recorded since it was asked for, or since it expired with nothing received.
    """

    id: str
    merchant_id: str
    tier: Tier
    amount: int
    raised_at: int
    asked_at: int
    expires_at: int
    window_ends: int
    touched: bool

    @classmethod
    def of(cls, payment: Payment) -> "Watch":
        """Cut a payment down to what its row in the index shows."""
        return cls(
            address=payment.due.address,
            token=payment.due.token_address,
            id=payment.id,
            merchant_id=payment.merchant_id,
            tier=payment.tier,
            amount=payment.due.amount,
            raised_at=payment.times.raised_at,
            asked_at=payment.asked_at,
            expires_at=payment.due.expires_at,
            window_ends=payment.window_ends,
            touched=touched(payment),
        )

    def to_be_read(self, balance: int | None, time: int) -> bool:
        """Whether the payment itself must be read to decide, with this balance at a block of this time."""
        if self.touched or balance:
            return True
        return time > (self.expires_at if self.tier is Tier.OPEN else self.window_ends)


def touched(payment: Payment) -> bool:
    """Whether anything is recorded of a payment that a look at its address has to know."""
    return bool(
        payment.seen.amount_received
        or payment.seen.baseline is not None
        or payment.flags
        or payment.seen.observations
        or payment.own.moves
        or payment.own.folded
        or payment.own.pending
        or payment.own.credited
        or payment.review.accept_requested
    )
