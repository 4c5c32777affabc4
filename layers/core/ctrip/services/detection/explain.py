"""Explain what came: which transactions brought it. An explanation never decides an amount, and detection never waits.

What is not explained at once is asked for again, of another endpoint and after growing pauses, until the monitoring
window ends; a hash that is found later changes the payment.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ctrip.domain.chains.chain import Arrivals, Block, Transfer
from ctrip.domain.detection.observe import Look
from ctrip.domain.errors import ChainError
from ctrip.domain.payments.payment import Payment
from ctrip.ports.chain import ChainReader
from ctrip.ports.runtime import Clock, Log

BUDGET = 200  # payments explained in one pass
TROUBLE_MS = 30_000  # for which nothing is explained before it is decided, once a node has failed to


@dataclass(slots=True, kw_only=True)
class Explainer:
    """Finds the transfers behind amounts, for many payments in one question."""

    chain: ChainReader
    clock: Clock
    log: Log
    _troubled_until: int = field(default=0)

    @property
    def prompt(self) -> bool:
        """Whether nodes explain readily, so that it may be asked before the decision."""
        return self.clock.now() >= self._troubled_until

    def explain(self, wanted: Sequence["Unexplained"], last: Block) -> dict[str, Sequence[Transfer]]:
        """Return by payment the transfers found, perhaps none; a payment that there was no time for is left out."""
        by_asset: dict[str | None, list[Unexplained]] = {}
        for each in list(wanted)[:BUDGET]:
            by_asset.setdefault(each.payment.due.token_address, []).append(each)
        # One asset that nobody answers about is no other asset's trouble.
        return {
            each.payment.id: transfers
            for asked in by_asset.values()
            for each, transfers in zip(asked, self._ask(asked, last), strict=True)
        }

    def _ask(self, asked: Sequence["Unexplained"], last: Block) -> Sequence[Sequence[Transfer]]:
        questions = [Arrivals(each.payment.due.address, each.payment.due.token_address, each.first) for each in asked]
        turn = max(each.look.explain_tries for each in asked)
        try:
            return self.chain.transfers(questions, last.number, turn=turn)
        except ChainError as exc:
            self._troubled_until = self.clock.now() + TROUBLE_MS
            self.log.info("unexplained", payments=len(asked), error=str(exc))
            return [[] for _ in asked]


@dataclass(frozen=True, slots=True)
class Unexplained:
    """A payment whose amount wants an explanation: its look, and the first block that may hold one.

    `whole` says that this block is not after the payment's creation, so that what is found is all there is.
    """

    payment: Payment
    look: Look
    first: int
    whole: bool = False
