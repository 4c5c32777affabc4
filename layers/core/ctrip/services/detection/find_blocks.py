"""Find blocks by their time, from headers alone; what was learnt of a chain is remembered while it stands."""

from bisect import bisect_right
from dataclasses import dataclass, field

from ctrip.domain.chains.assets import Network
from ctrip.domain.chains.chain import Block
from ctrip.domain.errors import NotHeld
from ctrip.ports.chain import ChainReader

POINTS = 15  # headers asked for at once: each request leaves a sixteenth of the range
REMEMBERED = 4_096


@dataclass(slots=True)
class BlockFinder:
    """Finds the newest block that is not after a time; each header is asked for once, but for those near the head."""

    network: Network
    chain: ChainReader
    _known: dict[int, Block] = field(default_factory=dict)
    _times: list[tuple[int, int]] = field(default_factory=list)

    def last_by(self, time: int, head: Block, *, settled: int) -> Block | None:
        """Return the newest block whose time is not after `time` (unix milliseconds); None before the first block.

        Blocks above height `settled` may still be reorganised, and are asked for anew. Raises `ChainError`.
        """
        if head.time <= time:
            return head
        low, high = self._bracket(time, head)
        while high.number - low.number > 1:
            found = self._headers(_between(low.number, high.number), settled)
            low = max((each for each in found if each.time <= time), key=_number, default=low)
            high = min((each for each in found if each.time > time), key=_number, default=high)
        return low if low.time <= time else None

    def _bracket(self, time: int, head: Block) -> tuple[Block, Block]:
        """Return two blocks around the time: from what is known, else by the usual time between blocks."""
        place = bisect_right(self._times, (time, 2**63))
        below = self._known.get(self._times[place - 1][1]) if place else None
        above = self._known.get(self._times[place][1]) if place < len(self._times) else None
        high = above if above is not None and above.number < head.number else head
        if below is not None:
            return below, high
        back = 64
        while True:
            guess = high.number - round((high.time - time) / 1000 / self.network.block_seconds) - back
            (low,) = self._headers([max(guess, 0)], -1)
            if low.time <= time or low.number == 0:
                return low, high
            back *= 16

    def _headers(self, numbers: list[int], settled: int) -> list[Block]:
        missing = [number for number in numbers if number not in self._known]
        found = self.chain.blocks(missing) if missing else {}
        if lacking := set(missing) - found.keys():
            raise NotHeld(f"no endpoint holds block {min(lacking)}")
        blocks = [found.get(number) or self._known[number] for number in numbers]
        self._remember([block for block in found.values() if block.number <= settled])
        return blocks

    def _remember(self, blocks: list[Block]) -> None:
        if not blocks:
            return
        if len(self._known) > REMEMBERED:
            self._known.clear()
        self._known |= {block.number: block for block in blocks}
        self._times = sorted((block.time, block.number) for block in self._known.values())


def _number(block: Block) -> int:
    return block.number


def _between(low: int, high: int) -> list[int]:
    """Choose at most `POINTS` heights between two, evenly."""
    span = high - low
    if span - 1 <= POINTS:
        return list(range(low + 1, high))
    return sorted({low + span * step // (POINTS + 1) for step in range(1, POINTS + 1)})
