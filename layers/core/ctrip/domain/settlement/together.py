"""Which payouts go together in one transaction."""

from collections.abc import Callable, Iterable, Sequence

from ctrip.domain.chains.kinds import folded
from ctrip.domain.settlement.payout import Payout

MOST_WRITES = (
    95  # of the hundred that one transaction of the store takes: the payouts, their events, and their transaction
)


def groups(payouts: Iterable[Payout], writes: Callable[[Payout], int]) -> list[list[Payout]]:
    """Put payouts of one chain together by their asset, oldest first, as many as are stored in one transaction.

    `writes` is how many items one is. In a group nobody is paid twice, so that a receipt tells what each one got; who
    was left out of a group before goes alone. One by itself is no group.
    """
    by_asset: dict[str, list[Payout]] = {}
    for payout in sorted(payouts, key=lambda each: (each.created_at, each.id)):
        if not payout.alone:
            by_asset.setdefault(payout.asset_key, []).append(payout)
    parts = (part for same_asset in by_asset.values() for part in _parts(same_asset, writes))
    return [part for part in parts if len(part) > 1]


def _parts(payouts: Sequence[Payout], writes: Callable[[Payout], int]) -> list[list[Payout]]:
    parts: list[list[Payout]] = [[]]
    paid: set[str] = set()
    left = MOST_WRITES
    for payout in payouts:
        size = writes(payout)
        if folded(payout.to) in paid or size > left:
            parts.append([])
            paid, left = set(), MOST_WRITES
        parts[-1].append(payout)
        paid.add(folded(payout.to))
        left -= size
    return parts
