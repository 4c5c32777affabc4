"""What payments and own transactions say of balances: what is booked at an address, and what may have moved already."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ctrip.domain.chains.kinds import folded, same
from ctrip.domain.payments.payment import Payment
from ctrip.domain.sweeping.sweep import Attempt, Kind, OutgoingTransaction


@dataclass(frozen=True, slots=True)
class UnderWay:
    """The most that unfinished transactions may take from addresses, and bring to them; their keys."""

    leaving: int = 0
    entering: int = 0
    keys: tuple[str, ...] = ()


def under_way(transactions: Iterable[OutgoingTransaction], addresses: Collection[str], token: str | None) -> UnderWay:
    """Bound what unfinished transactions may have moved at addresses, in one asset (`token` None: the coin).

    Nothing of them is posted before they are final, whatever the chain shows until then.
    """
    ours = {folded(each) for each in addresses}
    leaving = entering = 0
    keys = []
    for transaction in transactions:
        out = max((_leaves(transaction, each, ours, token) for each in transaction.attempts), default=0)
        into = max((_enters(transaction, each, ours, token) for each in transaction.attempts), default=0)
        if out or into:
            leaving, entering = leaving + out, entering + into
            keys.append(transaction.key)
    return UnderWay(leaving, entering, tuple(keys))


def booked(payment: Payment, block: int) -> int:
    """Return what the books have of the due asset at a payment's address: what was posted, and moved up to a block."""
    arrived = payment.own.credited + payment.own.unmatched - payment.own.lost
    return arrived + (payment.seen.baseline or 0) + payment.net_moves(payment.due.token_address, block)


def unposted(payment: Payment) -> int:
    """Return what the payment has seen come of its due asset and not posted yet: it is short, unconfirmed or held."""
    return max(0, payment.seen.amount_received - payment.own.credited - payment.own.unmatched + payment.own.lost)


def _leaves(transaction: OutgoingTransaction, attempt: Attempt, ours: Collection[str], token: str | None) -> int:
    pays = folded(transaction.sender) in ours
    gives = pays or any(folded(each.address) in ours for each in transaction.members)
    if token is None:
        # What the layer below asks may have risen since.
        return attempt.value + attempt.cost + 2 * attempt.beside if pays else 0
    return attempt.amount if gives and transaction.kind is not Kind.FUND and _same(transaction.token, token) else 0


def _enters(transaction: OutgoingTransaction, attempt: Attempt, ours: Collection[str], token: str | None) -> int:
    if folded(transaction.to) not in ours or not _same(transaction.token, token):
        return 0
    return attempt.value if token is None else attempt.amount


def _same(one: str | None, other: str | None) -> bool:
    return one is other if one is None or other is None else same(one, other)
