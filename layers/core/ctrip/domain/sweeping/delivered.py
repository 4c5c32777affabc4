"""The postings of a final sweep, as its payment has them: to the operator's treasury, or to the merchant's own."""

from collections.abc import Iterator

from ctrip.domain.ledger.entries import ON_ADDRESSES, Entry, EntryType, available, held, unmatched
from ctrip.domain.payments.delivery import delivered, held_share
from ctrip.domain.payments.payment import Payment
from ctrip.domain.sweeping.sweep import Member, OutgoingTransaction, postings


def posted(
    before: Payment, after: Payment, transaction: OutgoingTransaction, member: Member, now: int
) -> tuple[Entry, ...]:
    """Post what a final transaction did for a member; the payment `after` it knows the move, `before` it does not.

    What reaches a merchant's own treasury is owed no more: it leaves the account that it was owed in. The coin that
    this took of the money itself is part of that, as is the share that a token keeps; a hold ends with it.
    """
    return (*postings(transaction, member, now), *_delivered(before, after, transaction, member, now))


def _delivered(
    before: Payment, after: Payment, transaction: OutgoingTransaction, member: Member, now: int
) -> Iterator[Entry]:
    if not transaction.direct:
        return
    was, then, merchant_id = delivered(before), delivered(after), member.merchant_id
    free, apart = available(merchant_id), unmatched(merchant_id)
    if released := held_share(before) - held_share(after):
        yield _entry(transaction, member, EntryType.RELEASE, held(merchant_id), free, released, "released", now)
    fee = transaction.fee if transaction.token is None else 0
    from_apart = then.unmatched - was.unmatched
    for name, kind, amount in (
        ("moved", EntryType.SETTLED, member.amount),
        ("kept", EntryType.TOKEN_FEE, member.left - member.amount),
        ("gas", EntryType.GAS, fee),
    ):
        part = min(amount, from_apart)
        from_apart -= part
        if part:
            yield _entry(transaction, member, kind, apart, ON_ADDRESSES, part, f"{name}_apart", now)
        if amount - part:
            yield _entry(transaction, member, kind, free, ON_ADDRESSES, amount - part, name, now)


def _entry(
    transaction: OutgoingTransaction,
    member: Member,
    kind: EntryType,
    debit: str,
    credit: str,
    amount: int,
    name: str,
    now: int,
) -> Entry:
    return Entry(
        id=f"{transaction.key}#{transaction.block_hash}#{transaction.version:06d}#{name}",
        type=kind,
        owner=member.merchant_id,
        chain=transaction.chain,
        asset=transaction.asset,
        debit=debit,
        credit=credit,
        amount=amount,
        payment_id=member.payment_id,
        tx_hash=transaction.tx_hash,
        at=now,
    )
