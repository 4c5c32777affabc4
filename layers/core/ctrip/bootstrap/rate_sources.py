"""The sources of rates that a stage has: feeds of its networks, and the exchanges that its settings name."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ctrip.bootstrap.kinds import adapters_of
from ctrip.chains.evm.chainlink import Chainlink
from ctrip.feeds import feeds
from ctrip.net import coinbase, kraken
from ctrip.net.exchange import ExchangeApi
from ctrip.system import fraction

if TYPE_CHECKING:
    from ctrip.chains.evm.chainlink import FeedsOfChain
    from ctrip.config import Settings
    from ctrip.domain.chains.assets import Network
    from ctrip.ports.chain import Chain
    from ctrip.ports.rates import RateSource
    from ctrip.ports.runtime import Clock

EXCHANGES: "Mapping[str, tuple[str, Callable[[ExchangeApi, Clock], RateSource]]]" = {
    "kraken": (kraken.ADDRESS, kraken.Kraken),
    "coinbase": (coinbase.ADDRESS, coinbase.Coinbase),
}


def rate_sources(
    networks: "Mapping[str, Network]", settings: "Settings", chain: "Callable[[str], Chain]", clock: "Clock"
) -> "Sequence[RateSource]":
    """Build them; on the local stage the recorded exchange stands in for those that are named."""
    made: list[RateSource] = []
    if on_chain := list(_feeds(networks, chain, clock)):
        made.append(Chainlink(on_chain))
    for name in settings.exchanges:
        address, adapter = EXCHANGES[name]
        recorded = settings.recorded_exchange
        api = ExchangeApi(recorded or address, clock, jitter=fraction, loopback=bool(recorded))
        made.append(adapter(api, clock))
    return made


def _feeds(
    networks: "Mapping[str, Network]", chain: "Callable[[str], Chain]", clock: "Clock"
) -> "Iterator[FeedsOfChain]":
    known = feeds().chains
    for name, network in networks.items():
        if name in known:
            yield adapters_of(network).feeds(chain(name), known[name], clock)
