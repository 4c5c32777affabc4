"""Explain what changed: which transactions brought it, and how much of it came in time. It never decides an amount."""

from dataclasses import dataclass, replace

from ctrip.domain.assets import Network
from ctrip.domain.chain import Arrivals, Block, Holding, Transfer
from ctrip.domain.errors import ChainError
from ctrip.domain.observe import Look, by_deadline
from ctrip.domain.payment import Flag, Payment, Status
from ctrip.ports import ChainReader, Log

LOOK_BACK = 256  # blocks that an explanation goes back at the most


@dataclass(frozen=True, slots=True)
class Explainer:
    """Finds the transfers behind an amount."""

    network: Network
    chain: ChainReader
    log: Log

    def explain(self, payment: Payment, look: Look, previous: Block | None) -> Look:
        """Attach the transfers that account for what was received; what stays unexplained is one row without a hash."""
        assert look.received is not None
        known = [t for t in payment.transfers if t.tx_hash] if look.intact else []
        if look.received <= sum(transfer.amount for transfer in known):
            return replace(look, transfers=tuple(known))
        first = self._first(payment, look, previous)
        wanted = Arrivals(payment.address, payment.token_address, first)
        try:
            found = self.chain.transfers([wanted], look.head.number)[0]
        except ChainError as exc:
            self.log.info("unexplained", payment=payment.id, error=str(exc))
            found = []
        merged = {transfer.key: transfer for transfer in (*known, *found)}
        transfers = sorted(merged.values(), key=lambda t: (t.block_number, t.log_index or 0))
        missing = look.received - sum(transfer.amount for transfer in transfers)
        if missing > 0:
            transfers.append(Transfer(None, None, look.head.number, look.head.hash, None, missing))
        elif missing < 0:
            self.log.warning("explained_too_much", payment=payment.id, by=str(-missing))
        return replace(look, transfers=tuple(transfers), explained_to=look.head.number)

    def on_time(self, payment: Payment, look: Look) -> Look:
        """Learn what had arrived by the deadline: by observations, else state, else transfers."""
        if not _deadline_matters(payment, look) or look.received is None:
            return look
        amount = by_deadline(look.observations, payment.expires_at, payment.target, look.received)
        if amount is None:
            amount = self._at_deadline(payment, look)
        return replace(look, on_time=amount)

    def _at_deadline(self, payment: Payment, look: Look) -> int | None:
        block: Block | None = None
        try:
            block = self._last_before(payment.expires_at, look)
            if block is None:
                return None
            balance = self.chain.balances(block, [Holding(payment.address, payment.token_address)])[0]
        except ChainError as exc:
            self.log.info("deadline_state_unknown", payment=payment.id, error=str(exc))
            return _by_transfers(look, block) if block else None
        if balance is None:
            return _by_transfers(look, block)
        return balance - payment.net_moves(payment.token_address, block.number)

    def _last_before(self, deadline: int, look: Look) -> Block | None:
        """Find the last block whose time is not after the deadline, by halving."""
        low, high = max(look.head.number - 1_000_000, 0), look.head.number
        found: Block | None = None
        while low < high:
            middle = (low + high) // 2
            block = self.chain.blocks([middle]).get(middle)
            if block is None:
                return None
            if block.time <= deadline:
                found, low = block, middle + 1
            else:
                high = middle
        return found

    def _first(self, payment: Payment, look: Look, previous: Block | None) -> int:
        seen = previous.number if previous else look.head.number
        start = payment.explained_to if payment.explained_to is not None and look.intact else seen
        return max(start - payment.required_confirmations + 1, look.head.number - LOOK_BACK, 0)


def _deadline_matters(payment: Payment, look: Look) -> bool:
    if payment.on_time is not None and payment.status is not Status.EXPIRED:
        return False
    if payment.status in (Status.PENDING, Status.DETECTED):
        return look.depth_time > payment.expires_at and not payment.flags & {Flag.LATE, Flag.REORGED, Flag.HELD}
    return payment.status is Status.EXPIRED and look.received is not None and look.received >= payment.target


def _by_transfers(look: Look, last: Block) -> int | None:
    """Sum what came up to a block, where every base unit is explained; else it stays unknown."""
    if any(transfer.tx_hash is None for transfer in look.transfers):
        return None
    if sum(transfer.amount for transfer in look.transfers) != look.received:
        return None
    return sum(transfer.amount for transfer in look.transfers if transfer.block_number <= last.number)
