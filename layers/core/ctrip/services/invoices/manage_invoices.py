"""Invoices: make, read, list, void. How one stands is derived from its payments whenever it is read."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ctrip.domain.admins import fold_email
from ctrip.domain.audit import Origin
from ctrip.domain.chains.assets import Network
from ctrip.domain.errors import AlreadyExists, Busy, Conflict, FieldError, InvalidField, NotFound
from ctrip.domain.invoices.invoice import Invoice, Standing, check_total, line_item, on_its_way, standing
from ctrip.domain.payments.choosing import check_accepts
from ctrip.domain.payments.payment import Payment
from ctrip.domain.prices.price import parse_currency
from ctrip.ports.bills import InvoiceStore
from ctrip.ports.idempotency import Idempotency
from ctrip.ports.payments import PaymentStore
from ctrip.ports.runtime import Clock, Ids
from ctrip.services.payments.close_payment import PaymentCloser
from ctrip.services.shared.once import Answer, Once
from ctrip.services.shared.retry import on_stale
from ctrip.views.invoices import InvoicePage, InvoiceView, invoice_view

TRIES = 5
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInvoice:
    """What a merchant asks for; `items` are descriptions, quantities and unit prices as text."""

    currency: str
    items: tuple[tuple[str, int, str], ...]
    number: str | None = None
    due_at: int | None = None
    customer_name: str | None = None
    customer_email: str | None = None
    note: str | None = None
    assets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceManager:
    """Makes, shows and voids invoices."""

    networks: Mapping[str, Network]
    invoices: InvoiceStore
    payments: PaymentStore
    closer: PaymentCloser
    clock: Clock
    ids: Ids

    def create(
        self, merchant_id: str, wanted: NewInvoice, base_url: str, idempotency: Idempotency | None = None
    ) -> Answer:
        """Make an invoice; raises `InvalidField`, and `Conflict` where its number is in use."""

        def make() -> Answer:
            invoice = self._new(merchant_id, wanted)
            view = self._view(invoice, (), base_url)
            try:
                self.invoices.keep(None, invoice, idempotency, json.dumps(view))
            except AlreadyExists as exc:
                if exc.key != "number":
                    raise
                raise Conflict(
                    "number is in use by another invoice.",
                    code="invoice_number_in_use",
                    errors=(FieldError("number", "invoice_number_in_use", "is in use by another invoice"),),
                ) from exc
            return Answer(view)

        return Once(self.invoices).run(idempotency, make)

    def one(self, merchant_id: str, invoice_id: str, base_url: str) -> InvoiceView:
        """Show an invoice; raises `NotFound`."""
        invoice = self.find(merchant_id, invoice_id)
        return self._view(invoice, self.attempts(invoice), base_url)

    def page(self, merchant_id: str, cursor: str | None, limit: int, base_url: str) -> InvoicePage:
        """List a merchant's invoices, newest first."""
        found, following = self.invoices.page(merchant_id, cursor, limit)
        held = self.payments.read([each for invoice in found for each in invoice.attempts])
        views = [
            self._view(invoice, [held[each] for each in invoice.attempts if each in held], base_url)
            for invoice in found
        ]
        return {"data": views, "next_cursor": following}

    def void(
        self,
        merchant_id: str,
        invoice_id: str,
        base_url: str,
        origin: Origin,
        idempotency: Idempotency | None = None,
    ) -> Answer:
        """Void an invoice of which nothing is paid; an attempt that waits for money is cancelled first.

        Raises `NotFound` and `Conflict`, also a second time.
        """

        def attempt() -> Answer:
            before = self.find(merchant_id, invoice_id)
            self._end_attempts(before, origin)
            now = self.clock.now()
            after = replace(before, voided_at=now, updated_at=now, version=before.version + 1)
            view = self._view(after, self.attempts(after), base_url)
            self.invoices.keep(before, after, idempotency, json.dumps(view))
            return Answer(view)

        changed = Conflict("The invoice is changing; read it and try again.", code="invoice_changed")
        return Once(self.invoices).run(idempotency, lambda: on_stale(attempt, tries=TRIES, otherwise=changed))

    def find(self, merchant_id: str | None, invoice_id: str) -> Invoice:
        """Read an invoice; raises `NotFound`, for another merchant's too (for nobody's where `merchant_id` is None)."""
        found = self.invoices.get(invoice_id) if _ID.fullmatch(invoice_id) else None
        if found is None or merchant_id not in (None, found.merchant_id):
            raise NotFound(f"Invoice {invoice_id[:64]} not found.", code="invoice_not_found")
        return found

    def attempts(self, invoice: Invoice) -> list[Payment]:
        """Return the payments of an invoice, oldest first; raises `Busy` where one of them cannot be read."""
        held = self.payments.read(invoice.attempts)
        if len(held) < len(invoice.attempts):
            raise Busy  # nobody is asked for money while it is unknown what is paid
        return [held[each] for each in invoice.attempts]

    def _end_attempts(self, invoice: Invoice, origin: Origin) -> None:
        """Cancel what waits for money, so that none comes for a void invoice; raises `Conflict` where some has come."""
        if invoice.voided_at is not None:
            raise Conflict("The invoice is void.", code="invoice_void")
        payments = self.attempts(invoice)
        some = Conflict(
            "Money has come for the invoice: it can be refunded, and the invoice not be voided.",
            code="invoice_not_voidable",
        )
        if self._standing(invoice, payments).paid or on_its_way(payments):
            raise some
        for payment in payments:
            if payment.is_open:
                try:
                    self.closer.cancel(invoice.merchant_id, payment.id, origin)
                except Conflict as exc:
                    raise some from exc

    def _new(self, merchant_id: str, wanted: NewInvoice) -> Invoice:
        currency = parse_currency(wanted.currency)
        items = tuple(line_item(currency, *each, place) for place, each in enumerate(wanted.items))
        check_total(items)
        check_accepts(self.networks, wanted.assets)
        invoice_id, now = self.ids.uuid(), self.clock.now()
        return Invoice(
            id=invoice_id,
            merchant_id=merchant_id,
            number=wanted.number or f"INV-{invoice_id[-12:].upper()}",
            currency=currency,
            items=items,
            due_at=wanted.due_at,
            customer_name=wanted.customer_name,
            customer_email=_email(wanted.customer_email),
            note=wanted.note,
            assets=wanted.assets,
            created_at=now,
            updated_at=now,
        )

    def _standing(self, invoice: Invoice, payments: Sequence[Payment]) -> Standing:
        return standing(invoice, payments, self.clock.now())

    def _view(self, invoice: Invoice, payments: Sequence[Payment], base_url: str) -> InvoiceView:
        return invoice_view(invoice, self._standing(invoice, payments), payments, base_url)


def _email(email: str | None) -> str | None:
    try:
        return None if email is None else fold_email(email)
    except ValueError:
        raise InvalidField("customer_email", "invalid_email", "must be an e-mail address") from None
