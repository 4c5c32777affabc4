"""From balances at blocks to what may be believed: observations are confirmed by promotion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ctrip.domain.chains.chain import Block, Transfer
from ctrip.domain.payments.payment import Observation, Payment

OBSERVATIONS = 16  # kept of one payment between the head and the confirmed depth, about


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one pass knows of one payment.

    `received` is the amount at the head and `confirmed` the amount at the confirmed depth, None where unknown;
    `depth_time` is the time of the block at that depth. `intact` says that the blocks of all that was seen before are
    still canonical. `on_time` is what had arrived by the deadline, None where it could not be learnt; `agreed` says
    that a second provider sees the amount too, where that is asked for; `superseded` that another payment has taken an
    expired one's order. `baseline` is what the address held before the payment existed, `doubt` the part of it that is
    assumed, `explained` the sum of all transfers with a hash, of which `transfers` shows the newest. Events about an
    amount that completes nothing are `pause_ms` apart; what is unexplained is asked for again at `explain_at`.
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
    baseline: int = 0
    doubt: int = 0
    transfers: tuple[Transfer, ...] = ()
    explained: int = 0
    explain_at: int = 0
    explain_tries: int = 0
    pause_ms: int = 0


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


def record(
    observations: Sequence[Observation], new: Sequence[Observation], depth: int, *, target: int = 0, gap: int = 0
) -> tuple[Observation, ...]:
    """Add amounts seen in this pass, oldest first; an unchanged amount keeps its block, settled history is dropped.

    A growing amount is observed each `gap` blocks at most, so that a base unit in every block fills nothing: one that
    comes sooner, and does not reach `target` with this step, waits for its turn and is confirmed that much later.
    """
    kept = list(observations)
    for seen in new:
        last = kept[-1] if kept else None
        if seen.amount == (last.amount if last else 0):
            continue
        soon = last is not None and seen.block_number - last.block_number < gap
        if last is None or not soon or seen.amount < last.amount or last.amount < target <= seen.amount:
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


def net(payment: Payment, balance: int | None, baseline: int, block: int) -> int | None:
    """Take the baseline and our own moves out of a balance; a negative rest means that a node has not seen them yet."""
    if balance is None or block < payment.folded_to:
        return None
    received = balance - baseline - payment.net_moves(payment.due.token_address, block)
    return received if received >= 0 else None
