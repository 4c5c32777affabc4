"""Make looks: everything that one pass learns of one payment before it is decided."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.chain import Block, Transfer
from ctrip.domain.detection.observe import OBSERVATIONS, Look, by_deadline, canonical, net, promote, record, stands
from ctrip.domain.payments.payment import INLINE, Flag, Hold, Observation, Payment
from ctrip.ports.chain import ChainReader
from ctrip.ports.payments import PaymentStore
from ctrip.ports.runtime import Clock, Log
from ctrip.services.detection.explain import Explainer, Unexplained
from ctrip.services.detection.find_blocks import BlockFinder
from ctrip.services.detection.past_amounts import HORIZON, PastAmounts
from ctrip.services.detection.sight import Sight
from ctrip.services.detection.trust_chain import ChainTrust
from ctrip.services.detection.vouch_address import AddressVoucher

Apart = Callable[[str], AbstractContextManager[None]]
# Between the tries to explain one payment.
PAUSES_MS = (2_000, 5_000, 15_000, 60_000, 300_000, 900_000, 3_600_000)


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
    past: PastAmounts = field(init=False)

    def __post_init__(self) -> None:
        self.past = PastAmounts(
            network=self.network, chain=self.chain, finder=self.finder, clock=self.clock, log=self.log
        )

    # -- headers

    def sight(
        self, due: Sequence[Payment], at: Block, *, final: int, base: int, previous: Block | None
    ) -> tuple[Sight, set[str]]:
        """Fetch the headers that these payments need; return also whom no endpoint could show what it needs.

        `base` is the height from which the look before was taken.
        """
        floor = min(base, at.number) - max(HORIZON, 4 * self.network.confirmations)
        sight = Sight(at=at, final=final, floor=floor, previous=previous, headers={at.number: at})
        needed = {payment.id: self._needed(payment, sight) for payment in due}
        numbers = set().union(*needed.values()) - {at.number} if needed else set()
        if numbers:
            sight.headers.update(self.chain.blocks(sorted(numbers)))
            sight.headers[at.number] = at
        # It is behind the block that was looked at: what it does not hold is unknown, not reorganised.
        missing = numbers - sight.headers.keys()
        return sight, {name for name, wanted in needed.items() if wanted & missing}

    def _needed(self, payment: Payment, sight: Sight) -> set[int]:
        floor, newest = sight.floor, sight.at.number
        numbers = {seen.block_number for seen in payment.seen.observations}
        numbers |= {move.block_number for move in payment.own.moves}
        numbers = {number for number in numbers if floor <= number <= newest}
        if sight.at.time > payment.due.expires_at:
            numbers.add(max(sight.depth(payment), 0))
        return numbers

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
                baseline, doubt = self.past.baseline(payment, balance, sight, payment.id in fresh)
                received = net(payment, balance, baseline, sight.at.number)
                if received is not None:
                    based.append((payment, received, baseline, doubt))
        earlier = self.past.earlier([(payment, received, base) for payment, received, base, _ in based], sight)
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
        kept = canonical(payment.seen.observations, sight.headers, sight.floor)
        new = [seen for seen in (earlier, Observation.at(sight.at, received)) if seen]
        gap = payment.due.required_confirmations // OBSERVATIONS
        observations = record(kept, new, depth, target=payment.target, gap=gap)
        intact = len(kept) == len(payment.seen.observations)
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
            transfers=payment.seen.transfers,
            explained=payment.seen.explained,
            explain_at=payment.seen.explain_at,
            explain_tries=payment.seen.explain_tries,
            pause_ms=round(payment.due.required_confirmations * self.network.block_seconds * 1000),
        )

    def as_recorded(self, payment: Payment, sight: Sight) -> Look:
        """Make a look that says what the payment says already, to hang an explanation on."""
        return Look(
            head=sight.at,
            received=payment.seen.amount_received,
            confirmed=None,
            depth_time=0,
            observations=payment.seen.observations,
            baseline=payment.seen.baseline or 0,
            doubt=payment.seen.doubt,
            transfers=payment.seen.transfers,
            explained=payment.seen.explained,
            explain_at=payment.seen.explain_at,
            explain_tries=payment.seen.explain_tries,
        )

    # -- what had come by the deadline

    def _on_time(self, payment: Payment, look: Look, sight: Sight) -> Look:
        """Learn what had arrived by the deadline: by observations, else state, else transfers."""
        if not _deadline_matters(payment, look) or look.received is None:
            return look
        amount = by_deadline(look.observations, payment.due.expires_at, payment.target, look.received)
        if amount is None:
            amount = self.past.by_deadline(payment, look, sight)
        return replace(look, on_time=amount)

    # -- what explains it

    def _explained(
        self, payments: Sequence[Payment], looks: Mapping[str, Look], sight: Sight, apart: Apart
    ) -> dict[str, Look]:
        """Attach transfers where an amount has changed; return the looks that this changes."""
        wanted, changed = [], dict[str, Look]()
        for payment in payments:
            look = looks[payment.id]
            if look.intact and look.received == payment.seen.amount_received:
                continue
            with apart(payment.id):
                if not look.intact:
                    look = self._less_what_is_gone(payment, look, sight)
                changed[payment.id] = unexplained(look)
                if self.explainer.prompt and (look.received or 0) > look.explained:
                    wanted.append(self._question(payment, look, sight))
        return changed | self.explained(wanted, sight, apart)

    def explained(self, wanted: Sequence[Unexplained], sight: Sight, apart: Apart) -> dict[str, Look]:
        """Return the looks of these payments, by payment, with the transfers that were found for them.

        What stays unexplained is one transfer without a hash, and has its next try noted.
        """
        found = self.explainer.explain(wanted, sight.at)
        looks: dict[str, Look] = {}
        for each in wanted:
            with apart(each.payment.id):
                transfers = found.get(each.payment.id)
                looks[each.payment.id] = unexplained(each.look) if transfers is None else self._attach(each, transfers)
        return looks

    def _attach(self, asked: "Unexplained", found: Sequence[Transfer]) -> Look:
        payment, look = asked.payment, asked.look
        known = sorted((transfer for transfer in look.transfers if transfer.tx_hash), key=_place)
        # With as many as are shown, those before them stand in rows of their own already.
        oldest = _place(known[0]) if len(known) >= INLINE and not asked.whole else None
        stored = {transfer.key for transfer in known}
        new = [each for each in found if each.key not in stored and (oldest is None or _place(each) > oldest)]
        explained = look.explained + sum(transfer.amount for transfer in new)
        if asked.whole:
            explained = max(sum(transfer.amount for transfer in found), sum(t.amount for t in known))
        if new:
            self.payments.add_transfers(payment.id, new)
        if look.received is not None and explained > look.received:
            self.log.warning("explained_too_much", payment=payment.id, by=str(explained - look.received))
        shown = tuple(sorted([*known, *new], key=_place)[-INLINE:])
        return unexplained(replace(look, transfers=shown, explained=explained), self.clock.now())

    def _less_what_is_gone(self, payment: Payment, look: Look, sight: Sight) -> Look:
        """Forget the transfers of blocks that are no longer canonical; all are then asked for again."""
        headers, floor = sight.headers, sight.floor
        numbers = sorted({each.block_number for each in payment.seen.transfers if each.tx_hash} - headers.keys())
        headers.update(self.chain.blocks([number for number in numbers if floor <= number <= sight.at.number]))
        gone = [each for each in payment.seen.transfers if each.tx_hash and not stands(each, headers, floor)]
        if gone:
            self.payments.drop_transfers(payment.id, gone)
        kept = tuple(each for each in payment.seen.transfers if each not in gone and each.tx_hash)
        return replace(look, transfers=kept, explained=sum(each.amount for each in kept))

    def _question(self, payment: Payment, look: Look, sight: Sight) -> Unexplained:
        """Ask from the look before on, where everything up to it is explained; else from the payment's creation on."""
        previous = sight.previous.number if sight.previous else None
        if previous is not None and look.intact and payment.seen.amount_received <= payment.seen.explained:
            return Unexplained(payment, look, max(previous - payment.due.required_confirmations + 1, 0))
        return self.whole_question(payment, look, sight)

    def whole_question(self, payment: Payment, look: Look, sight: Sight) -> Unexplained:
        """Ask for everything that came since a payment was created."""
        return Unexplained(payment, look, self.past.first_block(payment, sight), whole=True)

    # -- whether it may be credited

    def judged(self, payment: Payment, look: Look, trust: ChainTrust, voucher: AddressVoucher) -> Look:
        """Add what two hosts say of a large amount, and whether another payment has the order."""
        look = replace(look, superseded=self._superseded(payment, look.received))
        due = look.confirmed is not None and look.confirmed >= payment.enough and look.confirmed > payment.own.credited
        if due and not voucher.vouches(payment):
            return replace(look, agreed=False)
        return replace(look, agreed=trust.agreed(payment, look))

    def _superseded(self, payment: Payment, received: int | None) -> bool:
        """Whether another payment has taken an expired one's order meanwhile."""
        if not payment.is_expired or payment.order.order_id is None or not received:
            return False
        return self.payments.by_order(payment.merchant_id, payment.order.order_id) != payment.id


