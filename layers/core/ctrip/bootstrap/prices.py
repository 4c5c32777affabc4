"""Prices, wired: the book of rates, and what asks their sources."""

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctrip.bootstrap.composition import Stage
    from ctrip.services.prices.rate_book import RateBook
    from ctrip.services.prices.refresh_rates import RateRefresher


class Prices:
    """The services of prices."""

    def __init__(self, stage: "Stage") -> None:
        self._on = stage.adapters

    @cached_property
    def book(self) -> "RateBook":
        """Build what prices assets."""
        from ctrip.feeds import feeds
        from ctrip.services.prices.rate_book import RateBook

        on, known = self._on, feeds()
        return RateBook(
            store=on.rates,
            refresh=on.rate_refresh,
            pegs=known.pegs,
            aliases=known.aliases,
            fresh_ms=on.settings.rate_seconds * 1000,
            clock=on.clock,
            log=on.log("api"),
        )

    @cached_property
    def refresher(self) -> "RateRefresher":
        """Build what asks the sources; the function `rates` alone may."""
        from ctrip.feeds import feeds
        from ctrip.services.prices.refresh_rates import RateRefresher

        on = self._on
        return RateRefresher(
            sources=on.rate_sources, store=on.rates, pegs=feeds().pegs, clock=on.clock, log=on.log("rates")
        )
