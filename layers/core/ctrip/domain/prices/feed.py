"""Price feeds on chain."""

from collections.abc import Mapping
from dataclasses import dataclass

FEED_DECIMALS = 8  # of every feed in US dollars
LATE_SECONDS = 900  # how much later than its heartbeat a feed's answer may be written
GRACE_SECONDS = 3_600  # for so long after a sequencer's restart its feeds count for nothing, as Chainlink recommends


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One feed: what an asset or a currency is worth in US dollars, written every `heartbeat` seconds at the latest.

    `descriptions` is what the contract may call itself.
    """

    symbol: str
    address: str
    heartbeat: int
    descriptions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChainFeeds:
    """One network's feeds by symbol; `sequencer` is a rollup's uptime feed."""

    feeds: Mapping[str, Feed]
    sequencer: str | None = None
