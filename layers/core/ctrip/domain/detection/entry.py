"""The ledger entries of a payment's decisions: what is credited, held, taken back, lost and found."""

from collections.abc import Iterator

from ctrip.domain.ledger.entries import (
    LOSSES,
    ON_ADDRESSES,
    Entry,
    EntryType,
    available,
    delivered,
    held,
    own_wallet,
    unmatched,
)
from ctrip.domain.payments.delivery import delivered as handed_over
from ctrip.domain.payments.delivery import held_share
from ctrip.domain.payments.payment import Custody, Payment, UnexpectedDeposit


def credit(payment: Payment, amount: int, now: int) -> Entry:
    """Credit what arrived on the payment's address to its merchant, who has it already where the key is its own."""
    debit, credit = _accounts(payment)
    return _entry(payment, EntryType.DEPOSIT, amount, now, debit=debit, credit=credit)


def reversal(payment: Payment, amount: int, now: int) -> Entry:
    """Take a credit back whose money a reorganisation removed."""
    debit, credit = _accounts(payment)
    return _entry(payment, EntryType.REVERSAL, amount, now, debit=credit, credit=debit)


def kept_apart(payment: Payment, amount: int, now: int) -> Entry:
    """Keep what lay at the address before the payment existed apart from what is the merchant's."""
    return _unmatched(payment, amount, now, "baseline")


def apart_no_more(payment: Payment, amount: int, now: int) -> Entry:
    """Take back what was kept apart and was the payment's after all."""
    return _unmatched(payment, -amount, now, "baseline")


def loss(payment: Payment, amount: int, now: int) -> Entry:
    """Post as our loss what left the address without us."""
    return _entry(payment, EntryType.LOSS, amount, now, debit=LOSSES, credit=ON_ADDRESSES)


def found(payment: Payment, amount: int, now: int) -> Entry:
    """Take a loss back as far as the money is there again."""
    return _entry(payment, EntryType.FOUND, amount, now, debit=ON_ADDRESSES, credit=LOSSES)


def stray(payment: Payment, deposit: UnexpectedDeposit, more: int, now: int) -> tuple[Entry, ...]:
    """Post money that was not due as unmatched: `more` than was posted before."""
    if payment.policy.custody is Custody.XPUB:
        return ()
    return (_unmatched(payment, more, now, "stray", chain=deposit.chain, asset=deposit.asset_key),)


def moved_accounts(before: Payment, after: Payment, now: int) -> Iterator[Entry]:
    """Move a merchant's money between the accounts that a payment's state puts it in.

    What is credited is available, or held while the payment is; what an expired or failed payment received is
    unmatched. Money under a merchant's own key is in none of them; what was swept there left the account in which the
    payment's state has it now.
    """
    if before.policy.custody is Custody.XPUB:
        return
    free, merchant_id = available(before.merchant_id), before.merchant_id
    if more := held_share(after) - held_share(before):
        waits = held(merchant_id)
        kind, debit, credit = (EntryType.HOLD, free, waits) if more > 0 else (EntryType.RELEASE, waits, free)
        yield _entry(before, kind, abs(more), now, debit=debit, credit=credit)
    if more := after.own.unmatched - before.own.unmatched:
        yield _unmatched(before, more, now, "received")
    if more := handed_over(after).unmatched - handed_over(before).unmatched:
        kind, apart = EntryType.UNMATCHED if more > 0 else EntryType.MATCHED, unmatched(merchant_id)
        debit, credit = (apart, free) if more > 0 else (free, apart)
        yield _entry(before, kind, abs(more), now, debit=debit, credit=credit, name="delivered")


def _accounts(payment: Payment) -> tuple[str, str]:
    if payment.policy.custody is Custody.XPUB:
        return own_wallet(payment.merchant_id), delivered(payment.merchant_id)
    return ON_ADDRESSES, available(payment.merchant_id)


def _unmatched(
    payment: Payment, more: int, now: int, name: str, *, chain: str | None = None, asset: str | None = None
) -> Entry:
    kind = EntryType.UNMATCHED if more > 0 else EntryType.MATCHED
    apart = unmatched(payment.merchant_id)
    debit, credit = (ON_ADDRESSES, apart) if more > 0 else (apart, ON_ADDRESSES)
    return _entry(payment, kind, abs(more), now, debit=debit, credit=credit, name=name, chain=chain, asset=asset)


def _entry(
    payment: Payment,
    kind: EntryType,
    amount: int,
    now: int,
    *,
    debit: str,
    credit: str,
    name: str = "",
    chain: str | None = None,
    asset: str | None = None,
) -> Entry:
    return Entry(
        id=f"{payment.id}#{payment.version + 1:06d}#{name or kind}",
        type=kind,
        owner=payment.merchant_id,
        chain=chain or payment.due.chain,
        asset=asset or payment.due.asset_key,
        debit=debit,
        credit=credit,
        amount=amount,
        payment_id=payment.id,
        at=now,
    )
