"""Each minute, and ahead of time: take settlements and refunds a step further."""

from typing import Any

from ctrip.bootstrap import stage


def handle(event: Any) -> int:
    """Book, send and close what is due."""
    return stage().payouts.worker.run()
