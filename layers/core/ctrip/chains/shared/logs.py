"""What arrived of a token by its logs, as on any chain: many addresses in one request, the newest range first."""

import functools
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ctrip.chains.shared.endpoints import TRIES
from ctrip.chains.shared.pool import Pool
from ctrip.domain.chains.chain import Transfer
from ctrip.domain.errors import ChainError

LOG_REQUESTS = 64

Firsts: TypeAlias = Mapping[str, int]
"""Addresses, each with the first block that matters to it."""

Found: TypeAlias = list[tuple[str, Transfer]]

NewestRange: TypeAlias = Callable[..., tuple[int, Found]]
"""Asks an endpoint about `firsts` up to `last`, as far back as it tells at once; returns its first block too."""


def walked(
    pool: Pool[Any], newest_range: NewestRange, firsts: Firsts, last: int, *, recipients: int, turn: int, state: bool
) -> dict[str, list[Transfer]]:
    """Return what came to each address; `recipients` share a request. Raises where nobody tells of the newest range."""
    found: dict[str, list[Transfer]] = defaultdict(list)
    # Those that look back equally far share a request: each range is asked for those alone to whom it matters.
    ordered = sorted(firsts, key=lambda address: -firsts[address])
    for start in range(0, len(ordered), recipients):
        some = {address: firsts[address] for address in ordered[start : start + recipients]}
        for address, transfer in _walk(pool, newest_range, some, last, turn, state):
            found[address].append(transfer)
    return {
        address: sorted(each, key=lambda transfer: (transfer.block_number, transfer.log_index))
        for address, each in found.items()
    }


def _walk(pool: Pool[Any], newest_range: NewestRange, firsts: Firsts, last: int, turn: int, state: bool) -> Found:
    """Go back range by range; a range that no endpoint answers for ends it."""
    found: Found = []
    for number in range(LOG_REQUESTS):
        if last < min(firsts.values()):
            break
        try:
            question = functools.partial(newest_range, firsts=firsts, last=last)
            start, some = pool.run(question, turn=turn, state=state, tries=TRIES)
        except ChainError:
            if number == 0:
                raise
            break
        found += some
        last = start - 1
    return found
