"""What only EVM nodes are asked: nonces, gas, and the bodies of blocks."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from ctrip.domain.chains.chain import Block
from ctrip.domain.chains.evm.transaction import Account, Call, Fees
from ctrip.ports.chain import Chain

OWN_TRANSACTION_BYTES = 200  # of a transfer, signed


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

    def layer_fee(self, size: int = OWN_TRANSACTION_BYTES) -> int:
        """Return what a transaction of so many bytes pays, with room, to the layer below, beside its gas.

        0 where there is none.
        """
        ...

    def accounts(self, at: Block, addresses: Sequence[str]) -> list[Account]:
        """Return the code and the nonce of addresses at exactly that block, in the order asked."""
        ...

    def refusals(self, at: Block, wanted: Sequence[Call]) -> list[str | None]:
        """Say why calls of tokens would fail at that block, in the order asked; None where one would not."""
        ...

    def authorizes(self, sender: str, delegate: str) -> bool:
        """Whether a transaction of type 4 (EIP-7702) is understood."""
        ...

    def allowance(self, at: Block, token: str, owner: str, spender: str) -> int:
        """Return how much of a token somebody may take from its owner, at exactly that block."""
        ...

    def estimate_gas(self, sender: str, to: str, value: int, data: str) -> int:
        """Return the gas that this call would use."""
        ...
