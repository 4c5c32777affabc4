"""Money that came for a payment and belongs to it no more, or never did: what can be refunded."""

from dataclasses import dataclass

from ctrip.domain.payments.payment import Payment


@dataclass(frozen=True, slots=True)
class UnmatchedDeposit:
    """All that came of one asset to a payment's address without being due; `number` tells it from the payment's others.

    `tx_hash` and `sender` are of the newest transfer, where a node has told.
    """

    payment: Payment
    number: int
    chain: str
    token_id: str | None
    symbol: str
    decimals: int
    amount: int
    tx_hash: str | None
    sender: str | None
    address: str

    @property
    def id(self) -> str:
        """Name it by its payment and number."""
        return f"{self.payment.id}.{self.number}"


def unmatched_deposits(payment: Payment) -> list[UnmatchedDeposit]:
    """List what came for a payment and is unmatched; number 0 is the due asset, of a payment that is over."""
    due, found = payment.due, []
    if payment.is_dead and payment.own.unmatched:
        newest = payment.seen.transfers[-1] if payment.seen.transfers else None
        of_due = (due.chain, due.token_id, due.symbol, due.decimals, payment.own.unmatched)
        told = (newest.tx_hash, newest.sender) if newest else (None, None)
        found.append(UnmatchedDeposit(payment, 0, *of_due, *told, due.address))
    for number, each in enumerate(payment.seen.strays, 1):
        held = (each.chain, each.token_id, each.symbol, each.decimals, each.amount, each.tx_hash, each.sender)
        found.append(UnmatchedDeposit(payment, number, *held, each.address or due.address))
    return found