def _deadline_matters(payment: Payment, look: Look) -> bool:
    if payment.seen.on_time is not None and not payment.is_expired:
        return False
    if payment.is_open:
        excused = payment.flags & {Flag.LATE, Flag.REORGED}
        waits = Flag.HELD in payment.flags and payment.review.hold is not Hold.DEADLINE_UNKNOWN
        return look.depth_time > payment.due.expires_at and not excused and not waits
    if not payment.is_expired or Flag.HELD in payment.flags or look.received is None:
        return False
    return look.received >= payment.target


def _place(transfer: Transfer) -> tuple[int, int, str]:
    return transfer.block_number, transfer.log_index or 0, transfer.tx_hash or ""


def unexplained(look: Look, now: int = 0) -> Look:
    """Show what no transfer accounts for as one without a hash; where it was asked now, note the next try."""
    shown = tuple(transfer for transfer in look.transfers if transfer.tx_hash)
    missing = (look.received or 0) - look.explained
    if missing <= 0:
        return replace(look, transfers=shown, explain_at=0, explain_tries=0)
    rest = Transfer(None, None, look.head.number, look.head.hash, None, missing)
    look = replace(look, transfers=(*shown, rest))
    if not now:
        return look
    pause = PAUSES_MS[min(look.explain_tries, len(PAUSES_MS) - 1)]
    return replace(look, explain_at=now + pause, explain_tries=look.explain_tries + 1)
