"""What only EVM nodes are asked: nonces, gas, and the bodies of blocks."""

from collections.abc import Iterable
from typing import Protocol

from ctrip.domain.chains.chain import Block
from ctrip.domain.chains.evm.transaction import Fees
from ctrip.ports import Chain


class EvmNode(Chain, Protocol):
    """One EVM network, read and written."""

    def hashes(self, numbers: Iterable[int]) -> dict[int, frozenset[str]]:
        """Return the hashes of all transactions of canonical blocks; those that no endpoint shows are left out."""
        ...

    def nonce_at(self, address: str, at: Block) -> int | None:
        """Return the number of transactions that `address` had sent up to exactly that block; None is unknown."""
        ...

    def fees(self) -> Fees:
        """Return what a transaction costs now; where there is a tip it is at least 1."""
        ...

    def layer_fee(self) -> int:
        """Return what a transaction pays, with room, to the layer below, beside its gas; 0 where there is none."""
        ...

    def estimate_gas(self, sender: str, to: str, value: int, data: str) -> int:
        """Return the gas that this call would use."""
        ...
