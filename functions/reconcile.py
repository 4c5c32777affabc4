"""Each minute: compare the ledger with the chains on which money moves; where none does, it returns at once."""

from typing import Any

from ctrip.bootstrap import stage


def handle(event: Any) -> list[str]:
    """Look at each chain that is due."""
    return stage().ledger.reconciler.run()
