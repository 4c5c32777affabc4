"""Pay an invoice: what is left of it is asked for by one payment after the other, never by two at a time."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from ctrip.domain.audit import Origin
from ctrip.domain.errors import Conflict, NotFound, TooMany
from ctrip.domain.invoices.invoice import Invoice, Standing, current, may_count, refuse_payment, standing
from ctrip.domain.merchants.access import Merchant
from ctrip.domain.payments.payment import Payment
from ctrip.domain.prices.price import Price
from ctrip.ports.merchants import AccessStore, LimitStore
from ctrip.ports.payments import Beside
from ctrip.ports.payouts import PayoutStore
from ctrip.ports.runtime import Clock
from ctrip.services.invoices.manage_invoices import InvoiceManager
from ctrip.services.payments.create_payment import CreatePayment, PaymentCreator
from ctrip.services.shared.retry import on_stale

WINDOW_MS = 60_000
MOST_OPENINGS = 20  # of one invoice in a minute
TRIES = 6


class Shown(NamedTuple):
    """An invoice, how it stands, and the payment that goes on.

    `aside`: money came for an attempt that is over, and waits for the shop to accept or to refund it.
    """

    invoice: Invoice
    known: Standing
    going: Payment | None
    aside: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePayer:
    """Makes payments for whoever pays an invoice, without counting as a call of its merchant's."""

    manager: InvoiceManager
    payouts: PayoutStore
    access: AccessStore
    limits: LimitStore
    creator: PaymentCreator
    clock: Clock

    def show(self, invoice_id: str) -> Shown:
        """Return an invoice as its page shows it; raises `NotFound`, and changes nothing."""
        invoice = self.manager.find(None, invoice_id)
        now, payments = self.clock.now(), self.manager.attempts(invoice)
        known = standing(invoice, payments, now)
        return Shown(invoice, known, current(payments, known.left, now), any(map(self._waits, payments)))

    def pay(self, invoice_id: str, base_url: str, origin: Origin) -> str:
        """Return the id of the payment by which what is left is paid: the one that goes on, else a new one.

        Raises `NotFound`, `Conflict` where the invoice is void or paid, `TooMany`, and what creating a payment raises.
        """
        self._admit(self.manager.find(None, invoice_id).id)
        busy = Conflict("The invoice is changing; try again.", code="invoice_changed")
        return on_stale(lambda: self._pay(invoice_id, base_url, origin), tries=TRIES, otherwise=busy)

    def _pay(self, invoice_id: str, base_url: str, origin: Origin) -> str:
        invoice = self.manager.find(None, invoice_id)
        now, payments = self.clock.now(), self.manager.attempts(invoice)
        known = standing(invoice, payments, now)
        refuse_payment(known)
        if (going := current(payments, known.left, now)) is not None:
            return going.id
        kept = tuple(each.id for each in payments if may_count(each, now))

        def beside(payment: Payment) -> Beside:
            # Whoever made another one meanwhile has moved the invoice on: of two side by side, one goes on.
            return invoice, replace(invoice, attempts=(*kept, payment.id), version=invoice.version + 1)

        wanted = CreatePayment(
            price=(invoice.currency, Price(invoice.currency, known.left).decimal),
            assets=invoice.assets,
            description=invoice.number,
            invoice_id=invoice.id,
        )
        made = self.creator.create(self._merchant(invoice), wanted, base_url, origin, beside=beside)
        return str(made.view["id"])

    def _waits(self, payment: Payment) -> bool:
        """Whether money came that counts for nothing yet, and was neither refunded nor assigned to a payment."""
        if not (payment.is_dead and payment.own.unmatched):
            return False
        gone = self.payouts.refunded(payment.id, payment.due.chain, payment.due.asset_key)
        return payment.own.unmatched > gone.total

    def _merchant(self, invoice: Invoice) -> Merchant:
        merchant = self.access.merchant(invoice.merchant_id)
        if merchant is None or not merchant.enabled:
            raise NotFound(f"Invoice {invoice.id} not found.", code="invoice_not_found")
        return merchant

    def _admit(self, invoice_id: str) -> None:
        now = self.clock.now()
        if self.limits.attempt(f"invoice:{invoice_id}", now // WINDOW_MS, now) > MOST_OPENINGS:
            wait = -(-((now // WINDOW_MS + 1) * WINDOW_MS - now) // 1000)
            raise TooMany("That was too often; try again soon.", code="too_many_openings", retry_after=wait)
