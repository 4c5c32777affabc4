"""Each minute: compare the ledger with the chains on which money moves, and count events into the stage's figures."""

from typing import Any

from ctrip.bootstrap import stage


def handle(event: Any) -> list[str]:
    """Look at each chain that is due; the figures, which move no money, come last."""
    looked = stage().ledger.reconciler.run()
    stage().figures.counter.run()
    return looked
