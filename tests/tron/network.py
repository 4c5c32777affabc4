"""The gateway's own client of a stand-in, with the hands of those who pay and of the producers, for a `TronWorld`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ctrip.chains.tron.client import TronChain
from ctrip.domain.chains.kinds import KINDS, address_path
from ctrip.domain.chains.tron.addresses import decoded
from ctrip.domain.rpc import NodeEntry
from ctrip.domain.sweeping.treasury import GAS_STATION
from infra.tron import standin, wire
from infra.tron.keys import Key
from infra.tron.options import Options
from infra.tron.standin import StandIn
from tests.fakes.clock import FakeClock
from tests.fakes.tron import LAG
from tests.tron_world import NETWORK, TRX, USDT, TronWorld

PAYER, LENDER = Key.of("payer"), Key.of("lender")


class Network:
    """A network that is asked over HTTP; blocks are made when told."""

    def __init__(self, node: StandIn, *, with_rpc: bool = True) -> None:
        self.node, self.clock = node, FakeClock()
        entry = NodeEntry(**node.entry) if with_rpc else node.url
        self.client = TronChain(NETWORK, [entry], self.clock)

    def __getattr__(self, name: str) -> Any:
        """Leave questions to the client."""
        return getattr(self.client, name)

    @property
    def newest_time(self) -> int:
        """Return the time of the newest block, final or not."""
        return self.node.ledger.head.time

    def deposit(self, to: str, amount: int, token: str | None = None) -> str:
        """Somebody pays; addresses of other kinds are nobody's here."""
        if token is not None:
            return self.node.pay_token(PAYER, to, amount)
        return self.node.pay(PAYER, to, amount) if to.startswith("T") else ""

    def mine(self, blocks: int = 1, *, seconds: int = 1) -> None:
        """Make blocks; the first one comes later where a fork took others back: no time goes with them."""
        behind = max(self.clock.at - self.newest_time, 0) // 1000
        self.node.mine(1, seconds=seconds + behind)
        if blocks > 1:
            self.node.mine(blocks - 1, seconds=seconds)
        self.clock.at = self.newest_time

    def lend(self, to: str, sun: int) -> None:
        """Have somebody else lend energy."""
        self.freeze(LENDER, sun)
        loan = wire.Call(kind=wire.DELEGATE, owner=LENDER.short, to=decoded(to), amount=sun, resource=wire.ENERGY)
        self.node.send(LENDER, loan)

    def freeze(self, key: Key, sun: int) -> None:
        """Have an account stake for energy."""
        self.node.send(key, wire.Call(kind=wire.FREEZE, owner=key.short, amount=sun, resource=wire.ENERGY))


def station_key(world: TronWorld) -> Key:
    """Return the gas station's own key, with which its owner stakes."""
    return Key(world.stage.adapters.wallet().key(address_path(KINDS["tron"], *GAS_STATION)))


@contextmanager
def running_world(*, with_rpc: bool = True) -> Iterator[TronWorld]:
    """Run a gateway on a stand-in for the time of the block."""
    with standin.running(Options(lag=LAG, block_ms=1_000)) as node:
        for key in (PAYER, LENDER):
            node.grant(key.address, 10**12)
        node.pay_token(standin.bank(), PAYER.address, 10**12)
        node.settle()
        yield TronWorld(chain=Network(node, with_rpc=with_rpc))


def settle(world: TronWorld, payment_id: str, rounds: int = 40) -> None:
    """Mine, scan and sweep until a payment is settled."""
    for _ in range(rounds):
        if world.payment(payment_id).status == "settled":
            return
        world.step()
        world.sweep()
    raise AssertionError(f"the payment is {world.payment(payment_id).status}")


__all__ = ["TRX", "USDT", "Network", "running_world", "settle", "station_key"]
