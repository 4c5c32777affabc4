"""Make looks: everything that one pass learns of one payment before it is decided."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.chain import Arrivals, Block, Holding
from ctrip.domain.detection.observe import OBSERVATIONS, Look, by_deadline, canonical, promote, record, stands
from ctrip.domain.errors import ChainError, NotHeld
from ctrip.domain.payments.payment import Flag, Hold, Observation, Payment, Status
from ctrip.ports import ChainReader, Clock, Log, PaymentStore
from ctrip.services.detection.explain import Explainer, Unexplained, unexplained
from ctrip.services.detection.find_blocks import BlockFinder

HORIZON = 128  # blocks within which a reorganisation is looked for, or four times the confirmations
STATE_KEPT = 120  # blocks of which every node has the state; of an older one a refusal is final
LEAST_BASELINE_MS = 2_000
SKEW_MS = 3_000  # by which a head may be older than the clock without the two differing
DOUBT_MS = 60_000  # between two questions about what lay at an address before its payment
DEADLINES = 10_000  # answers remembered of what had come by a deadline


Apart = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a pass stands on: the block looked at, what the chain itself calls final, and the headers it knows.

    `base` is the height from which the look before was taken; `previous` the newest block of the look before.
    """

    at: Block
    final: int
    base: int
    previous: Block | None
    headers: dict[int, Block]

    def depth(self, payment: Payment) -> int:
        """Return the newest height that counts as confirmed for a payment."""
        return min(self.at.number - payment.required_confirmations + 1, self.final)


