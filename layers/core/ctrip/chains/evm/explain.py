"""What arrived of the coin at many addresses, in words: transactions, and value moved inside contracts.

The balance has decided already. State tells which blocks changed an address's balance, as far back as the node has
it; those blocks are read whole, once for all addresses, and traced where their transactions do not explain the change.
The budget: `BLOCKS` whole blocks and `_TRACED_BLOCKS` traces a question; where state is gone, the newest `BLOCKS`
blocks alone are looked through. An explanation that a node refuses is left out; none is ever made up.
"""

import itertools
from collections.abc import Mapping, Sequence

from ctrip.chains.evm.bodies import Bodies, Body, learn_moves, learn_success
from ctrip.chains.evm.codec import account
from ctrip.chains.evm.endpoints import Endpoint
from ctrip.chains.evm.probe import Prober
from ctrip.domain.chains.chain import Transfer

BLOCKS = 256
_TRACED_BLOCKS = 32
_STRIDE = 16
# Changes of one address that are searched at once; an address that changes in more blocks than that is being spammed.
_CHANGES = 64

Gains = dict[int, int | None]
"""Blocks that changed an address's balance, and by how much; None: perhaps, as the state there is gone."""


def coin_transfers(
    endpoint: Endpoint, prober: Prober, bodies: Bodies, firsts: Mapping[str, int], last: int, most: int = BLOCKS
) -> dict[str, list[Transfer]]:
    """Return what each address received from its first block on, as far as the budget reaches."""
    gains = _gains(endpoint, prober, {account(each): first for each, first in firsts.items()}, last, most)
    numbers = sorted({number for each in gains.values() for number in each}, reverse=True)[:most]
    blocks = bodies.read(endpoint, numbers)
    direct = [
        (body, move)
        for body in blocks
        for move in body.payments
        if body.number in gains.get(move[2], ()) and move[1] != move[2]
    ]
    learn_success(endpoint, [(body, tx_hash) for body, (tx_hash, *_) in direct])
    traced = 0
    for body in blocks:
        concerned = [address for address, each in gains.items() if body.number in each]
        unclear = any(_sum(body, address) != gains[address][body.number] for address in concerned)
        if unclear and body.moves is None and traced < _TRACED_BLOCKS:
            traced += 1
            learn_moves(endpoint, body)
    return {address: _transfers(blocks, address, gains[address]) for address in gains}


def _sum(body: Body, address: str) -> int:
    return sum(amount for _, _, amount in _direct(body, address))


def _direct(body: Body, address: str) -> list[tuple[str, str, int]]:
    """Return the successful transactions of a block that pay `address`."""
    return [
        (tx_hash, sender, amount)
        for tx_hash, sender, receiver, amount in body.payments
        if receiver == address != sender and body.success.get(tx_hash)
    ]


def _transfers(blocks: Sequence[Body], address: str, gains: Gains) -> list[Transfer]:
    found: list[Transfer] = []
    for body in reversed(blocks):
        if body.number not in gains:
            continue
        sums = {tx_hash: (sender, amount) for tx_hash, sender, amount in _direct(body, address)}
        if body.moves is not None and sum(amount for _, amount in sums.values()) != gains[body.number]:
            sums |= _moved(body, address)
        found += [
            Transfer(tx_hash, None, body.number, body.hash, sender, amount)
            for tx_hash, (sender, amount) in sums.items()
        ]
    return found


def _moved(body: Body, address: str) -> dict[str, tuple[str, int]]:
    """Return what each transaction of a traced block moved to `address`: the first sender and the sum."""
    sums: dict[str, tuple[str, int]] = {}
    for tx_hash, sender, receiver, amount in body.moves or ():
        if receiver == address:
            first, before = sums.get(tx_hash, (sender, 0))
            sums[tx_hash] = (first, before + amount)
    return sums


def _gains(endpoint: Endpoint, prober: Prober, firsts: Mapping[str, int], last: int, most: int) -> dict[str, Gains]:
    """Find the blocks that changed each balance: in strides, which are divided where their ends differ."""
    newest = max(last - most, 0)
    lines = {address: [_points(max(first - 1, 0), newest, last)] for address, first in firsts.items() if first <= last}
    known: dict[tuple[str, int], int | None] = {}
    gains: dict[str, Gains] = {address: {} for address in lines}
    while lines:
        points = {(address, at) for address, each in lines.items() for line in each for at in line}
        asked = points - known.keys()
        found = prober.at_heights(endpoint, asked)
        known |= {pair: found.get(pair) for pair in asked}
        lines = {
            address: divided
            for address, each in lines.items()
            if (divided := _divided(each, address, known, gains[address], newest))
        }
    return gains


def _divided(
    lines: list[list[int]], address: str, known: Mapping[tuple[str, int], int | None], gains: Gains, newest: int
) -> list[list[int]]:
    """Return what is still to be looked into between the heights that are known; settles the rest."""
    spans = [
        span
        for line in lines
        for span in itertools.pairwise(line)
        if known[address, span[0]] is None or known[address, span[0]] != known[address, span[1]]
    ]
    unsettled = [span for span in spans if not _settle(span, address, known, gains, newest)]
    return [_points(start, start, end) for start, end in unsettled[-_CHANGES:]]


def _points(first: int, newest: int, last: int) -> list[int]:
    """Choose heights to look at from `first` to `last`: few for what is old, each sixteenth of the newest ones."""
    low = max(first, min(newest, last))
    old = max(1, -(-(low - first) // _STRIDE))
    stride = 1 if last - low <= 2 * _STRIDE else max(_STRIDE, -(-(last - low) // (4 * _STRIDE)))
    return sorted({*range(first, low, old), *range(low, last, stride), low, last})


def _settle(
    span: tuple[int, int], address: str, known: Mapping[tuple[str, int], int | None], gains: Gains, newest: int
) -> bool:
    """Decide on a span of blocks whose ends differ, or are not both known; False where it must be divided."""
    start, end = span
    before, after = known[address, start], known[address, end]
    if before is None and after is None:
        if end > newest:  # no state: the blocks themselves must tell
            gains.update(dict.fromkeys(range(max(start, newest) + 1, end + 1)))
        return True
    if end - start > 1:
        return (before is None or after is None) and end <= newest
    gains[end] = after - before if before is not None and after is not None else None
    return True
