"""Each minute: keep up the rates that are wanted; and ahead of time: ask for those that somebody waits for."""

from typing import Any

from ctrip.bootstrap import stage


def handle(event: Any) -> int:
    """Ask the sources for what the event names, or for all that is wanted."""
    refresher = stage().prices.refresher
    if symbols := event.detail.get("symbols"):
        refresher.refresh([str(symbol) for symbol in symbols])
        return len(symbols)
    return refresher.run()
