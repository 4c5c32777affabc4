"""Which adapters a chain kind has: its client, and what plans its own transactions. A line for each kind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctrip.domain.chains.assets import Network
from ctrip.domain.prices.feed import ChainFeeds
from ctrip.ports import Chain, Clock, Log, Transfers
from ctrip.system import fraction

if TYPE_CHECKING:
    from ctrip.chains.evm.chainlink import FeedsOfChain
    from ctrip.services.sweeping.send_transactions import OpenTransfers

OpenFeeds = Callable[[Any, ChainFeeds, Clock], "FeedsOfChain"]


@dataclass(frozen=True, slots=True)
class KindAdapters:
    """One kind's adapters, imported when they are first asked for."""

    client: Callable[[Network, Sequence[str], Clock], Chain]
    transfers: "OpenTransfers"
    feeds: "OpenFeeds"


def _evm_client(network: Network, urls: Sequence[str], clock: Clock) -> Chain:
    from ctrip.chains.evm.client import EvmChain

    return EvmChain(network, urls, clock, jitter=fraction)


def _evm_transfers(network: Network, chain: Any, clock: Clock, log: Log) -> Transfers:
    from ctrip.chains.evm.transfers import EvmTransfers

    return EvmTransfers(network, chain, clock, log)


def _evm_feeds(chain: Any, feeds: ChainFeeds, clock: Clock) -> "FeedsOfChain":
    from ctrip.chains.evm.chainlink import FeedsOfChain

    return FeedsOfChain(chain, feeds, clock)


KIND_ADAPTERS: dict[str, KindAdapters] = {"evm": KindAdapters(_evm_client, _evm_transfers, _evm_feeds)}


def adapters_of(network: Network) -> KindAdapters:
    """Return the adapters of a network's kind."""
    return KIND_ADAPTERS[network.kind]
