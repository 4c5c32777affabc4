"""One network, read and written."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from ctrip.domain.chain import Arrivals, Block, Fees, Holding, Receipt, Transfer


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

    def opinions(self, at: Block, holding: Holding) -> list[tuple[str, int]]:
        """Ask two hosts for one balance at exactly that block: host and balance, of as many as can tell, at most two.

        No host twice; on loopback a port counts as a host.
        """
        ...

    def endpoints(self) -> list[tuple[str, str, str]]:
        """Return each endpoint's host, its state and the reason for it, for people."""
        ...

    def blocks(self, numbers: Iterable[int]) -> dict[int, Block]:
        """Return the canonical headers at these heights, in one request; heights past the head are left out."""
        ...

    def balances(self, at: Block, wanted: Sequence[Holding]) -> list[int | None]:
        """Return the balances at exactly that block, in the order asked; None is unknown, never zero."""
        ...

    def transfers(self, wanted: Sequence[Arrivals], last: int, *, turn: int = 0) -> list[list[Transfer]]:
        """Explain what arrived up to block `last`, included, in the order asked; perhaps incomplete, never false.

        `turn` counts the attempts: another one begins with another endpoint. Raises where nobody answers at all.
        """
        ...

    def hashes(self, numbers: Iterable[int]) -> dict[int, frozenset[str]]:
        """Return the hashes of all transactions of canonical blocks; those that no endpoint holds are left out."""
        ...

    def nonce_at(self, address: str, at: Block) -> int | None:
        """Return the number of transactions that `address` had sent up to exactly that block; None is unknown."""
        ...

    def has_code(self, address: str) -> bool:
        """Say whether a contract, or a delegation, lies at an address at the newest block."""
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
        """Offer signed bytes to every endpoint until one takes them; already known is fine.

        Raises `BroadcastRejected` where all refuse, `Underpriced` where all refuse the price alone, and `Unavailable`
        where none answers.
        """
        ...


class Chain(ChainReader, ChainWriter, Protocol):
    """One network, read and written."""
