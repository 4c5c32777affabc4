"""One network, read and written."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from ctrip.domain.chains.chain import Arrivals, BalanceQuery, Block, Receipt, Transfer


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

    def opinions(self, at: Block, holding: BalanceQuery) -> list[tuple[str, int]]:
        """Ask two hosts for one balance at exactly that block: host and balance, of as many as can tell, at most two.

        No host is asked twice, however often it is listed; on loopback a port counts as a host. A host that refuses,
        fails or lags adds nothing; in its place the next one is asked. Raises nothing.
        """
        ...

    def endpoints(self) -> list[tuple[str, str, str]]:
        """Return each endpoint's host, its state and the reason for it, for people; never a path or a key.

        States: `usable`, `unreachable` (the last try failed), `resting`, `wrong chain`, `cannot read at a block hash`,
        `no solid side` (it does not answer about final blocks alone, where the chain's kind asks for that).
        """
        ...

    def blocks(self, numbers: Iterable[int]) -> dict[int, Block]:
        """Return the canonical headers at these heights, in one request; heights past the head are left out."""
        ...

    def balances(self, at: Block, wanted: Sequence[BalanceQuery]) -> list[int | None]:
        """Return the balances at exactly that block, in the order asked; None is unknown, never zero.

        Nodes that do not hold the block are asked again, a few times; then `Unavailable` is raised.
        """
        ...

    def transfers(self, wanted: Sequence[Arrivals], last: int, *, turn: int = 0) -> list[list[Transfer]]:
        """Explain what arrived up to block `last`, included, in the order asked; perhaps incomplete, never false.

        `turn` counts the attempts: another one begins with another endpoint. Raises where nobody answers at all about
        one of the assets: a call for each asset keeps their failures apart. Addresses share the work.
        """
        ...

    def sent_by(self, address: str, at: Block) -> int | None:
        """Return how many transactions an address had sent up to exactly that block; None is unknown.

        A chain that does not count them answers 1 for any.
        """
        ...

    def has_code(self, address: str) -> bool:
        """Say whether a contract, or a delegation, lies at an address at the newest block."""
        ...

    def receipt(self, tx_hash: str) -> Receipt | None:
        """Return the receipt of a mined transaction; None is unknown, not unmined, as receipts may come late."""
        ...

    def known(self, tx_hash: str) -> bool:
        """Say whether the node holds the transaction, mined or pending."""
        ...


class ChainWriter(Protocol):
    """One network, written to."""

    def broadcast(self, raw: str) -> None:
        """Offer signed bytes to every endpoint until one takes them; already known is fine.

        Raises `BroadcastRejected` with all reasons where nobody takes them, `Underpriced` where everybody who looked
        at the transaction refused its price (an endpoint that is unreachable, throttled, or does not broadcast has no
        say), and `Unavailable` where nobody answers. The named minimum is one node's word: bound it.
        """
        ...


class Chain(ChainReader, ChainWriter, Protocol):
    """One network, read and written."""
