"""The figures of a stage, wired: counted, and read."""

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctrip.bootstrap.composition import Stage
    from ctrip.services.figures.count_events import EventCounter
    from ctrip.services.figures.read_figures import FigureReader


class Figures:
    """The services of figures."""

    def __init__(self, stage: "Stage") -> None:
        self._stage, self._on = stage, stage.adapters

    @cached_property
    def counter(self) -> "EventCounter":
        """Build what counts events."""
        from ctrip.services.figures.count_events import GRACE_MS, LOCAL_GRACE_MS, EventCounter

        on = self._on
        return EventCounter(
            chains=tuple(on.networks),
            figures=on.figures,
            events=on.events,
            access=on.access,
            clock=on.clock,
            grace_ms=LOCAL_GRACE_MS if on.settings.local else GRACE_MS,
        )

    @cached_property
    def reader(self) -> "FigureReader":
        """Build what reads figures."""
        from ctrip.services.figures.read_figures import FigureReader

        return FigureReader(figures=self._on.figures, payments=self._stage.payments.reader, clock=self._on.clock)
