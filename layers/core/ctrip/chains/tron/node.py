"""What only Tron's nodes are asked: accounts with their resources, prices, and whether a transaction's time is over."""

from collections.abc import Sequence
from typing import Protocol

from ctrip.domain.chains.chain import Block
from ctrip.domain.chains.tron.account import Account, Prices, Stake
from ctrip.ports.chain import Chain


class TronNode(Chain, Protocol):
    """One Tron network, read and written. Its newest block is the newest final ("solid") one.

    What is asked of the full side may include what is never mined: nothing is credited by it.
    """

    def account(self, address: str) -> Account:
        """Return an account as the full side shows it now, transactions that wait included."""
        ...

    def prices(self) -> Prices:
        """Return what work costs now."""
        ...

    def energy_of(self, owner: str, contract: str, data: str) -> int:
        """Return the energy that a call (hex digits) of a contract would use, penalty included, on the full side.

        Raises `Reverts`, with the node's reason, where it would fail: `owner` is blacklisted, or the token paused.
        """
        ...

    def stake(self, owner: str) -> Stake:
        """Return what an account may lend."""
        ...

    def lent(self, owner: str) -> Sequence[tuple[str, int]]:
        """Return to whom an account has lent energy, with the sun of stake that are lent."""
        ...

    def missed(self, tx_hash: str, expiration: int) -> bool:
        """Whether a transaction was not mined and cannot be any more: its time is over by a final block's clock.

        One endpoint is asked for both: for a final block well past `expiration`, and then for the transaction, which
        its solid side must not know. False is unknown, too.
        """
        ...

    def reference(self) -> Block:
        """Return the final block that a new transaction names: it is mined on that block's chain alone."""
        ...
