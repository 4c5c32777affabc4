"""How a network's nodes are reached: an address, or several where one node answers different questions at each."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class NodeEntry:
    """One node, as a stage's RPC secret lists it.

    `full` answers about everything that the node has heard of, `solid` about final blocks alone: each is the address
    below which the node's paths begin. `jsonrpc` is its JSON-RPC on final blocks, where there is one. `headers` go with
    every request, a provider's key among them.
    """

    full: str
    solid: str
    jsonrpc: str = ""
    headers: tuple[tuple[str, str], ...] = ()


# An address alone is all that most nodes need.
RpcEntry: TypeAlias = str | NodeEntry
