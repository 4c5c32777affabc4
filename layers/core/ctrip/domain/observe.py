"""From balances at blocks to what may be believed: observations are confirmed by promotion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ctrip.domain.chain import Block, Transfer
from ctrip.domain.payment import Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one pass knows of one payment.

    `received` is the amount at the head and `confirmed` the amount at the confirmed depth, None where unknown;
    `depth_time` is the time of the block at that depth. `intact` says that the blocks of all that was seen before are
    still canonical. `on_time` is what had arrived by the deadline, None where it could not be learnt; `agreed` says
    that a second provider sees the amount too, where that is asked for; `superseded` that another payment has taken an
    expired one's order.
    """

    head: Block
    received: int | None
    confirmed: int | None
    depth_time: int
    intact: bool = True
    on_time: int | None = None
    agreed: bool = True
    superseded: bool = False
    observations: tuple[Observation, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    explained_to: int | None = None


class _InBlock(Protocol):
    @property
    def block_number(self) -> int: ...
    @property
    def block_hash(self) -> str: ...


def stands(seen: _InBlock, headers: Mapping[int, Block], floor: int) -> bool:
    """Whether what was seen in a block is still in the chain; below `floor` nothing is reorganised any more.

    `headers` are the canonical ones at the heights of everything seen from `floor` on.
    """
    block = headers.get(seen.block_number)
    return seen.block_number < floor or (block is not None and block.hash == seen.block_hash)


def canonical(
    observations: Sequence[Observation], headers: Mapping[int, Block], floor: int = 0
) -> tuple[Observation, ...]:
    """Keep what was seen in blocks that are still in the chain."""
    return tuple(seen for seen in observations if stands(seen, headers, floor))


def promote(observations: Sequence[Observation], depth: int) -> int:
    """Return the newest amount seen at or below block `depth`: what has `head - depth + 1` confirmations."""
    return next((seen.amount for seen in reversed(observations) if seen.block_number <= depth), 0)


def record(observations: Sequence[Observation], new: Sequence[Observation], depth: int) -> tuple[Observation, ...]:
    """Add amounts seen in this pass, oldest first; an unchanged amount keeps its block, settled history is dropped."""
    kept = list(observations)
    for seen in new:
        if seen.amount != (kept[-1].amount if kept else 0):
            kept.append(seen)
    settled = [i for i, seen in enumerate(kept) if seen.block_number <= depth]
    return tuple(kept[settled[-1] :] if settled else kept)


def by_deadline(observations: Sequence[Observation], deadline: int, target: int, latest: int) -> int | None:
    """Say what had arrived by `deadline` where the observations alone tell whether it reached `target`; else None.

    Amounts at an address only grow between our own moves, so the last observation before the deadline is a lower bound
    and the `latest` amount an upper one.
    """
    least = next((seen.amount for seen in reversed(observations) if seen.block_time <= deadline), 0)
    if least >= target or latest < target:
        return least
    return None
