"""The ledger, as the services keep it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from ctrip.domain.ledger.balances import Fold
from ctrip.domain.ledger.entries import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFilter:
    """What a list of entries asks for; times are unix milliseconds, both ends included."""

    created_after: int | None = None
    created_before: int | None = None
    limit: int = 20
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class EntryPage:
    """A page of entries, newest first."""

    entries: tuple[Entry, ...]
    cursor: str | None


class LedgerStore(Protocol):
    """Entries, which are written with what causes them, and the sums of older ones."""

    def entries(self, owner: str, since: int = 0) -> Iterable[Entry]:
        """Yield an owner's entries from a time on (unix milliseconds), oldest first, read consistently."""
        ...

    def page(self, owner: str, wanted: EntryFilter) -> EntryPage:
        """List an owner's entries, newest first; entries of one cause stay together, so that a page may be longer.

        Raises `InvalidField` for a cursor that the list did not give out.
        """
        ...

    def fold(self, owner: str) -> Fold:
        """Return the sum of an owner's older entries, read consistently; an empty one where none is kept."""
        ...

    def keep_fold(self, before: Fold, after: Fold) -> bool:
        """Keep a newer sum; False where somebody else has kept another since `before`."""
        ...
