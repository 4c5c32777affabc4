"""What one RPC endpoint of a chain can do, asked now."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ctrip.domain.chains.bip32 import ExtendedKey
from ctrip.domain.chains.chain import BalanceQuery
from ctrip.domain.chains.kinds import rules_of
from ctrip.domain.errors import ChainError, CtripError, WrongChain

if TYPE_CHECKING:
    from ctrip.domain.chains.assets import Network
    from ctrip.domain.rpc import RpcEntry
    from ctrip.ports.chain import Chain
    from ctrip.ports.runtime import Clock

# The point that secp256k1 begins with: the address of a private key that everybody knows.
_GENERATOR = bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")


@dataclass(frozen=True, slots=True)
class Found:
    """What an endpoint showed; only its host is named, as its path may hold a provider's key."""

    chain: str
    host: str
    problem: str  # empty: none
    block: int | None = None
    age_seconds: int | None = None
    finalized: bool | None = None

    def view(self) -> dict[str, Any]:
        """Show it."""
        return asdict(self)


COLUMNS = ("chain", "host", "problem", "block", "age_seconds", "finalized")


def ask(network: Network, entry: RpcEntry, clock: Clock) -> Found:
    """Ask for the chain id, the newest block's age, a balance at that very block, and the finalized block."""
    from ctrip.bootstrap.kinds import adapters_of

    host = urlsplit(entry if isinstance(entry, str) else entry.solid).hostname or "?"
    try:
        return _asked(network, host, adapters_of(network).client(network, (entry,), clock), clock)
    except WrongChain:
        return Found(network.name, host, f"its chain id is not {network.chain_id}")
    except (ChainError, CtripError) as exc:
        return Found(network.name, host, str(exc) or type(exc).__name__)


def _asked(network: Network, host: str, chain: Chain, clock: Clock) -> Found:
    chain.chain_id()
    head = chain.head()
    age = (clock.now() - head.time) // 1000
    somebody = rules_of(network).address_of(ExtendedKey(_GENERATOR, b"", 0))
    (balance,) = chain.balances(head, [BalanceQuery(somebody, None)])
    problem = ""
    if age > network.head_age_alarm:
        problem = f"its newest block is {age} s old"
    elif balance is None:
        problem = "it cannot read balances at a block's hash"
    return Found(network.name, host, problem, head.number, age, chain.tagged("finalized") is not None)
