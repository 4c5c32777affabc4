"""The worker of payouts: each minute, and ahead of time when something is asked for or decided."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from ctrip.domain.errors import AlreadyExists, Busy, ChainError, Stale
from ctrip.domain.settlement.payout import Payout, PayoutState
from ctrip.ports import Log, PayoutStore
from ctrip.services.settlement.book_payouts import PayoutBooker, ready


class Sending(Protocol):
    """Sends one chain's payouts."""

    def send(self, payout: Payout) -> Payout:
        """Take a payout a step further."""
        ...


class Following(Protocol):
    """Compares transactions that somebody says have sent a payout."""

    def follow(self, payout: Payout) -> Payout:
        """Take a payout a step further."""
        ...


class Vouching(Protocol):
    """Has the signer vouch for settlement addresses."""

    def run(self) -> int:
        """Ask for what waits; return how many were vouched for."""
        ...


@dataclass(slots=True, kw_only=True)
class PayoutWorker:
    """Takes every payout that is not over a step further; one's trouble is no other's.

    `sender` returns a chain's, None for a chain that is not enabled.
    """

    payouts: PayoutStore
    booker: PayoutBooker
    addresses: Vouching
    named: Following
    sender: Callable[[str], Sending | None]
    log: Log
    _senders: dict[str, Sending | None] = field(default_factory=dict)

    def run(self) -> int:
        """Do what is due; return how many payouts have changed."""
        count = 0
        with self._apart("settlement addresses"):
            self.addresses.run()
        for payout in self.payouts.unfinished():
            with self._apart(payout.id):
                count += self._one(payout) != payout
        return count

    def _one(self, payout: Payout) -> Payout:
        after = self.booker.book(payout)
        if after.state is PayoutState.AWAITING_TRANSFER and after.named:
            return self.named.follow(after)
        if not ready(after) or (sender := self._sender(after.chain)) is None:
            return after
        return sender.send(after)

    def _sender(self, chain: str) -> Sending | None:
        if chain not in self._senders:
            self._senders[chain] = self.sender(chain)
        return self._senders[chain]

    @contextmanager
    def _apart(self, what: str) -> Iterator[None]:
        try:
            yield
        except (Stale, AlreadyExists) as exc:
            self.log.info("payout_left_to_another", payout=what, error=str(exc))
        except (ChainError, Busy) as exc:
            self.log.warning("payout_later", payout=what, kind=type(exc).__name__, error=str(exc))
        except Exception as exc:  # a bug, or an item that cannot be read: it must not stop the others
            self.log.error("payout_failed", payout=what, kind=type(exc).__name__, error=exc)
