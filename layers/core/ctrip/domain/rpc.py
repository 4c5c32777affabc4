"""How a network's nodes are reached: an address, or several where one node answers different questions at each."""

from dataclasses import dataclass
from typing import Any, TypeAlias


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

    def written(self) -> dict[str, Any]:
        """Write the entry as the secret holds it."""
        held = {"full": self.full, "solid": self.solid, "jsonrpc": self.jsonrpc, "headers": dict(self.headers)}
        return {name: value for name, value in held.items() if value}


# An address alone is all that most nodes need.
RpcEntry: TypeAlias = str | NodeEntry


def written(entry: RpcEntry) -> str | dict[str, Any]:
    """Write an entry as the secret holds it."""
    return entry if isinstance(entry, str) else entry.written()
