"""The figures of a stage, as the services keep them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ctrip.domain.figures import Day, Totals
from ctrip.domain.payments.payment import Flag


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """A payment on the list of a flag; `created_at` (unix milliseconds) is its place."""

    flag: Flag
    payment_id: str
    created_at: int


class FigureStore(Protocol):
    """Sums over events, and the lists of payments that somebody should look at."""

    def totals(self) -> Totals:
        """Read the payments by state, and the watermark; none at all where nothing was counted."""
        ...

    def days(self, numbers: Sequence[int]) -> dict[int, Day]:
        """Read days by their numbers; an empty one where nothing was counted."""
        ...

    def keep(self, before: Totals, after: Totals, days: Sequence[tuple[Day, Day]]) -> None:
        """Store further sums (before, after), all or nothing; raises `Stale` where another run was faster."""
        ...

    def note(self, listed: Sequence[Reviewed], gone: Sequence[Reviewed]) -> None:
        """Put payments on the lists of their flags and take others off; a second time changes nothing."""
        ...

    def reviewed(self, flag: Flag, *, before: str | None, limit: int) -> tuple[list[str], str | None]:
        """Return the ids of payments on a flag's list, newest first, and the cursor of the next page.

        Raises `InvalidField` for a cursor that the list did not give out. What has lost the flag since may be on it.
        """
        ...
