"""One network, read and written."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from ctrip.domain.assets import Asset
from ctrip.domain.chain import Block, Fees, Holding, Receipt, Transfer


class ChainReader(Protocol):
    """One network, read. Each method raises `ChainError` where no endpoint gives a usable answer."""

    def chain_id(self) -> int:
        """Ask the node which network it is."""
        ...

    def head(self) -> Block:
        """Return the newest block."""
        ...

    def tagged(self, tag: str) -> Block | None:
        """Return the newest block that is `safe` or `finalized`; None where the node has none yet."""
        ...

    def decimals(self, tokens: Sequence[str]) -> list[int | None]:
        """Ask contracts for their decimals, in the order given; None where one does not answer."""
        ...

    def second_opinion(self, at: Block, holding: Holding) -> int | None:
        """Ask another endpoint than the first for one balance at exactly that block; None where none can tell."""
        ...

    def endpoints(self) -> list[tuple[str, str]]:
        """Return each endpoint's host and state, for people."""
        ...

    def blocks(self, numbers: Iterable[int]) -> dict[int, Block]:
        """Return the canonical headers at these heights, in one request; heights past the head are left out."""
        ...

    def balances(self, at: Block, wanted: Sequence[Holding]) -> list[int | None]:
        """Return the balances at exactly that block, in the order asked; None is unknown, never zero."""
        ...

    def transfers(self, asset: Asset, address: str, first: int, last: int) -> list[Transfer]:
        """Explain what arrived in blocks `first` to `last`, both included; perhaps incomplete, never false."""
        ...

    def receipt(self, tx_hash: str) -> Receipt | None:
        """Return the receipt of a mined transaction, or None."""
        ...

    def known(self, tx_hash: str) -> bool:
        """Say whether the node holds the transaction, mined or pending."""
        ...


class ChainWriter(Protocol):
    """One network, written to."""

    def nonce(self, address: str) -> int:
        """Return the number of mined transactions of `address`."""
        ...

    def balance(self, holding: Holding) -> int:
        """Return the balance at the newest block."""
        ...

    def fees(self) -> Fees:
        """Return what a transaction costs now."""
        ...

    def layer_fee(self) -> int:
        """Return what a transaction pays, with room, to the layer below, beside its gas; 0 where there is none."""
        ...

    def estimate_gas(self, sender: str, to: str, value: int, data: str) -> int:
        """Return the gas that this call would use."""
        ...

    def broadcast(self, raw: str) -> None:
        """Hand over signed bytes; already known is fine. Raises `BroadcastRejected` where the node refuses."""
        ...


class Chain(ChainReader, ChainWriter, Protocol):
    """One network, read and written."""
