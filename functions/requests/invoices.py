"""Requests about invoices."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints

from ctrip.domain.invoices import bounds
from ctrip.domain.payments.bounds import ASSETS, OFFER
from functions.http.bounded import Bounded
from functions.http.models import Strict, Time, example

if TYPE_CHECKING:
    from ctrip.services.invoices.manage_invoices import NewInvoice


class InvoiceLineRequest(Strict):
    """One line of an invoice."""

    description: Annotated[str, Bounded(bounds.ITEM_DESCRIPTION)] = Field(description="What it is.")
    quantity: Annotated[int, Bounded(bounds.QUANTITY)] = Field(description="How many.")
    unit_price: Annotated[str, StringConstraints(max_length=64)] = Field(
        description="What each costs, in whole units of the currency, such as `12.50`; 0 where it is free."
    )


class InvoiceRequest(Strict):
    """Ask for an invoice; its total is the sum of its lines."""

    model_config = example(
        number="2026-0042",
        currency="EUR",
        items=[{"description": "A day's work", "quantity": 2, "unit_price": "450.00"}],
    )

    currency: Annotated[str, StringConstraints(max_length=16)] = Field(description="By ISO 4217.")
    items: Annotated[list[InvoiceLineRequest], Bounded(bounds.ITEMS)] = Field(description="Its lines, at least one.")
    number: Annotated[str, Bounded(bounds.NUMBER)] | None = Field(
        None, description="Yours, unique among your invoices; without one, one is made."
    )
    due_at: Time | None = Field(None, description="When it is to be paid; from then on it is overdue.")
    customer_name: Annotated[str, Bounded(bounds.CUSTOMER_NAME)] | None = Field(
        None, description="Whom it is for; shown on its page."
    )
    customer_email: Annotated[str, Bounded(bounds.CUSTOMER_EMAIL)] | None = Field(
        None, description="Yours to know: it is not shown on the page, and nothing is sent there."
    )
    note: Annotated[str, Bounded(bounds.NOTE)] | None = Field(None, description="Shown on its page.")
    assets: Annotated[list[Annotated[str, Bounded(OFFER)]], Bounded(ASSETS)] = Field(
        [], description="What the payer may choose: `SYMBOL` or `chain:SYMBOL`. Without it: []."
    )

    def command(self) -> "NewInvoice":
        """Say it in the service's terms."""
        from ctrip.services.invoices.manage_invoices import NewInvoice

        fields = self.model_dump(exclude={"items", "assets"})
        items = tuple((each.description, each.quantity, each.unit_price) for each in self.items)
        return NewInvoice(**fields, items=items, assets=tuple(self.assets))