@dataclass(slots=True, kw_only=True)
class Looker:
    """Makes looks for one chain."""

    network: Network
    chain: ChainReader
    payments: PaymentStore
    explainer: Explainer
    finder: BlockFinder
    clock: Clock
    log: Log
    _by_deadline: dict[tuple[str, int], int] = field(default_factory=dict)
    _doubted: dict[str, int] = field(default_factory=dict)  # when a doubtful baseline is asked for again

    # -- headers

    def sight(
        self, due: Sequence[Payment], at: Block, *, final: int, base: int, previous: Block | None
    ) -> tuple[Sight, set[str]]:
        """Fetch the headers that these payments need; return also whom no endpoint could show what it needs."""
        sight = Sight(at=at, final=final, base=base, previous=previous, headers={at.number: at})
        needed = {payment.id: self._needed(payment, sight) for payment in due}
        numbers = set().union(*needed.values()) - {at.number} if needed else set()
        if numbers:
            sight.headers.update(self.chain.blocks(sorted(numbers)))
            sight.headers[at.number] = at
        # It is behind the block that was looked at: what it does not hold is unknown, not reorganised.
        missing = numbers - sight.headers.keys()
        return sight, {name for name, wanted in needed.items() if wanted & missing}

    def _needed(self, payment: Payment, sight: Sight) -> set[int]:
        floor, newest = self.floor(sight), sight.at.number
        numbers = {seen.block_number for seen in payment.observations}
        numbers |= {move.block_number for move in payment.moves}
        numbers = {number for number in numbers if floor <= number <= newest}
        if sight.at.time > payment.expires_at:
            numbers.add(max(sight.depth(payment), 0))
        return numbers

    def floor(self, sight: Sight) -> int:
        """Return the height below which nothing is reorganised any more."""
        return min(sight.base, sight.at.number) - max(HORIZON, 4 * self.network.confirmations)

    def gone(self, payment: Payment, sight: Sight) -> list[str]:
        """Name the own transactions of a payment whose blocks are no longer canonical."""
        floor = self.floor(sight)
        return sorted({move.intent for move in payment.moves if not stands(move, sight.headers, floor)})

    def intact(self, payment: Payment, sight: Sight) -> bool:
        """Whether the blocks of everything that was observed of a payment are still canonical."""
        floor = self.floor(sight)
        return all(stands(seen, sight.headers, floor) for seen in payment.observations)

    # -- looks

    def looks(
        self, seen: Sequence[tuple[Payment, int]], sight: Sight, *, fresh: set[str], apart: Apart
    ) -> dict[str, Look]:
        """Make a look for each payment and its balance at the sight's block; one that cannot be made is left out.

        `fresh` names the payments that nobody has looked at before; `apart` keeps each one's trouble from the others.
        """
        based: list[tuple[Payment, int, int, int]] = []
        for payment, balance in seen:
            with apart(payment.id):
                baseline, doubt = self._baseline(payment, balance, sight, payment.id in fresh)
                received = net(payment, balance, baseline, sight.at.number)
                if received is not None:
                    based.append((payment, received, baseline, doubt))
        earlier = self._earlier([(payment, received, base) for payment, received, base, _ in based], sight)
        looks: dict[str, Look] = {}
        for payment, received, baseline, doubt in based:
            with apart(payment.id):
                looks[payment.id] = self._look(payment, received, baseline, doubt, earlier.get(payment.id), sight)
        looked = [payment for payment, *_ in based if payment.id in looks]
        looks |= self._explained(looked, looks, sight, apart)
        for payment in looked:
            with apart(payment.id):
                looks[payment.id] = self._on_time(payment, looks[payment.id], sight)
        return looks

    def _look(
        self,
        payment: Payment,
        received: int,
        baseline: int,
        doubt: int,
        earlier: Observation | None,
        sight: Sight,
    ) -> Look:
        depth = sight.depth(payment)
        kept = canonical(payment.observations, sight.headers, self.floor(sight))
        new = [seen for seen in (earlier, Observation.at(sight.at, received)) if seen]
        gap = payment.required_confirmations // OBSERVATIONS
        observations = record(kept, new, depth, target=payment.target, gap=gap)
        intact = len(kept) == len(payment.observations)
        return Look(
            head=sight.at,
            received=received,
            # What has left since is not there to be credited.
            confirmed=min(promote(observations, depth), received),
            depth_time=sight.headers[depth].time if depth in sight.headers else 0,
            intact=intact,
            observations=observations,
            baseline=baseline,
            doubt=doubt,
            transfers=payment.transfers,
            explained=payment.explained,
            explain_at=payment.explain_at,
            explain_tries=payment.explain_tries,
            pause_ms=round(payment.required_confirmations * self.network.block_seconds * 1000),
        )

    def as_recorded(self, payment: Payment, sight: Sight) -> Look:
        """Make a look that says what the payment says already, to hang an explanation on."""
        return Look(
            head=sight.at,
            received=payment.amount_received,
            confirmed=None,
            depth_time=0,
            observations=payment.observations,
            baseline=payment.baseline or 0,
            doubt=payment.doubt,
            transfers=payment.transfers,
            explained=payment.explained,
            explain_at=payment.explain_at,
            explain_tries=payment.explain_tries,
        )

    # -- what lay there before

    def _baseline(self, payment: Payment, balance: int, sight: Sight, fresh: bool) -> tuple[int, int]:
        """Return what lay at the address before the payment existed, and how much of that is only assumed.

        Nothing at the first look is nothing before. Raises `ChainError` where the answer may come with the next pass.
        """
        now = self.clock.now()
        if payment.baseline is not None and (not payment.doubt or now < self._doubted.get(payment.id, 0)):
            return payment.baseline, payment.doubt
        if payment.baseline is None and (not fresh or not balance or payment.amount_received):
            return 0, 0
        block = self.finder.last_by(self._before(payment, sight.at), sight.at, settled=sight.at.number - HORIZON)
        if block is None:
            return 0, 0
        try:
            held = self.chain.balances(block, [Holding(payment.address, payment.token_address)])[0]
        except NotHeld:
            if sight.at.number - block.number < STATE_KEPT:
                raise
            held = None
        if held is not None:
            return held, 0
        self._doubted[payment.id] = now + DOUBT_MS
        return self._assumed(payment, balance, block, sight)

    def _assumed(self, payment: Payment, balance: int, block: Block, sight: Sight) -> tuple[int, int]:
        """Take for older what no transfer since explains, where the state of that time is gone."""
        question = Arrivals(payment.address, payment.token_address, block.number + 1)
        (found,) = self.chain.transfers([question], sight.at.number, turn=payment.explain_tries)
        gross = balance - payment.net_moves(payment.token_address, sight.at.number)
        older = max(gross - sum(transfer.amount for transfer in found), 0)
        return older, older

    def _before(self, payment: Payment, at: Block) -> int:
        """Return the moment, by the chain's clock, up to which everything is older than a payment.

        The two clocks are compared at this look: where they differ by more than a head's usual age, the payment's own
        time is moved by that much, so that a clock that runs ahead swallows nothing.
        """
        now = self.clock.now()
        usual = round(self.network.block_seconds * 1000)
        ahead = now - at.time
        skew = 0 if 0 <= ahead <= usual + SKEW_MS else ahead if ahead < 0 else ahead - usual
        return min(payment.created_at, now) - skew - max(usual, LEAST_BASELINE_MS)

    # -- what stood earlier

    def _earlier(self, seen: Sequence[tuple[Payment, int, int]], sight: Sight) -> dict[str, Observation]:
        """After missed blocks, ask how much of what is new stood at the confirmed depth already."""
        previous, newest = sight.previous, sight.at.number
        new = [each for each in seen if each[1] > each[0].amount_received]
        found: dict[str, Observation] = {}
        for depth in sorted({sight.depth(payment) for payment, *_ in new}):
            if (previous is not None and previous.number >= depth) or depth <= 0 or depth >= newest:
                continue
            group = [each for each in new if sight.depth(each[0]) == depth]
            try:
                block = sight.headers.get(depth) or self.chain.blocks([depth])[depth]
                balances = self.chain.balances(block, [Holding(p.address, p.token_address) for p, *_ in group])
            except (ChainError, KeyError) as exc:
                self.log.info("older_state_unknown", chain=self.network.name, block=depth, error=str(exc))
                continue
            sight.headers[depth] = block
            for (payment, _, baseline), balance in zip(group, balances, strict=True):
                amount = net(payment, balance, baseline, depth)
                if amount is not None and amount > payment.amount_received:
                    found[payment.id] = Observation.at(block, amount)
        return found

    # -- what explains it

    def _explained(
        self, payments: Sequence[Payment], looks: Mapping[str, Look], sight: Sight, apart: Apart
    ) -> dict[str, Look]:
        """Attach transfers where an amount has changed; return the looks that this changes."""
        wanted, changed = [], dict[str, Look]()
        for payment in payments:
            look = looks[payment.id]
            if look.intact and look.received == payment.amount_received:
                continue
            with apart(payment.id):
                if not look.intact:
                    look = self._less_what_is_gone(payment, look, sight)
                changed[payment.id] = unexplained(look)
                if self.explainer.prompt and (look.received or 0) > look.explained:
                    wanted.append(self._question(payment, look, sight))
        return changed | self.explainer.explain(wanted, sight.at, apart)

    def _less_what_is_gone(self, payment: Payment, look: Look, sight: Sight) -> Look:
        """Forget the transfers of blocks that are no longer canonical; all are then asked for again."""
        headers, floor = sight.headers, self.floor(sight)
        numbers = sorted({each.block_number for each in payment.transfers if each.tx_hash} - headers.keys())
        headers.update(self.chain.blocks([number for number in numbers if floor <= number <= sight.at.number]))
        gone = [each for each in payment.transfers if each.tx_hash and not stands(each, headers, floor)]
        if gone:
            self.payments.drop_transfers(payment.id, gone)
        kept = tuple(each for each in payment.transfers if each not in gone and each.tx_hash)
        return replace(look, transfers=kept, explained=sum(each.amount for each in kept))

    def _question(self, payment: Payment, look: Look, sight: Sight) -> Unexplained:
        """Ask from the look before on, where everything up to it is explained; else from the payment's creation on."""
        previous = sight.previous.number if sight.previous else None
        if previous is not None and look.intact and payment.amount_received <= payment.explained:
            return Unexplained(payment, look, max(previous - payment.required_confirmations + 1, 0))
        return self.whole_question(payment, look, sight)

    def whole_question(self, payment: Payment, look: Look, sight: Sight) -> Unexplained:
        """Ask for everything that came since a payment was created."""
        return Unexplained(payment, look, self.first_block(payment, sight), whole=True)

    def first_block(self, payment: Payment, sight: Sight) -> int:
        """Return the block at a payment's creation, to the minute, so that payments of one minute share it."""
        moment = self._before(payment, sight.at) // 60_000 * 60_000
        try:
            block = self.finder.last_by(moment, sight.at, settled=sight.at.number - HORIZON)
        except ChainError as exc:
            self.log.info("creation_block_unknown", payment=payment.id, error=str(exc))
            return max(sight.at.number - 2 * HORIZON, 0)
        return block.number if block else 0

    # -- what had come by the deadline

    def _on_time(self, payment: Payment, look: Look, sight: Sight) -> Look:
        """Learn what had arrived by the deadline: by observations, else state, else transfers."""
        if not _deadline_matters(payment, look) or look.received is None:
            return look
        amount = by_deadline(look.observations, payment.expires_at, payment.target, look.received)
        if amount is None:
            amount = self._remembered(payment, look, sight)
        return replace(look, on_time=amount)

    def _remembered(self, payment: Payment, look: Look, sight: Sight) -> int | None:
        # An amount that came later changes nothing that had come by then, and a block that deep stands.
        key = payment.id, look.baseline
        if key in self._by_deadline and look.intact:
            return self._by_deadline[key]
        amount = self._at_deadline(payment, look, sight)
        if amount is not None and look.depth_time > payment.expires_at:
            if len(self._by_deadline) >= DEADLINES:
                self._by_deadline.clear()
            self._by_deadline[key] = amount
        return amount

    def _at_deadline(self, payment: Payment, look: Look, sight: Sight) -> int | None:
        block: Block | None = None
        try:
            block = self.finder.last_by(payment.expires_at, sight.at, settled=sight.at.number - HORIZON)
            if block is None:
                return None
            balance = self.chain.balances(block, [Holding(payment.address, payment.token_address)])[0]
        except ChainError as exc:
            self.log.info("deadline_state_unknown", payment=payment.id, error=str(exc))
            return self._by_transfers(payment, look, block, sight) if block else None
        if balance is None:
            return self._by_transfers(payment, look, block, sight)
        return net(payment, balance, look.baseline, block.number)

    def _by_transfers(self, payment: Payment, look: Look, last: Block, sight: Sight) -> int | None:
        """Sum what came up to a block, where every base unit is explained; else it stays unknown."""
        question = Arrivals(payment.address, payment.token_address, self.first_block(payment, sight))
        try:
            (found,) = self.chain.transfers([question], sight.at.number, turn=look.explain_tries)
        except ChainError:
            return None
        if sum(transfer.amount for transfer in found) != look.received:
            return None
        return sum(transfer.amount for transfer in found if transfer.block_number <= last.number)


def net(payment: Payment, balance: int | None, baseline: int, block: int) -> int | None:
    """Take the baseline and our own moves out of a balance; a negative rest means that a node has not seen them yet."""
    if balance is None or block < payment.folded_to:
        return None
    received = balance - baseline - payment.net_moves(payment.token_address, block)
    return received if received >= 0 else None


def _deadline_matters(payment: Payment, look: Look) -> bool:
    if payment.on_time is not None and payment.status is not Status.EXPIRED:
        return False
    if payment.status in (Status.PENDING, Status.DETECTED):
        excused = payment.flags & {Flag.LATE, Flag.REORGED}
        waits = Flag.HELD in payment.flags and payment.hold is not Hold.DEADLINE_UNKNOWN
        return look.depth_time > payment.expires_at and not excused and not waits
    if payment.status is not Status.EXPIRED or Flag.HELD in payment.flags or look.received is None:
        return False
    return look.received >= payment.target
