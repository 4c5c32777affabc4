"""Ledger and chain, compared by the gateway's own schedule while the other tests moved money."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.shop import Shop
from tests.e2e.stack import Up, eventually

WAIT = 150  # two looks, a minute apart, at the worst


def test_ledger_and_chain_agree_after_all_that_was_moved(up: Up, shop: Shop) -> None:
    """Payments that settled, were paid late, twice, by half, in other assets; workers that were killed."""
    begun = _look(up)["block"]

    def looked() -> dict[str, Any] | None:
        look = _look(up)
        return look if look["block"] > begun else None

    look = eventually(looked, WAIT, "a look at the chain")
    assert look["differences"] == []
    assert look["unknown"] == 0
    assert look["compared"] > 2


def _look(up: Up) -> dict[str, Any]:
    code, said, problem = up.ctrip_said("--json", "reconcile", "explain", "anvil")
    assert code in (0, 1), problem
    (look,) = json.loads(said)
    return dict(look)
