"""Read the figures of a stage, and the lists of payments that somebody should look at."""

from dataclasses import dataclass

from ctrip.domain.figures import DAY_MS, Day, Totals
from ctrip.domain.payments.payment import Flag, Payment
from ctrip.ports.figures import FigureStore
from ctrip.ports.runtime import Clock
from ctrip.services.payments.read_payment import PaymentReader

MOST_COUNTED = 100  # of a list: how many more there are says no more
PAGES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureReader:
    """Reads sums, and no payment but those of a page."""

    figures: FigureStore
    payments: PaymentReader
    clock: Clock

    def totals(self) -> Totals:
        """Return the payments by state."""
        return self.figures.totals()

    def days(self, count: int) -> list[Day]:
        """Return the last days, today's included, oldest first."""
        today = self.clock.now() // DAY_MS
        numbers = range(today - count + 1, today + 1)
        found = self.figures.days(numbers)
        return [found[each] for each in numbers]

    def waiting(self, flag: Flag) -> int:
        """Count the payments that have a flag, up to `MOST_COUNTED`."""
        return len(self.reviewed(flag, None, MOST_COUNTED)[0])

    def reviewed(self, flag: Flag, cursor: str | None, limit: int) -> tuple[list[Payment], str | None]:
        """Return payments that have a flag, newest first; a page may be short while there is a cursor."""
        found: list[Payment] = []
        for _ in range(PAGES):
            ids, cursor = self.figures.reviewed(flag, before=cursor, limit=limit - len(found))
            held = self.payments.payments.read(ids) if ids else {}
            # The list follows the events, and may be behind them.
            found += [held[each] for each in ids if each in held and flag in held[each].flags]
            if cursor is None or len(found) >= limit:
                break
        return found, cursor
