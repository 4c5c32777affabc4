"""Which adapters a chain kind has: its client, and what plans its own transactions. A line for each kind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctrip.domain.chains.assets import Network
from ctrip.domain.errors import ConfigurationError
from ctrip.domain.prices.feed import ChainFeeds
from ctrip.domain.rpc import RpcEntry
from ctrip.ports.chain import Chain
from ctrip.ports.runtime import Clock, Log
from ctrip.ports.transfers import Transfers
from ctrip.system import fraction

if TYPE_CHECKING:
    from ctrip.chains.evm.chainlink import FeedsOfChain
    from ctrip.services.sweeping.send_transactions import OpenTransfers

OpenFeeds = Callable[[Any, ChainFeeds, Clock], "FeedsOfChain"]


@dataclass(frozen=True, slots=True)
class KindAdapters:
    """One kind's adapters, imported when they are first asked for."""

    client: Callable[[Network, Sequence[RpcEntry], Clock], Chain]
    transfers: "OpenTransfers"
    feeds: "OpenFeeds"


def _evm_client(network: Network, entries: Sequence[RpcEntry], clock: Clock) -> Chain:
    from ctrip.chains.evm.client import EvmChain

    urls = [each for each in entries if isinstance(each, str)]
    if len(urls) < len(entries):
        raise ConfigurationError(f"an RPC endpoint of {network.name} is an object; an EVM chain's is an address")
    return EvmChain(network, urls, clock, jitter=fraction)


def _evm_transfers(network: Network, chain: Any, clock: Clock, log: Log) -> Transfers:
    from ctrip.chains.evm.transfers import EvmTransfers

    return EvmTransfers(network, chain, clock, log)


def _evm_feeds(chain: Any, feeds: ChainFeeds, clock: Clock) -> "FeedsOfChain":
    from ctrip.chains.evm.chainlink import FeedsOfChain

    return FeedsOfChain(chain, feeds, clock)


def _tron_client(network: Network, entries: Sequence[RpcEntry], clock: Clock) -> Chain:
    from ctrip.chains.tron.client import TronChain

    return TronChain(network, entries, clock, jitter=fraction)


def _tron_transfers(network: Network, chain: Any, clock: Clock, log: Log) -> Transfers:
    from ctrip.chains.tron.transfers import TronTransfers

    return TronTransfers(network, chain, clock, log)


def _no_feeds(chain: Any, feeds: ChainFeeds, clock: Clock) -> "FeedsOfChain":
    raise ConfigurationError(f"feeds.yaml: {chain.network.name} is no EVM chain; rates are read from none other")


KIND_ADAPTERS: dict[str, KindAdapters] = {
    "evm": KindAdapters(_evm_client, _evm_transfers, _evm_feeds),
    "tron": KindAdapters(_tron_client, _tron_transfers, _no_feeds),
}


def adapters_of(network: Network) -> KindAdapters:
    """Return the adapters of a network's kind."""
    return KIND_ADAPTERS[network.kind]
