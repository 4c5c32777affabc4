"""Invoices, wired."""

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctrip.bootstrap.composition import Stage
    from ctrip.services.invoices.manage_invoices import InvoiceManager
    from ctrip.services.invoices.pay_invoice import InvoicePayer


class Invoices:
    """The services of invoices."""

    def __init__(self, stage: "Stage") -> None:
        self._stage, self._on = stage, stage.adapters

    @cached_property
    def manager(self) -> "InvoiceManager":
        """Build what makes, shows and voids invoices."""
        from ctrip.services.invoices.manage_invoices import InvoiceManager

        on = self._on
        return InvoiceManager(
            networks=on.networks,
            invoices=on.invoices,
            payments=on.payments,
            closer=self._stage.payments.closer,
            clock=on.clock,
            ids=on.ids,
        )

    @cached_property
    def payer(self) -> "InvoicePayer":
        """Build what makes payments for whoever pays an invoice."""
        from ctrip.services.invoices.pay_invoice import InvoicePayer

        on = self._on
        return InvoicePayer(
            manager=self.manager,
            payouts=on.payouts,
            access=on.access,
            limits=on.limits,
            creator=self._stage.payments.creator,
            clock=on.clock,
        )
