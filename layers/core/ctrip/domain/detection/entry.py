"""The ledger entries of a payment's decisions: what is credited, taken back, lost and found."""

from ctrip.domain.ledger import LOSSES, ON_ADDRESSES, UNMATCHED, Entry, available, delivered, own_wallet
from ctrip.domain.payments.payment import Custody, Payment


def credit(payment: Payment, amount: int, now: int) -> Entry:
    """Credit what arrived on the payment's address to its merchant, who has it already where the key is its own."""
    debit, credit = _accounts(payment)
    return _entry(payment, amount, now, debit=debit, credit=credit)


def reversal(payment: Payment, amount: int, now: int) -> Entry:
    """Take a credit back whose money a reorganisation removed."""
    debit, credit = _accounts(payment)
    return _entry(payment, amount, now, debit=credit, credit=debit)


def kept_apart(payment: Payment, amount: int, now: int) -> Entry:
    """Keep what lay at the address before the payment existed apart from what is the merchant's."""
    return _entry(payment, amount, now, debit=ON_ADDRESSES, credit=UNMATCHED, name="baseline")


def apart_no_more(payment: Payment, amount: int, now: int) -> Entry:
    """Take back what was kept apart and was the payment's after all."""
    return _entry(payment, amount, now, debit=UNMATCHED, credit=ON_ADDRESSES, name="baseline")


def loss(payment: Payment, amount: int, now: int) -> Entry:
    """Post as our loss what left the address without us."""
    return _entry(payment, amount, now, debit=LOSSES, credit=ON_ADDRESSES, name="loss")


def found(payment: Payment, amount: int, now: int) -> Entry:
    """Take a loss back as far as the money is there again."""
    return _entry(payment, amount, now, debit=ON_ADDRESSES, credit=LOSSES, name="found")


def _accounts(payment: Payment) -> tuple[str, str]:
    if payment.policy.custody is Custody.XPUB:
        return own_wallet(payment.merchant_id), delivered(payment.merchant_id)
    return ON_ADDRESSES, available(payment.merchant_id)


def _entry(payment: Payment, amount: int, now: int, *, debit: str, credit: str, name: str = "") -> Entry:
    return Entry(
        id=f"{payment.id}#{payment.version + 1:06d}{'#' if name else ''}{name}",
        owner=payment.merchant_id,
        chain=payment.due.chain,
        asset=payment.due.asset_key,
        debit=debit,
        credit=credit,
        amount=amount,
        payment_id=payment.id,
        tx_hash=None,
        at=now,
    )
