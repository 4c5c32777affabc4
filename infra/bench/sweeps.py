"""What it costs to bring tokens to the treasury: each address by itself and in batches, on one chain in one run.

`python -m infra.bench.sweeps` prints a table, with --json a line for each figure. The stores are in memory: what is
measured is gas, transactions and blocks. Alone, the gas station gives an address coin and the address transfers.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from infra.bench.figure import Figure
from infra.stack import contracts, wallet

MANY = (1, 10, 100)
AMOUNT = 5_000_000
GAS_GOAL, AGAIN_GOAL = 30_000, 13_500


@dataclass(frozen=True, slots=True)
class Swept:
    """What sweeping some payments took: blocks from the job to the last sweep's, and as `dust` the coin that stays."""

    gas: int
    transactions: int
    blocks: int
    seconds: float
    dust: int


def figures() -> Iterator[Figure]:
    """Measure, and tell each figure as it comes."""
    from tests.evm_support import running_anvil

    with running_anvil() as anvil:
        for many in MANY:
            with anvil.scratch():
                yield from _beside(anvil, many)


def _beside(anvil: Any, many: int) -> Iterator[Figure]:
    """Sweep the same deposits by both methods."""
    with anvil.scratch():
        world = _world(anvil, together=False)
        alone = _sweep(world, _paid(world, many))
    world = _world(anvil, together=True)
    payments = _paid(world, many)
    batch = _sweep(world, payments)
    again = _sweep(world, _paid_again(world, payments))
    last = many == max(MANY)
    told = f"{alone.gas / many:,.0f} alone, in {alone.transactions} transactions"
    goal, repeated = (GAS_GOAL, AGAIN_GOAL) if last else (None, None)
    yield Figure(f"gas for each of {many} tokens swept", batch.gas / many, "gas", goal, told)
    yield Figure(f"gas for each of {many}, the second time", again.gas / many, "gas", repeated)
    if last:
        yield Figure(f"transactions for {many} tokens", batch.transactions, "", 1, f"{alone.transactions} alone")
        yield Figure("blocks from the job to the sweep's", batch.blocks, "", 1, f"{alone.blocks} alone")
        yield Figure(f"a job that sweeps {many} tokens", batch.seconds, "s", None, f"{alone.seconds:.2f} s alone")
        left = f"{alone.dust / many:,.0f} wei an address alone"
        yield Figure("coin left on the addresses", batch.dust, "wei", 0, left)


def _world(anvil: Any, *, together: bool) -> Any:
    from tests.detection.node_world import NodeWorld
    from tests.world import _WALLET, TREASURY

    world: Any = NodeWorld(anvil)
    if together:
        operator = _WALLET.address("evm", wallet.OPERATOR_PATH)
        anvil.fund(operator, 10**20)
        contracts.deploy(anvil.url, contracts.pair(TREASURY, operator), wallet.funded(0))
        world.sweeper = replace(world.sweeper, operator=operator)
    world.tick()
    return world


def _paid(world: Any, many: int) -> list[Any]:
    payments = [world.create(AMOUNT, asset="USDC") for _ in range(many)]
    return _pay(world, payments)


def _paid_again(world: Any, payments: Sequence[Any]) -> list[Any]:
    """Let as much come once more to addresses that were swept before."""
    return _pay(world, payments)


def _pay(world: Any, payments: Sequence[Any]) -> list[Any]:
    from ctrip.domain.payments.payment import Tier

    for payment in payments:
        world.pay(payment, AMOUNT)
    for _ in range(6):
        world.step()
    found = [world.payment(each.id) for each in payments]
    if not all(each.tier is Tier.SWEEP and each.unswept == AMOUNT for each in found):
        raise RuntimeError("not every payment is to be swept")
    world.jobs.sweeps.clear()
    return found


def _sweep(world: Any, payments: Sequence[Any]) -> Swept:
    """Sweep until every address is empty; the first job's time is what is told."""
    token = payments[0].due.token_address
    before, began, seconds, seen = _sent(world), world.anvil.height(), 0.0, 0
    world.anvil.automine(False)
    for _ in range(10):
        at = time.perf_counter()
        world.sweeper.sweep(payments[0].due.asset_key)
        seconds += time.perf_counter() - at
        world.mine()
        seen = world.anvil.height()
        world.look()
        if not any(world.held(each.due.address, token) for each in payments):
            break
    world.anvil.automine(True)
    for _ in range(6):
        world.step()
    sent = [each for each in _sent(world) if each not in before]
    gas = sum(int(world.anvil.rpc("eth_getTransactionReceipt", each)["gasUsed"], 16) for each in sent)
    dust = sum(world.held(each.due.address) for each in payments)
    return Swept(gas, len(sent), seen - began, seconds, dust)


def _sent(world: Any) -> list[str]:
    return [each.tx_hash for each in world.stores.money._state.transactions.values() if each.tx_hash]


def main() -> int:
    """Print the figures."""
    for figure in figures():
        print(figure.line() if "--json" in sys.argv else figure.row(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
