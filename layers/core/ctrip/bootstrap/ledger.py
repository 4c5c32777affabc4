"""The ledger, wired."""

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctrip.bootstrap.composition import Stage
    from ctrip.services.ledger.read_ledger import LedgerReader


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
    def keeper(self) -> "LedgerReader":
        """Build what reads balances and keeps the sums of older entries."""
        from ctrip.services.ledger.read_ledger import LedgerReader

        return LedgerReader(self._on.ledger, self._on.payouts, self._on.clock, self._on.networks, keeps=True)
