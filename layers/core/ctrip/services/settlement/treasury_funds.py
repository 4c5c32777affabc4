"""What a treasury still has beside what its own transactions take that no block holds yet."""

from dataclasses import dataclass, field

from ctrip.domain.sweeping.sweep import OutgoingTransaction
from ctrip.domain.sweeping.under_way import under_way
from ctrip.ports.money import MoneyStore
from ctrip.ports.runtime import Clock

LAG_MS = 30_000  # for so long what was just written may be missing in the list of what is under way


@dataclass(slots=True, kw_only=True)
class TreasuryFunds:
    """Counts what is under way from one chain's treasury, what this process has just written included."""

    chain: str
    treasury: str
    money: MoneyStore
    clock: Clock
    _written: dict[str, OutgoingTransaction] = field(default_factory=dict)

    def note(self, transaction: OutgoingTransaction) -> None:
        """Remember what was just written."""
        self._written[transaction.key] = transaction

    def leaving(self, token: str | None) -> int:
        """Return the most that will leave of an asset by what is signed and in no block yet."""
        now = self.clock.now()
        self._written = {key: each for key, each in self._written.items() if now - each.created_at < LAG_MS}
        known = {each.key: each for each in self.money.unfinished(self.chain)}
        waiting = [each for each in (self._written | known).values() if each.waiting]
        return under_way(waiting, [self.treasury], token).leaving
