"""The worker of payouts: each minute, and ahead of time when something is asked for or decided."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from ctrip.domain.errors import AlreadyExists, Busy, ChainError, Stale
from ctrip.domain.settlement.payout import Payout, PayoutState
from ctrip.domain.settlement.schedule import Schedule
from ctrip.ports.payouts import PayoutStore
from ctrip.ports.runtime import Log
from ctrip.services.settlement.book_payouts import PayoutBooker
from ctrip.services.settlement.book_payouts import ready as may_be_sent


class Sending(Protocol):
    """Sends one chain's payouts."""

    def paused(self) -> bool:
        """Whether the chain is paused: nothing is sent there, nor handed over."""
        ...

    def send(self, payout: Payout) -> Payout:
        """Take a payout a step further."""
        ...

    def send_together(self, ready: Sequence[Payout]) -> list[Payout]:
        """Send what saves gas in one transaction; return those payouts as they are after that."""
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


class Noting(Protocol):
    """Notes what payouts cost."""

    def run(self) -> int:
        """Ask where it is due; return how many chains have answered."""
        ...


class Scheduled(Protocol):
    """Asks for settlements by merchants' schedules."""

    def wanted(self) -> list[Schedule]:
        """Return the schedules to look at now."""
        ...

    def ask(self, schedule: Schedule) -> bool:
        """Ask for a settlement where one is due; return whether it was asked for."""
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
    costs: Noting
    scheduled: Scheduled
    log: Log
    _senders: dict[str, Sending | None] = field(default_factory=dict)

    def run(self) -> int:
        """Do what is due; return how many payouts have changed."""
        count = 0
        with self._apart("settlement addresses"):
            self.addresses.run()
        with self._apart("costs"):
            self.costs.run()
        for schedule in self._schedules():
            with self._apart(f"{schedule.merchant_id}, {schedule.chain}, {schedule.asset}"):
                count += self.scheduled.ask(schedule)
        ready: dict[str, list[Payout]] = {}
        for payout in self.payouts.unfinished(self._unreadable):
            with self._apart(payout.id):
                after = self._one(payout)
                count += after != payout
                if may_be_sent(after):
                    ready.setdefault(after.chain, []).append(after)
        return count + sum(self._send(chain, payouts) for chain, payouts in ready.items())

    def _unreadable(self, key: str, exc: Exception) -> None:
        self.log.error("payout_failed", payout=key, kind=type(exc).__name__, error=exc)

    def _schedules(self) -> list[Schedule]:
        with self._apart("schedules"):
            return self.scheduled.wanted()
        return []

    def _send(self, chain: str, ready: Sequence[Payout]) -> int:
        """Send what is ready of one chain: together what saves gas so, and each of the others by itself."""
        if (sender := self._sender(chain)) is None:
            return 0
        paused = True  # where that is unknown as well
        with self._apart(chain):
            paused = sender.paused()
        if paused:
            return 0
        sent: list[Payout] = []
        with self._apart(chain):
            sent = sender.send_together(ready)
        count, gone = len(sent), {each.id for each in sent}
        for payout in ready:
            if payout.id not in gone:
                with self._apart(payout.id):
                    count += sender.send(payout) != payout
        return count

    def _one(self, payout: Payout) -> Payout:
        after = self.booker.book(payout)
        named = after.state is PayoutState.AWAITING_TRANSFER and after.named
        return self.named.follow(after) if named else after

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
