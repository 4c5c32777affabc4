"""What it costs to bring tokens to the treasury: each address by itself and in batches, on one chain in one run.

`python -m infra.bench.sweeps` prints a table, with --json a line for each figure. The stores are in memory: what is
measured is gas, transactions and blocks; what DynamoDB charges is measured on tables. Alone, the gas station gives an
address coin and the address transfers. On Anvil; the batches again on py-evm, and both on geth where it can be built.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from infra.bench import evm, sweep_units
from infra.bench.figure import Figure
from infra.nodes import build
from infra.stack import wallet
from infra.tools.errors import Refused
from infra.tools.process import ROOT

MANY = (1, 10, 100)
AMOUNT = 5_000_000
GAS_GOAL, AGAIN_GOAL = 30_000, 13_500
UNREFUNDED_GOAL = 34_500  # where an account that was never used earns no refund


@dataclass(frozen=True, slots=True)
class Swept:
    """What sweeping some payments took: blocks from the job to the last sweep's, and as `dust` the coin that stays."""

    gas: int
    sent: tuple[str, ...]
    blocks: int
    seconds: float
    dust: int

    @property
    def transactions(self) -> int:
        """Count what was sent."""
        return len(self.sent)


def figures() -> Iterator[Figure]:
    """Measure, and tell each figure as it comes."""
    from tests.evm_support import running_anvil

    with running_anvil() as anvil:
        for many in MANY:
            with anvil.scratch():
                yield from _beside(anvil, many)
    yield from _on_geth()
    yield from sweep_units.figures()


def _on_geth() -> Iterator[Figure]:
    """Measure gas on a geth of its own; nothing where none can be built."""
    from tests.nodes.geth_node import running_geth

    try:
        binary = build.geth(ROOT / ".tools", _say)
    except Refused as refusal:
        _say(f"not measured on geth: {refusal}")
        return
    with tempfile.TemporaryDirectory() as state, running_geth("geth driven", binary, Path(state)) as geth:
        for many in MANY:
            geth.begin_anew()
            world = _world(geth, together=False)
            alone = _sweep(world, _paid(world, many))
            geth.begin_anew()
            world = _world(geth, together=True)
            batch = _sweep(world, _paid(world, many))
            goal = UNREFUNDED_GOAL if many == max(MANY) else None
            told = f"{alone.gas / many:,.0f} alone, in {alone.transactions} transactions"
            yield Figure(f"gas for each of {many} tokens on geth", batch.gas / many, "gas", goal, told)


def _say(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


def _beside(anvil: Any, many: int) -> Iterator[Figure]:
    """Sweep the same deposits by both methods."""
    with anvil.scratch():
        world = _world(anvil, together=False)
        alone = _sweep(world, _paid(world, many))
    world = _world(anvil, together=True)
    payments = _paid(world, many)
    batch = _sweep(world, payments)
    unrefunded = evm.gas(anvil, batch.sent)
    again = _sweep(world, _paid_again(world, payments))
    last = many == max(MANY)
    told = f"{alone.gas / many:,.0f} alone, in {alone.transactions} transactions"
    goal, repeated = (GAS_GOAL, AGAIN_GOAL) if last else (None, None)
    yield Figure(f"gas for each of {many} tokens swept", batch.gas / many, "gas", goal, told)
    bare = UNREFUNDED_GOAL if last else None
    yield Figure(f"gas for each of {many} tokens on py-evm", unrefunded / many, "gas", bare)
    yield Figure(f"gas for each of {many}, the second time", again.gas / many, "gas", repeated)
    if last:
        yield Figure(f"transactions for {many} tokens", batch.transactions, "", 1, f"{alone.transactions} alone")
        yield Figure("blocks from the job to the sweep's", batch.blocks, "", 1, f"{alone.blocks} alone")
        yield Figure(f"a job that sweeps {many} tokens", batch.seconds, "s", None, f"{alone.seconds:.2f} s alone")
        left = f"{alone.dust / many:,.0f} wei an address alone"
        yield Figure("coin left on the addresses", batch.dust, "wei", 0, left)


def _world(node: Any, *, together: bool) -> Any:
    from ctrip.domain.chains.evm.sweep_contracts import sweep_pair
    from tests.detection.node_world import NodeWorld
    from tests.sweep_support import deploy
    from tests.world import _WALLET, TREASURY

    world: Any = NodeWorld(node)
    if together:
        operator = _WALLET.address("evm", wallet.OPERATOR_PATH)
        node.fund(operator, 10**20)
        deploy(node, sweep_pair(TREASURY, operator))
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
    _automine(world.anvil, on=False)
    for _ in range(10):
        at = time.perf_counter()
        world.sweeper.sweep(payments[0].due.asset_key)
        seconds += time.perf_counter() - at
        world.mine()
        seen = world.anvil.height()
        world.look()
        if not any(world.held(each.due.address, token) for each in payments):
            break
    _automine(world.anvil, on=True)
    for _ in range(6):
        world.step()
    sent = [each for each in _sent(world) if each not in before]
    gas = sum(int(world.anvil.rpc("eth_getTransactionReceipt", each)["gasUsed"], 16) for each in sent)
    dust = sum(world.held(each.due.address) for each in payments)
    return Swept(gas, tuple(sent), seen - began, seconds, dust)


def _automine(node: Any, *, on: bool) -> None:
    """Have each transaction get its block at once, or wait for the next one."""
    if hasattr(node, "automine"):
        node.automine(on)
    node.automining = on


def _sent(world: Any) -> list[str]:
    return [each.tx_hash for each in world.stores.money._state.transactions.values() if each.tx_hash]


def main() -> int:
    """Print the figures."""
    for figure in figures():
        print(figure.line() if "--json" in sys.argv else figure.row(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
