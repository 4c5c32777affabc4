"""The one call of the contract that sweeps many addresses: `sweep(address,address[],uint256)` of a `SweepBatcher`."""

import re
from dataclasses import dataclass

BATCH_SELECTOR = "0x55e08d1f"
_CALL = re.compile(BATCH_SELECTOR + r"(?:[0-9a-f]{64}){4,}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SweepCall:
    """One call of a batcher: each account is to send all of a token to the treasury, for at most so much gas."""

    token: str
    accounts: tuple[str, ...]
    gas_each: int


def sweep_data(call: SweepCall) -> str:
    """Encode `sweep(address,address[],uint256)`."""
    words = [word(call.token), f"{96:064x}", f"{call.gas_each:064x}", f"{len(call.accounts):064x}"]
    return BATCH_SELECTOR + "".join([*words, *map(word, call.accounts)])


def parse_sweep(data: str) -> SweepCall | None:
    """Read a batcher's call; None for anything that `sweep_data` does not write."""
    if not _CALL.fullmatch(data):
        return None
    words = [data[at : at + 64] for at in range(10, len(data), 64)]
    call = SweepCall("0x" + words[0][24:], tuple("0x" + word[24:] for word in words[4:]), int(words[2], 16))
    return call if sweep_data(call) == data else None


def word(address: str) -> str:
    """Pad an address to a word of 64 hexadecimal digits; an empty one is zero."""
    return f"{address.lower().removeprefix('0x'):0>64}"
