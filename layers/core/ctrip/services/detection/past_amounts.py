"""What an address held earlier: before its payment existed, at the confirmed depth, by the deadline."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.chain import Arrivals, BalanceQuery, Block
from ctrip.domain.detection.observe import Look, net
from ctrip.domain.errors import ChainError, NotHeld, NotKept
from ctrip.domain.payments.payment import Observation, Payment
from ctrip.ports.chain import ChainReader
from ctrip.ports.runtime import Clock, Log
from ctrip.services.detection.find_blocks import BlockFinder
from ctrip.services.detection.sight import Sight

HORIZON = 128  # blocks within which a reorganisation is looked for, or four times the confirmations
STATE_KEPT = 120  # blocks of which every node has the state; of an older one a refusal is final
LEAST_BASELINE_MS = 2_000
SKEW_MS = 3_000  # by which a head may be older than the clock without the two differing
DOUBT_MS = 60_000  # between two questions about what lay at an address before its payment
DEADLINES = 10_000  # answers remembered of what had come by a deadline


@dataclass(slots=True, kw_only=True)
class PastAmounts:
    """Asks one chain what addresses held at earlier blocks; what cannot change any more is remembered."""

    network: Network
    chain: ChainReader
    finder: BlockFinder
    clock: Clock
    log: Log
    _by_deadline: dict[tuple[str, int], int] = field(default_factory=dict)
    _doubted: dict[str, int] = field(default_factory=dict)  # when a doubtful baseline is asked for again

    # -- before the payment existed

    def baseline(self, payment: Payment, balance: int, sight: Sight, fresh: bool) -> tuple[int, int]:
        """Return what lay at the address before the payment existed, and how much of that is only assumed.

        Nothing at the first look is nothing before. Raises `ChainError` where the answer may come with the next pass.
        """
        now = self.clock.now()
        if payment.seen.baseline is not None and (not payment.seen.doubt or now < self._doubted.get(payment.id, 0)):
            return payment.seen.baseline, payment.seen.doubt
        if payment.seen.baseline is None and (not fresh or not balance or payment.seen.amount_received):
            return 0, 0
        block = self.finder.last_by(self._before(payment, sight.at), sight.at, settled=sight.at.number - HORIZON)
        if block is None:
            return 0, 0
        try:
            held = self.chain.balances(block, [BalanceQuery(payment.due.address, payment.due.token_address)])[0]
        except NotHeld as exc:
            if sight.at.number - block.number < STATE_KEPT and not isinstance(exc, NotKept):
                raise
            held = None
        if held is not None:
            return held, 0
        self._doubted[payment.id] = now + DOUBT_MS
        return self._assumed(payment, balance, block, sight)

    def _assumed(self, payment: Payment, balance: int, block: Block, sight: Sight) -> tuple[int, int]:
        """Take for older what no transfer since explains, where the state of that time is gone."""
        question = Arrivals(payment.due.address, payment.due.token_address, block.number + 1)
        (found,) = self.chain.transfers([question], sight.at.number, turn=payment.seen.explain_tries)
        gross = balance - payment.net_moves(payment.due.token_address, sight.at.number)
        older = max(gross - sum(transfer.amount for transfer in found), 0)
        return older, older

    def _before(self, payment: Payment, at: Block) -> int:
        """Return the moment, by the chain's clock, up to which everything is older than what a payment asks for.

        The two clocks are compared at this look: where they differ by more than a head's usual age, the payment's own
        time is moved by that much, so that a clock that runs ahead swallows nothing.
        """
        now = self.clock.now()
        usual = round(self.network.block_seconds * 1000)
        ahead = now - at.time
        skew = 0 if 0 <= ahead <= usual + SKEW_MS else ahead if ahead < 0 else ahead - usual
        return min(payment.asked_at, now) - skew - max(usual, LEAST_BASELINE_MS)

    def first_block(self, payment: Payment, sight: Sight) -> int:
        """Return the block at a payment's creation, to the minute, so that payments of one minute share it."""
        moment = self._before(payment, sight.at) // 60_000 * 60_000
        try:
            block = self.finder.last_by(moment, sight.at, settled=sight.at.number - HORIZON)
        except ChainError as exc:
            self.log.info("creation_block_unknown", payment=payment.id, error=str(exc))
            return max(sight.at.number - 2 * HORIZON, 0)
        return block.number if block else 0

    # -- at the confirmed depth

    def earlier(self, seen: Sequence[tuple[Payment, int, int]], sight: Sight) -> dict[str, Observation]:
        """After missed blocks, ask how much of what is new stood at the confirmed depth already."""
        previous, newest = sight.previous, sight.at.number
        new = [each for each in seen if each[1] > each[0].seen.amount_received]
        found: dict[str, Observation] = {}
        for depth in sorted({sight.depth(payment) for payment, *_ in new}):
            if (previous is not None and previous.number >= depth) or depth <= 0 or depth >= newest:
                continue
            group = [each for each in new if sight.depth(each[0]) == depth]
            try:
                block = sight.headers.get(depth) or self.chain.blocks([depth])[depth]
                balances = self.chain.balances(
                    block, [BalanceQuery(p.due.address, p.due.token_address) for p, *_ in group]
                )
            except (ChainError, KeyError) as exc:
                self.log.info("older_state_unknown", chain=self.network.name, block=depth, error=str(exc))
                continue
            sight.headers[depth] = block
            for (payment, _, baseline), balance in zip(group, balances, strict=True):
                amount = net(payment, balance, baseline, depth)
                if amount is not None and amount > payment.seen.amount_received:
                    found[payment.id] = Observation.at(block, amount)
        return found

    # -- by the deadline

    def by_deadline(self, payment: Payment, look: Look, sight: Sight) -> int | None:
        """Return what had arrived by the deadline, by state, else by transfers; None where it cannot be learnt."""
        # An amount that came later changes nothing that had come by then, and a block that deep stands.
        key = payment.id, look.baseline
        if key in self._by_deadline and look.intact:
            return self._by_deadline[key]
        amount = self._at_deadline(payment, look, sight)
        if amount is not None and look.depth_time > payment.due.expires_at:
            if len(self._by_deadline) >= DEADLINES:
                self._by_deadline.clear()
            self._by_deadline[key] = amount
        return amount

    def _at_deadline(self, payment: Payment, look: Look, sight: Sight) -> int | None:
        block: Block | None = None
        try:
            block = self.finder.last_by(payment.due.expires_at, sight.at, settled=sight.at.number - HORIZON)
            if block is None:
                return None
            balance = self.chain.balances(block, [BalanceQuery(payment.due.address, payment.due.token_address)])[0]
        except ChainError as exc:
            self.log.info("deadline_state_unknown", payment=payment.id, error=str(exc))
            return self._by_transfers(payment, look, block, sight) if block else None
        if balance is None:
            return self._by_transfers(payment, look, block, sight)
        return net(payment, balance, look.baseline, block.number)

    def _by_transfers(self, payment: Payment, look: Look, last: Block, sight: Sight) -> int | None:
        """Sum what came up to a block, where every base unit is explained; else it stays unknown."""
        question = Arrivals(payment.due.address, payment.due.token_address, self.first_block(payment, sight))
        try:
            (found,) = self.chain.transfers([question], sight.at.number, turn=look.explain_tries)
        except ChainError:
            return None
        if sum(transfer.amount for transfer in found) != look.received:
            return None
        return sum(transfer.amount for transfer in found if transfer.block_number <= last.number)
