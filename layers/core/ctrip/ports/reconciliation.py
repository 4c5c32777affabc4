"""What reconciliation remembers of each chain, as the services keep it."""

from collections.abc import Sequence
from typing import Protocol

from ctrip.domain.audit import AuditRecord
from ctrip.domain.ledger.entries import Entry
from ctrip.domain.ledger.reconcile import Reconciliation


class ReconciliationStore(Protocol):
    """The last look at each chain, with the entries that follow from it."""

    def reconciliations(self, chains: Sequence[str]) -> dict[str, Reconciliation]:
        """Read the last look of chains in one call; an empty one where there has been none."""
        ...

    def operators_addresses(self, kind: str) -> tuple[str, ...]:
        """Return the addresses that pay for the operator's transactions on chains of a kind; empty while unknown."""
        ...

    def note_operators_addresses(self, kind: str, addresses: Sequence[str]) -> None:
        """Note these addresses."""
        ...

    def keep(
        self,
        before: Reconciliation,
        after: Reconciliation,
        entries: Sequence[Entry] = (),
        audit: AuditRecord | None = None,
    ) -> None:
        """Store a look, what it posts and who decided it, all or nothing; raises `Stale` where another came first."""
        ...
