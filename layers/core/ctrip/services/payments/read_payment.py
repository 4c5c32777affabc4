"""Read payments, each merchant its own."""

import re
from dataclasses import dataclass

from ctrip.domain.errors import NotFound
from ctrip.domain.payments.payment import Payment
from ctrip.domain.sweeping.sweep import as_shown, parse_key
from ctrip.ports.money import MoneyStore
from ctrip.ports.payments import PaymentFilter, PaymentStore
from ctrip.views.payments import PaymentPage, PaymentView, TransferPage, payment_view, transfer_view

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class PaymentReader:
    """Reads payments and shows their confirmations as of the newest block seen."""

    payments: PaymentStore
    money: MoneyStore

    def one(self, merchant_id: str | None, payment_id: str) -> PaymentView:
        """Show a payment; raises `NotFound` for another merchant's (any merchant's where `merchant_id` is None)."""
        payment, head = self.current(merchant_id, payment_id)
        return payment_view(payment, head=head)

    def current(self, merchant_id: str | None, payment_id: str) -> tuple[Payment, int | None]:
        """Return a payment as it is shown, and the newest block seen of its chain; raises `NotFound` as `one` does."""
        payment = self.find(merchant_id, payment_id)
        if payment.own.pending is not None:
            payment = as_shown(payment, self.money.transaction(*parse_key(payment.own.pending)))
        if payment.review.superseded and not self._order_lives_elsewhere(payment):
            payment = payment.changed(superseded=False)
        return payment, self._heads({payment.due.chain}).get(payment.due.chain)

    def _order_lives_elsewhere(self, payment: Payment) -> bool:
        """Whether the payment that took this one's order still lives: only then must this one not be fulfilled."""
        holder_id = self.payments.by_order(payment.merchant_id, payment.order.order_id or "")
        holder = self.payments.get(holder_id) if holder_id and holder_id != payment.id else None
        return holder is not None and not holder.is_dead

    def find(self, merchant_id: str | None, payment_id: str) -> Payment:
        """Fetch a payment; a malformed id is as unknown as any other."""
        payment = self.payments.get(payment_id) if _ID.fullmatch(payment_id) else None
        if payment is None or merchant_id not in (None, payment.merchant_id):
            raise NotFound(f"Payment {payment_id[:64]} not found.", code="payment_not_found")
        return payment

    def transfers(self, merchant_id: str, payment_id: str, cursor: str | None, limit: int) -> TransferPage:
        """List what came for a payment, newest first; what no transaction explains stands in the payment alone."""
        payment = self.find(merchant_id, payment_id)
        found, further = self.payments.transfers(payment.id, before=cursor, limit=limit)
        head = self._heads({payment.due.chain}).get(payment.due.chain)
        return {"data": [transfer_view(payment, each, head=head) for each in found], "next_cursor": further}

    def page(self, merchant_id: str, wanted: PaymentFilter, order_id: str | None) -> PaymentPage:
        """List payments, newest first; with `order_id`, the one that holds the order."""
        if order_id is not None:
            payments, cursor = self._of_order(merchant_id, wanted, order_id), None
        else:
            page = self.payments.page(merchant_id, wanted)
            payments, cursor = list(page.payments), page.cursor
        heads = self._heads({payment.due.chain for payment in payments if not payment.is_unseen})
        views = [payment_view(payment, head=heads.get(payment.due.chain)) for payment in payments]
        return {"data": views, "next_cursor": cursor}

    def _of_order(self, merchant_id: str, wanted: PaymentFilter, order_id: str) -> list[Payment]:
        holder = self.payments.by_order(merchant_id, order_id)
        payment = self.payments.get(holder) if holder else None
        return [payment] if payment and _matches(payment, wanted) else []

    def _heads(self, chains: set[str]) -> dict[str, int]:
        tips = self.money.tips(sorted(chains)) if chains else {}
        return {chain: tip.number for chain, tip in tips.items() if tip.number}


def _matches(payment: Payment, wanted: PaymentFilter) -> bool:
    return (
        wanted.status in (None, payment.status)
        and wanted.chain in (None, payment.due.chain)
        and (wanted.created_after is None or payment.times.created_at >= wanted.created_after)
        and (wanted.created_before is None or payment.times.created_at <= wanted.created_before)
    )
