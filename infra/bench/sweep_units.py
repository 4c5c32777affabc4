"""What DynamoDB charges for sweeping a token payment: in a batch, and by the gas station and a transfer, in one run.

Counted from ReturnConsumedCapacity, index writes included: the sweep jobs, and each scan pass from the first job until
the payments are settled. Not counted: what a job and a pass cost whatever is due, and the webhooks. dynoxide counts a
transaction as AWS does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from infra.bench.figure import Figure
from infra.stack import wallet

MANY = 100
HALF = 0.5
ROUNDS = 400
# What a pass and a job cost whatever is due.
RHYTHM = frozenset(
    {"payments.rows", "payments.slice", "payments.longest_in", "money.beat", "money.tips", "money.setbacks"}
    | {"access.gates", "access.raise_gate", "limits.count_places"}
)


def figures() -> Iterator[Figure]:
    """Measure both ways on tables of their own."""
    from tests.support import dynamodb
    from tests.support.stores import Stage

    with dynamodb.running() as endpoint:
        client, connection = dynamodb.client(endpoint), dynamodb.connect(endpoint)
        found = {}
        for name, together in (("alone", False), ("batch", True)):
            dynamodb.make_tables(client, name)
            found[name] = _swept(Stage(name, client, connection), together=together)
    (alone_written, alone_read), (written, read) = found["alone"], found["batch"]
    told = f"{alone_written:.1f} alone, of {MANY} payments"
    yield Figure("write units of a swept token payment", written, "WU", alone_written * HALF, told)
    yield Figure("read units of a swept token payment", read, "RU", alone_read * HALF, f"{alone_read:.1f} alone")


def _swept(stage: Any, *, together: bool) -> tuple[float, float]:
    """Sweep a hundred paid payments; return the write and read units of each."""
    from tests.support.metering import Meter, total

    meter = Meter()
    meter.watch(stage.connection)
    world = _world(meter, stage, together=together)
    payments = _paid(world)
    meter.charges.clear()
    for _ in range(ROUNDS):
        with meter.during("sweeping"):
            world.sweeper.sweep(payments[0].due.asset_key)
            world.step()
        with meter.during("looking on"):
            found = world.stores.payments.read([each.id for each in payments]).values()
            if all(each.is_settled for each in found):
                break
    else:
        raise RuntimeError("not every payment was settled")
    charged = [each for each in meter.charges if each.phase == "sweeping" and each.method not in RHYTHM]
    return total(charged, reads=False) / MANY, total(charged, reads=True) / MANY


def _world(meter: Any, stage: Any, *, together: bool) -> Any:
    from ctrip.system import SystemIds
    from tests.fakes.clock import T0
    from tests.support.metering import LongChain, LongSigner
    from tests.world import _WALLET, NETWORK, TREASURY, World

    chain, roomy = LongChain(T0), {"network": replace(NETWORK, fee_cap=10**18)}
    world: Any = type("Roomy", (World,), roomy)(
        stores=meter.stores(stage.stores()), chain=chain, signer=LongSigner(_WALLET, chain, accounts=2), ids=SystemIds()
    )
    operator = _WALLET.address("evm", wallet.OPERATOR_PATH)
    chain.deploy(TREASURY, operator)
    chain.deposit(operator, 10**20)
    chain.mine()
    world.sweeper = world.stage.sweeping.new_sweeper("anvil", operator if together else "")
    return world


def _paid(world: Any) -> list[Any]:
    made = [world.create(5_000_000, asset="USDC") for _ in range(MANY)]
    for payment in made:
        world.chain.deposit(payment.due.address, payment.due.amount, payment.due.token_address)
    world.step(5)
    world.jobs.sweeps.clear()
    return made
