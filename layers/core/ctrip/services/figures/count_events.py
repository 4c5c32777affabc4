"""Each minute while money moves: count the events past the watermark into the figures, an hour's at a time at most.

Whoever reads the figures reads no payment. What an event tells was frozen when it was committed, so that counting it
later counts the same.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ctrip.domain.errors import Stale
from ctrip.domain.figures import REVIEWED, Change, Sums, Totals
from ctrip.domain.merchants.access import Merchant
from ctrip.domain.payments.payment import Flag, Status
from ctrip.domain.webhooks.events import Event
from ctrip.ports.events import EventFilter, EventStore
from ctrip.ports.figures import FigureStore, Reviewed
from ctrip.ports.merchants import AccessStore
from ctrip.ports.runtime import Clock

HOUR_MS = 3_600_000
# A transaction that was under way at the watermark has committed by then; one machine's clock needs no more.
GRACE_MS, LOCAL_GRACE_MS = 120_000, 5_000
KEPT_MS = 60 * 86_400_000  # for which events are kept: older ones are not there to be counted
# What one run counts at most, after an outage: so many hours, and no hour more once so much time is spent.
CATCH_UP, RUN_MS = 24 * 14, 20_000
PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCounter:
    """Counts what was committed since the last run, but for the last `grace_ms`."""

    chains: Sequence[str]
    figures: FigureStore
    events: EventStore
    access: AccessStore
    clock: Clock
    grace_ms: int = GRACE_MS

    def run(self) -> int:
        """Count up to the last `grace_ms`; return how many events were counted: by one of two runs at once."""
        totals, end = self.figures.totals(), self.clock.now() - self.grace_ms
        if totals.until and not self._due(totals, end):
            return 0
        counted, begun = 0, self.clock.now()
        try:
            for _ in range(CATCH_UP):
                if self.clock.now() - begun > RUN_MS:
                    break
                start = totals.until or self._first(end)
                until = min(start - start % HOUR_MS + HOUR_MS, end)
                if until <= start and totals.until:
                    break
                totals, more = self._count(totals, start, until)
                counted += more
        except Stale:
            return counted
        return counted

    def _due(self, totals: Totals, end: int) -> bool:
        """Whether money moves on any chain, or has since the last run; else once an hour is enough."""
        gates = self.access.gates(self.chains).values() if self.chains else ()
        moving = any(totals.until < each.warm_until for each in gates)
        return moving or end - totals.until >= HOUR_MS

    def _first(self, end: int) -> int:
        """Return where the first run begins: with the oldest event that is kept."""
        oldest = EventFilter(newest_first=False, created_after=end - KEPT_MS, limit=1)
        found = (self.events.page(each.id, oldest).events for merchants in self._merchants() for each in merchants)
        return min((events[0].at for events in found if events), default=end)

    def _count(self, totals: Totals, start: int, until: int) -> tuple[Totals, int]:
        sums, lists, counted = Sums(), dict[Reviewed, bool](), 0
        for change in self._changes(start, until):
            counted += 1
            sums.add(change)
            # An hour's events may raise a flag and lower it: the last of them counts.
            lists |= dict.fromkeys(_listed(change, change.had), False) | dict.fromkeys(
                _listed(change, change.flags), True
            )
        if lists:
            self.figures.note(
                [each for each, on in lists.items() if on], [each for each, on in lists.items() if not on]
            )
        days = self.figures.days(sorted(sums.days)) if sums.days else {}
        after = totals.plus(sums.moved, until)
        self.figures.keep(totals, after, [(day, day.plus(sums.days[day.number])) for day in days.values()])
        return after, counted

    def _changes(self, start: int, until: int) -> Iterator[Change]:
        for merchants in self._merchants():
            for merchant in merchants:
                for event in self._events(merchant.id, start, until):
                    if (change := change_of(event)) is not None:
                        yield change

    def _events(self, merchant_id: str, start: int, until: int) -> Iterator[Event]:
        wanted = EventFilter(newest_first=False, created_after=start, until=until, limit=PAGE)
        while True:
            page = self.events.page(merchant_id, wanted)
            yield from page.events
            if page.position is None:
                return
            wanted = EventFilter(
                newest_first=False, created_after=start, until=until, limit=PAGE, position=page.position
            )

    def _merchants(self) -> Iterator[Sequence[Merchant]]:
        after = ""
        while merchants := self.access.merchants(after, PAGE):
            yield merchants
            after = merchants[-1].id


def change_of(event: Event) -> Change | None:
    """Read what an event says of a payment's state; None where it is about something else."""
    if event.was is None or event.payment_id is None:
        return None
    told = json.loads(event.body)["data"]
    chain, _, asset = event.left.partition("/")
    return Change(
        payment_id=event.payment_id,
        merchant_id=event.merchant_id,
        at=event.at,
        created_at=_milliseconds(told["created_at"]),
        chain=told["chain"] or "",
        asset=(told["token_id"] or "native") if told["chain"] else "",
        symbol=told["symbol"] or "",
        decimals=told["decimals"] or 0,
        amount=told["amount"] or 0,
        left=(chain, asset) if event.left else None,
        was=Status(event.was) if event.was else None,
        status=Status(told["status"]),
        had=frozenset(map(Flag, event.had)),
        flags=frozenset(map(Flag, told["exceptions"])),
    )


def _listed(change: Change, flags: frozenset[Flag]) -> list[Reviewed]:
    raised = [flag for flag in REVIEWED if flag in flags]
    return [Reviewed(flag=each, payment_id=change.payment_id, created_at=change.created_at) for each in raised]


def _milliseconds(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp() * 1000)
