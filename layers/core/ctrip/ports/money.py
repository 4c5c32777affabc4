"""Own transactions, ledger entries and fences, as the services keep them."""

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from ctrip.domain.detection.gates import Tip
from ctrip.domain.ledger.entries import Entry
from ctrip.domain.settlement.floor import PayoutCosts
from ctrip.domain.sweeping.policy import LoudGas, SweptDay
from ctrip.domain.sweeping.sweep import OutgoingTransaction, Setback
from ctrip.ports.gates import Fence

# A day's count of sweeps before and after one more.
Counted: TypeAlias = tuple[SweptDay, SweptDay]


class MoneyStore(Protocol):
    """Outgoing transactions, ledger and scanner fences."""

    def take(self, chain: str) -> Fence:
        """Take a chain: increment its fence unconditionally."""
        ...

    def beat(self, tip: Tip) -> None:
        """Store how far the scanner has come; raises `FenceLost`."""
        ...

    def tips(self, chains: Sequence[str]) -> dict[str, Tip]:
        """Read the tips of chains in one call."""
        ...

    def note_sweeping(self, chain: str, to: str, refused: str, alone: str = "") -> None:
        """Note beside a chain's tip the treasury that was checked, and why nothing is swept there; empty: it is.

        `alone` is why tokens are not swept in batches; empty: they are.
        """
        ...

    def payout_costs(self, chains: Sequence[str]) -> dict[str, PayoutCosts]:
        """Read in one call what payouts cost on chains, as it was noted last; none where nobody has."""
        ...

    def note_payout_costs(self, costs: PayoutCosts) -> None:
        """Note what payouts cost on a chain; the newest stands."""
        ...

    def write_transaction(
        self, before: OutgoingTransaction | None, after: OutgoingTransaction, counted: Counted | None = None
    ) -> None:
        """Store a transaction, and what it counts of a day's sweeps, all or nothing.

        Raises `AlreadyExists` ("transaction") for a taken slot, `Stale` when it, or the day's count, has moved on.
        """
        ...

    def transaction(self, chain: str, sender: str, slot: str) -> OutgoingTransaction | None:
        """Read an outgoing transaction, consistently."""
        ...

    def transactions_of(self, chain: str, sender: str) -> list[OutgoingTransaction]:
        """Return every outgoing transaction of a sender on a chain, by slot; for deposit addresses, which have few."""
        ...

    def last_transaction(self, chain: str, sender: str) -> OutgoingTransaction | None:
        """Return the outgoing transaction of the last slot of a sender, read consistently."""
        ...

    def unfinished(self, chain: str) -> list[OutgoingTransaction]:
        """Return the outgoing transactions of a chain that have not ended; the index lags, they are read consistently.

        One that cannot be decoded has the state `unreadable`, and nothing but its chain, sender and slot.
        """
        ...

    def settle(
        self, before: OutgoingTransaction, after: OutgoingTransaction, entries: Sequence[Entry], fence: Fence
    ) -> None:
        """Store an outgoing transaction and what it posts, all or nothing, while no newer scanner has taken the chain.

        Raises `FenceLost`, `Stale` when the outgoing transaction has moved on, `AlreadyExists` ("entry"), and `Busy`.
        """
        ...

    def setbacks(self, chain: str) -> dict[str, Setback]:
        """Return by payment why sweeps of a chain are not tried before some time, read consistently."""
        ...

    def set_back(self, chain: str, payment_id: str, setback: Setback) -> None:
        """Keep why, and until when, a payment's sweep is not tried; the newest stands."""
        ...

    def swept_day(self, chain: str, asset: str, day: str) -> SweptDay:
        """Read how much of an asset was swept on a day, consistently."""
        ...

    def loud_gas(self, chain: str) -> dict[str, LoudGas]:
        """Return by asset that sweeps of a chain wait for cheaper gas, read consistently."""
        ...

    def note_gas(self, chain: str, asset: str, loud: LoudGas) -> None:
        """Keep that an asset's sweeps wait for cheaper gas, or with a price of 0 that they do not."""
        ...
