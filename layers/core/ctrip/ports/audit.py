"""The hourly checkpoints of the audit chains, as the services keep them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCheckpoint:
    """One hour's heads of audit chains, as one hash; `previous` is the checkpoint before, `count` the heads."""

    hour: str
    count: int
    root: str
    previous: str
    hash: str


class CheckpointStore(Protocol):
    """The hourly checkpoints, and the heads that each covers."""

    def last(self) -> AuditCheckpoint | None:
        """Return the newest checkpoint."""
        ...

    def checkpoint(self, hour: str) -> AuditCheckpoint | None:
        """Return an hour's checkpoint."""
        ...

    def leaves(self, checkpoint: AuditCheckpoint) -> list[str]:
        """Return the heads that a checkpoint covers, sorted."""
        ...

    def put(self, checkpoint: AuditCheckpoint, leaves: Sequence[str]) -> None:
        """Store an hour's checkpoint after its heads, once; raises `AlreadyExists` ("checkpoint")."""
        ...
