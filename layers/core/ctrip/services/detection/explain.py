"""Explain what came: which transactions brought it. An explanation never decides an amount, and detection never waits.

What is not explained at once is asked for again, of another endpoint and after growing pauses, until the monitoring
window ends; a hash that is found later changes the payment.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from ctrip.domain.chains.chain import Arrivals, Block, Transfer
from ctrip.domain.detection.observe import Look
from ctrip.domain.errors import ChainError
from ctrip.domain.payments.payment import INLINE, Payment
from ctrip.ports import ChainReader, Clock, Log, PaymentStore

BUDGET = 200  # payments explained in one pass
PAUSES_MS = (2_000, 5_000, 15_000, 60_000, 300_000, 900_000, 3_600_000)  # between the tries for one payment
TROUBLE_MS = 30_000  # for which nothing is explained before it is decided, once a node has failed to


@dataclass(slots=True, kw_only=True)
class Explainer:
    """Finds the transfers behind amounts, for many payments in one question."""

    chain: ChainReader
    payments: PaymentStore
    clock: Clock
    log: Log
    _troubled_until: int = field(default=0)

    @property
    def prompt(self) -> bool:
        """Whether nodes explain readily, so that it may be asked before the decision."""
        return self.clock.now() >= self._troubled_until

    def explain(
        self, wanted: Sequence["Unexplained"], last: Block, apart: Callable[[str], AbstractContextManager[None]]
    ) -> dict[str, Look]:
        """Attach transfers to looks; return the looks by payment.

        What stays unexplained is one transfer without a hash, and has its next try noted.
        """
        looks = {each.payment.id: unexplained(each.look) for each in list(wanted)[BUDGET:]}
        by_asset: dict[str | None, list[Unexplained]] = {}
        for each in list(wanted)[:BUDGET]:
            by_asset.setdefault(each.payment.due.token_address, []).append(each)
        for asked in by_asset.values():  # one that nobody answers about is no other asset's trouble
            for each, transfers in zip(asked, self._ask(asked, last), strict=True):
                with apart(each.payment.id):
                    looks[each.payment.id] = self._attach(each, transfers)
        return looks

    def _ask(self, asked: Sequence["Unexplained"], last: Block) -> Sequence[Sequence[Transfer]]:
        questions = [Arrivals(each.payment.due.address, each.payment.due.token_address, each.first) for each in asked]
        turn = max(each.look.explain_tries for each in asked)
        try:
            return self.chain.transfers(questions, last.number, turn=turn)
        except ChainError as exc:
            self._troubled_until = self.clock.now() + TROUBLE_MS
            self.log.info("unexplained", payments=len(asked), error=str(exc))
            return [[] for _ in asked]

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


@dataclass(frozen=True, slots=True)
class Unexplained:
    """A payment whose amount wants an explanation: its look, and the first block that may hold one.

    `whole` says that this block is not after the payment's creation, so that what is found is all there is.
    """

    payment: Payment
    look: Look
    first: int
    whole: bool = False


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
