"""What the page of an invoice says, in words for the payer: messages of the catalogues, in English."""

from ctrip.domain.errors import Refusal
from ctrip.domain.invoices.invoice import InvoiceState
from ctrip.ports.language import translatable
from ctrip.views.link_words import LATER, OFTEN

STATES = {
    InvoiceState.OPEN: translatable("Open"),
    InvoiceState.PART_PAID: translatable("Partly paid"),
    InvoiceState.PAID: translatable("Paid"),
    InvoiceState.OVERDUE: translatable("Overdue"),
    InvoiceState.VOID: translatable("Void"),
}
OVER = {
    InvoiceState.PAID: translatable("Nothing is left to pay. Thank you."),
    InvoiceState.VOID: translatable("This invoice is void: please do not pay it."),
}
ON_ITS_WAY = translatable("Your payment is on its way. This page tells you once it has arrived.")


def trouble_of(refusal: Refusal) -> str:
    """Return the message that says why no payment was made; empty where the invoice says so itself."""
    if refusal.code in ("invoice_void", "invoice_paid"):
        return ""
    return OFTEN if refusal.code == "too_many_openings" else LATER
