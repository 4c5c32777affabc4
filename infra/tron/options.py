"""How one stand-in behaves: what a network settles, and what it does wrong on demand."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

# What TronGrid answers to whoever asks too often.
SUSPENDED = "The key exceeds the frequency limit(15), and the query server is suspended for 30s"
BODY_LIMIT = 4_194_304
BLOCK_MS = 3_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a network settles.

    `lag` is how many blocks the newest final one is behind the newest. `block_ms` is the time from a block to the next,
    and `own_pace` whether they are made without being asked for. The weights are the TRX that others have staked.
    """

    chain_id: int = 31_338
    lag: int = 19
    block_ms: int = BLOCK_MS
    own_pace: bool = False
    byte_weight: int = 2_000_000_000
    energy_weight: int = 18_000_000_000


@dataclass(slots=True)
class Faults:
    """What goes wrong from now on; those that are counted end by themselves.

    torn            answers on the solid side that show the next block's state under this one's number
    moves           answers on the solid side after which the next block is final
    still           the newest final block stays as it is
    hold            transactions wait, and are not mined
    calls           a constant call that makes more calls than these runs out of time
    words           so does one whose answer has more words than these
    tired           constant calls that run out of energy
    body            the longest request, in characters
    refuse          requests that are answered with `status` and `text`, in place of an answer
    busy            broadcasts that are answered SERVER_BUSY
    cut             broadcasts that are taken, and whose connection is then cut
    lost            broadcasts that are answered SUCCESS, and forgotten before the next block
    blind           there is no solid side
    no_history      no balances of the past: getaccountbalance and getblockbalance
    no_internal     no internal transactions in what is told of mined ones (saveInternalTx is off)
    no_estimate     no estimateenergy (vm.estimateEnergy is off)
    no_rpc          no JSON-RPC on final blocks
    """

    torn: int = 0
    moves: int = 0
    still: bool = False
    hold: bool = False
    calls: int = 1_000
    words: int = 12_000
    tired: int = 0
    body: int = BODY_LIMIT
    refuse: int = 0
    status: int = 403
    text: str = SUSPENDED
    busy: int = 0
    cut: int = 0
    lost: int = 0
    blind: bool = False
    no_history: bool = False
    no_internal: bool = False
    no_estimate: bool = True
    no_rpc: bool = False

    def change(self, wanted: dict[str, Any]) -> None:
        """Set some of them; raises ValueError for a name that is none, and for a value of another type."""
        there = {each.name for each in fields(self)}
        for name, value in wanted.items():
            if name not in there or type(value) is not type(getattr(self, name)):
                raise ValueError(f"{name} is no fault with such a value")
            setattr(self, name, value)

    def reset(self) -> None:
        """Behave well again."""
        fresh = Faults()
        for each in fields(self):
            setattr(self, each.name, getattr(fresh, each.name))

    def take(self, name: str) -> bool:
        """Whether one that is counted happens now."""
        left = int(getattr(self, name))
        setattr(self, name, max(left - 1, 0))
        return left > 0
