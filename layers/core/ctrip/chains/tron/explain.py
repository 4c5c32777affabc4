"""What arrived of the coin at many addresses, in words: transfers in final blocks, and what contracts moved in them.

The balance has decided already. The budget: the newest `BLOCKS` blocks are read whole, once for all addresses, and of
the newest `MOVED_BLOCKS` of them that call contracts also what these moved. What lies further back stays unexplained,
as does what a node does not keep (`saveInternalTx` is off by default); none is ever made up.
"""

from collections.abc import Mapping, Sequence

from ctrip.chains.shared.errors import Missing, Suspended
from ctrip.chains.tron.bodies import Bodies, Body, learn_moves
from ctrip.chains.tron.endpoints import Endpoint
from ctrip.domain.chains.chain import Transfer

BLOCKS = 256
MOVED_BLOCKS = 64


def coin_transfers(
    endpoint: Endpoint, bodies: Bodies, firsts: Mapping[str, int], last: int, most: int = BLOCKS
) -> dict[str, list[Transfer]]:
    """Return what each address received from its first block on, as far as the budget reaches."""
    if endpoint.head().number < last:
        raise Missing(f"{endpoint.name}: block {last} is not final there yet")
    blocks = bodies.read(endpoint, max(min(firsts.values()), last - most + 1), last)
    for body in [each for each in blocks if each.callers][:MOVED_BLOCKS]:
        if body.moves is None:
            try:
                learn_moves(endpoint, body)
            except Suspended as exc:
                endpoint.rests(exc)
                break
    return {address: _transfers(blocks, address, first) for address, first in firsts.items()}


def _transfers(blocks: Sequence[Body], address: str, first: int) -> list[Transfer]:
    found: list[Transfer] = []
    for body in reversed(blocks):
        if body.number < first:
            continue
        sums: dict[str, tuple[str, int]] = {}
        for tx_hash, sender, receiver, amount in (*body.payments, *(body.moves or ())):
            if receiver == address != sender and amount:
                one, before = sums.get(tx_hash, (sender, 0))
                sums[tx_hash] = (one, before + amount)
        found += [
            Transfer(tx_hash, None, body.number, body.hash, sender, amount)
            for tx_hash, (sender, amount) in sums.items()
        ]
    return found
