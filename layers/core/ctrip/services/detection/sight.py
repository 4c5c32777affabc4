"""A sight: what one pass stands on, the same for all its payments."""

from dataclasses import dataclass

from ctrip.domain.chains.chain import Block
from ctrip.domain.detection.observe import stands
from ctrip.domain.payments.payment import Payment


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a pass stands on: the block looked at, what the chain itself calls final, and the headers it knows.

    `previous` is the newest block of the look before; below height `floor` nothing is reorganised any more.
    """

    at: Block
    final: int
    floor: int
    previous: Block | None
    headers: dict[int, Block]

    def depth(self, payment: Payment) -> int:
        """Return the newest height that counts as confirmed for a payment."""
        return min(self.at.number - payment.due.required_confirmations + 1, self.final)

    def gone(self, payment: Payment) -> list[str]:
        """Name the own transactions of a payment whose blocks are no longer canonical."""
        return sorted({move.transaction for move in payment.own.moves if not stands(move, self.headers, self.floor)})

    def intact(self, payment: Payment) -> bool:
        """Whether the blocks of everything that was observed of a payment are still canonical."""
        return all(stands(seen, self.headers, self.floor) for seen in payment.seen.observations)
