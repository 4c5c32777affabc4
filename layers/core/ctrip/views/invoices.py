"""Invoices as merchants see them."""

from collections.abc import Iterable
from typing import Annotated, TypedDict

from ctrip.domain.invoices.invoice import Invoice, InvoiceState, Standing
from ctrip.domain.payments.payment import Payment
from ctrip.domain.prices.price import Price
from ctrip.views.fields import Id, NextCursor, Shape, Time, rfc3339, rfc3339_if
from ctrip.views.payments import PaymentStatus

InCurrency = Annotated[str, "In whole units, with all decimals of the currency."]


class InvoiceLineView(TypedDict):
    """One line of an invoice."""

    description: str
    quantity: int
    unit_price: InCurrency
    total: InCurrency


class InvoicePaymentView(TypedDict):
    """A payment by which an invoice is, or was, to be paid."""

    id: Id
    status: PaymentStatus
    checkout_url: str


class InvoiceView(TypedDict):
    """An invoice: what is asked for, what is paid of it, and what is left."""

    id: Id
    url: Annotated[str, "The page that the customer opens."]
    number: Annotated[str, "Unique among the merchant's invoices."]
    status: Annotated[str, Shape(values=InvoiceState), "It follows from its payments and the time."]
    currency: Annotated[str, "By ISO 4217."]
    items: list[InvoiceLineView]
    total: InCurrency
    paid: Annotated[str, "What its payments were credited, each at its locked rate, rounded down."]
    left: Annotated[str, "What is missing of the total; never below zero."]
    over: Annotated[str, "What was paid beyond the total."]
    due_at: Time | None
    customer_name: str | None
    customer_email: Annotated[str | None, "Not shown on the page."]
    note: str | None
    assets: Annotated[list[str], "What the payer may choose (`SYMBOL` or `chain:SYMBOL`); empty: all that is enabled."]
    payments: Annotated[list[InvoicePaymentView], "Oldest first; those that ended without any money are left out."]
    voided_at: Time | None
    created_at: Time
    updated_at: Time


class InvoicePage(TypedDict):
    """Invoices, newest first."""

    data: list[InvoiceView]
    next_cursor: NextCursor


def invoice_view(invoice: Invoice, known: Standing, payments: Iterable[Payment], base_url: str) -> InvoiceView:
    """Render an invoice as it stands."""

    def written(amount: int) -> str:
        return Price(invoice.currency, amount).decimal

    return {
        "id": invoice.id,
        "url": f"{base_url}/i/{invoice.id}",
        "number": invoice.number,
        "status": known.state.value,
        "currency": invoice.currency,
        "items": [
            {
                "description": each.description,
                "quantity": each.quantity,
                "unit_price": written(each.unit_price),
                "total": written(each.total),
            }
            for each in invoice.items
        ],
        "total": written(invoice.total),
        "paid": written(known.paid),
        "left": written(known.left),
        "over": written(known.over),
        "due_at": rfc3339_if(invoice.due_at),
        "customer_name": invoice.customer_name,
        "customer_email": invoice.customer_email,
        "note": invoice.note,
        "assets": list(invoice.assets),
        "payments": [
            {"id": each.id, "status": each.status.value, "checkout_url": each.links.checkout_url} for each in payments
        ],
        "voided_at": rfc3339_if(invoice.voided_at),
        "created_at": rfc3339(invoice.created_at),
        "updated_at": rfc3339(invoice.updated_at),
    }
