"""Note which addresses pay for the operator's transactions: reconciliation may not ask the signer for them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ctrip.domain.errors import CtripError
from ctrip.ports.reconciliation import ReconciliationStore
from ctrip.ports.runtime import Log


@dataclass(frozen=True, slots=True)
class AddressNoter:
    """Asks the signer once for each chain kind of the stage; `derive` does."""

    kinds: Iterable[str]
    derive: Callable[[str], Sequence[str]]
    reconciliations: ReconciliationStore
    log: Log

    def run(self) -> None:
        """Note what is not known yet; without a wallet, or a signer that answers, the next run does."""
        for kind in self.kinds:
            if self.reconciliations.operators_addresses(kind):
                continue
            try:
                self.reconciliations.note_operators_addresses(kind, self.derive(kind))
            except CtripError as exc:
                self.log.warning("addresses_not_noted", kind=type(exc).__name__, error=exc)
