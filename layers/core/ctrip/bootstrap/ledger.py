"""The ledger, wired."""

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctrip.bootstrap.composition import Stage
    from ctrip.services.ledger.explain_differences import DifferenceExplainer
    from ctrip.services.ledger.note_addresses import AddressNoter
    from ctrip.services.ledger.read_ledger import LedgerReader
    from ctrip.services.ledger.reconcile import Reconciler


class Ledger:
    """The services of the ledger."""

    def __init__(self, stage: "Stage") -> None:
        self._stage, self._on = stage, stage.adapters

    @cached_property
    def reader(self) -> "LedgerReader":
        """Build what reads balances and entries."""
        from ctrip.services.ledger.read_ledger import LedgerReader

        return LedgerReader(self._on.ledger, self._on.payouts, self._on.clock, self._on.networks)

    @cached_property
    def reconciler(self) -> "Reconciler":
        """Build what compares the ledger with the chains."""
        from ctrip.services.ledger.reconcile import Reconciler

        on = self._on
        return Reconciler(
            networks=on.networks,
            open_chain=on.chain,
            treasury_of=on.settings.treasury_of,
            station=lambda network: on.reconciliations.operators_addresses(network.kind),
            sums=self.keeper.sums,
            payments=on.payments,
            money=on.money,
            access=on.access,
            reconciliations=on.reconciliations,
            clock=on.clock,
            log=on.log("reconcile"),
        )

    @cached_property
    def noter(self) -> "AddressNoter":
        """Build what notes the addresses that pay for the operator's transactions."""
        from ctrip.services.ledger.note_addresses import AddressNoter

        on = self._on
        kinds = sorted({each.kind for each in on.networks.values()})
        return AddressNoter(kinds, self._paying, on.reconciliations, on.log("provision"))

    def _paying(self, kind: str) -> tuple[str, ...]:
        from ctrip.domain.sweeping.treasury import OPERATORS_OWN

        # The gas station, and the operator that sends batches.
        return tuple(self._on.signer.operators_address(kind, index) for index in OPERATORS_OWN)

    @cached_property
    def explainer(self) -> "DifferenceExplainer":
        """Build what explains differences between ledger and chain, and records them."""
        from ctrip.services.ledger.explain_differences import DifferenceExplainer

        on = self._on
        return DifferenceExplainer(on.networks, on.ledger, on.reconciliations, on.clock)

    @cached_property
    def keeper(self) -> "LedgerReader":
        """Build what reads balances and keeps the sums of older entries."""
        from ctrip.services.ledger.read_ledger import LedgerReader

        return LedgerReader(self._on.ledger, self._on.payouts, self._on.clock, self._on.networks, keeps=True)
