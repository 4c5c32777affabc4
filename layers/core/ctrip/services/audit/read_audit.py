"""Read audit chains: of a payment, a merchant, an admin, or a chain's reconciliation."""

from collections.abc import Sequence
from dataclasses import dataclass

from ctrip.domain.audit import AuditRecord
from ctrip.domain.errors import NotFound
from ctrip.ports.admins import AdminStore
from ctrip.ports.merchants import AccessStore
from ctrip.services.ledger.audit_looks import subject_of
from ctrip.services.merchants.manage_merchants import LONGEST_ID, find_merchant
from ctrip.services.payments.read_payment import PaymentReader


@dataclass(frozen=True, slots=True)
class AuditReader:
    """Reads audit records, for admins."""

    payments: PaymentReader
    access: AccessStore
    admins: AdminStore
    chains: Sequence[str] = ()

    def page(self, kind: str, subject: str, after: int, limit: int) -> tuple[list[AuditRecord], int | None]:
        """Return a subject's records after a version, and the version to go on after; raises `NotFound`.

        `kind` is "payment_id", "merchant_id", "user_id" or, for a chain's reconciliation, "chain".
        """
        if kind == "payment_id":
            payment = self.payments.find(None, subject)
            chain = [each for each in self.payments.payments.audit(payment.id) if each.version > after]
        else:
            self._must_exist(kind, subject)
            chain = self.access.audit(self.name(kind, subject), after, limit + 1)
        return chain[:limit], chain[limit - 1].version if len(chain) > limit else None

    def whole(self, kind: str, subject: str) -> list[AuditRecord]:
        """Return a subject's whole chain, oldest first; raises `NotFound`."""
        chain: list[AuditRecord] = []
        more: int | None = 0
        while more is not None:
            records, more = self.page(kind, subject, more, 100)
            chain += records
        return chain

    def name(self, kind: str, subject: str) -> str:
        """Return the name under which a subject's chain stands in checkpoints."""
        return subject_of(subject) if kind == "chain" else subject

    def _must_exist(self, kind: str, subject: str) -> None:
        if kind == "merchant_id":
            find_merchant(self.access, subject)
        elif kind == "chain":
            if subject not in self.chains:
                raise NotFound(f"{subject[:64]} is none of this stage's chains.", code="chain_not_found")
        elif len(subject) > LONGEST_ID or self.admins.admin(subject) is None:
            raise NotFound(f"User {subject[:64]} not found.", code="user_not_found")
