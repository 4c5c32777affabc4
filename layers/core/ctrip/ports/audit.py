"""The hourly seals of the audit chains, as the services keep them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCheckpoint:
    """One hour's heads of audit chains, as one hash; `previous` is the seal before, `count` the heads."""

    hour: str
    count: int
    root: str
    previous: str
    hash: str


class CheckpointStore(Protocol):
    """The hourly seals, and the heads that each covers."""

    def last(self) -> AuditCheckpoint | None:
        """Return the newest seal."""
        ...

    def seal(self, hour: str) -> AuditCheckpoint | None:
        """Return an hour's seal."""
        ...

    def leaves(self, seal: AuditCheckpoint) -> list[str]:
        """Return the heads that a seal covers, sorted."""
        ...

    def put(self, seal: AuditCheckpoint, leaves: Sequence[str]) -> None:
        """Store an hour's seal after its heads, once; raises `AlreadyExists` ("seal")."""
        ...
