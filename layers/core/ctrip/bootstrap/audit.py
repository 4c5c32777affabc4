"""The audit chains, wired: read, checkpoint, verify."""

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctrip.bootstrap.composition import Stage
    from ctrip.services.audit.checkpoint_audit import AuditCheckpointer, AuditVerifier
    from ctrip.services.audit.read_audit import AuditReader


class Audit:
    """The services of audit."""

    def __init__(self, stage: "Stage") -> None:
        self._stage, self._on = stage, stage.adapters

    @cached_property
    def reader(self) -> "AuditReader":
        """Build what reads audit chains."""
        from ctrip.services.audit.read_audit import AuditReader

        return AuditReader(self._stage.payments.reader, self._on.access, self._on.admins, tuple(self._on.networks))

    @cached_property
    def checkpointer(self) -> "AuditCheckpointer":
        """Build what seals the audit chains."""
        from ctrip.services.audit.checkpoint_audit import AuditCheckpointer

        on = self._on
        return AuditCheckpointer(
            payments=on.payments,
            events=on.events,
            access=on.access,
            admins=on.admins,
            reconciliations=on.reconciliations,
            chains=tuple(on.networks),
            checkpoints=on.checkpoints,
            clock=on.clock,
            log=on.log("seal"),
        )

    @cached_property
    def verifier(self) -> "AuditVerifier":
        """Build what checks audit chains."""
        from ctrip.services.audit.checkpoint_audit import AuditVerifier

        return AuditVerifier(self._on.checkpoints)
