"""From what nodes said to an own transaction to what is remembered of it."""

from ctrip.domain.errors import BroadcastRejected, Underpriced
from ctrip.domain.sweeping.sweep import Refusal

REASON_LENGTH = 160


def refusal_of(exc: BroadcastRejected, before: Refusal | None) -> Refusal:
    """Read a refusal; one that says what the one before said keeps what was found out since."""
    priced = isinstance(exc, Underpriced)
    minimum = exc.minimum if isinstance(exc, Underpriced) else None
    if before is not None and (before.priced, before.minimum) == (priced, minimum):
        return before
    return Refusal(str(exc)[:REASON_LENGTH], priced, minimum)
