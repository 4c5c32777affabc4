"""geth as the detection tests use a node: mining when told, with the local tokens, in both of its ways."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.nodes import geth
from infra.nodes.consensus import Consensus, Content
from infra.stack import tokens
from infra.tools.process import Supervisor
from tests.evm_support import Node, eventually

KINDS = ("geth --dev", "geth driven")


_NOBODY = f"0x{0x99:040x}"
_HIGH_TIP, _LOW_TIP = 10**15, 1


@dataclass(slots=True)
class GethNode(Node):
    """A running geth that can lose its newest blocks."""

    begun: int = 0  # the height at which each test begins

    def go_back(self, height: int) -> None:
        """Set the head back, and forget the transactions of what was above."""
        raise NotImplementedError

    def begin_anew(self) -> None:
        """Undo whatever a test has done: its blocks, and what still waits."""
        self.automining = True
        if self.height() > self.begun:
            self.go_back(self.begun)
        # A tip that nobody pays empties the pool.
        for tip in (_HIGH_TIP, _LOW_TIP):
            self.rpc("miner_setGasPrice", hex(tip))
        eventually(lambda: {int(each, 16) for each in self.rpc("txpool_status").values()} == {0})

    def raw(self, tx_hash: str) -> str:
        """Return the bytes of a transaction."""
        return str(self.rpc("eth_getRawTransactionByHash", tx_hash))

    def block_of(self, tx_hash: str) -> int | None:
        """Return the number of a transaction's block; None while it has none."""
        receipt = self.rpc("eth_getTransactionReceipt", tx_hash)
        return receipt and int(receipt["blockNumber"], 16)

    def lose(self, depth: int, *raw: str) -> None:
        """Replace the newest blocks by as many and one more, of which the first holds just these transactions."""
        raise NotImplementedError


@dataclass(slots=True)
class DevGeth(GethNode):
    """`geth --dev`, which makes a block of its own for each transaction, and one when it is asked to."""

    _withdrawals: int = 0

    def mine(self, blocks: int = 1) -> None:
        """Add a withdrawal of nothing, for which developer mode makes a block."""
        for _ in range(blocks):
            before, self._withdrawals = self.height(), self._withdrawals + 1
            nothing = {"index": hex(self._withdrawals), "validatorIndex": "0x0", "address": _NOBODY, "amount": "0x0"}
            self.rpc("dev_addWithdrawal", nothing)
            eventually(lambda before=before: self.height() > before)

    def lose(self, depth: int, *raw: str) -> None:
        """Set the head back, which forgets the transactions too."""
        height = self.height()
        self.go_back(height - depth)
        for each in raw:
            self._settled(self.rpc("eth_sendRawTransaction", each))
        while self.height() <= height:
            self.mine()

    def go_back(self, height: int) -> None:
        """Set the head back."""
        self.rpc("debug_setHead", hex(height))


@dataclass(slots=True)
class DrivenGeth(GethNode):
    """geth with our own consensus client."""

    consensus: Consensus = field(kw_only=True)

    def mine(self, blocks: int = 1) -> None:
        """Make blocks, of what waits."""
        for _ in range(blocks):
            self.consensus.mine()

    def _settled(self, tx_hash: str) -> str:
        eventually(lambda: self.waits(tx_hash))
        if self.automining:
            self.mine()
            assert self.block_of(tx_hash) is not None
        return tx_hash

    def waits(self, tx_hash: str) -> bool:
        """Say whether a transaction is among those that the next block takes."""
        pending: dict[str, dict[str, dict[str, Any]]] = self.rpc("txpool_content")["pending"]
        return any(tx["hash"] == tx_hash for some in pending.values() for tx in some.values())

    def lose(self, depth: int, *raw: str) -> None:
        """Replace blocks and forget their transactions, as `geth --dev` does."""
        self.forget(depth, list(raw), *([[]] * depth))

    def reorganise(self, depth: int, *contents: Content) -> None:
        """Replace blocks as a network does: what they held returns to the pool."""
        self.consensus.reorganise(depth, *contents)

    def go_back(self, height: int) -> None:
        """Set the head back, the consensus client's too."""
        self.consensus.forget(self.height() - height)

    def forget(self, depth: int, *contents: Content) -> None:
        """Replace blocks, and drop their transactions for good."""
        self.consensus.forget(depth, *contents)


@contextlib.contextmanager
def running_geth(kind: str, binary: Path, state: Path, **lags: int) -> Iterator[GethNode]:
    """Start geth on a new chain with the local tokens; stop it on leaving."""
    with Supervisor(state) as supervisor:
        if kind == "geth --dev":
            dev = DevGeth(geth.start(supervisor, binary, period=0).url)
            dev.tokens = tokens.deploy_tokens(dev.url)
            dev.begun = dev.height()
            yield dev
            return
        started = geth.start(supervisor, binary)
        with contextlib.closing(Consensus(started, **lags)) as consensus:
            driven = DrivenGeth(started.url, consensus=consensus)
            with consensus.running(0.02):
                driven.tokens = tokens.deploy_tokens(driven.url)
            driven.begun = driven.height()
            yield driven
