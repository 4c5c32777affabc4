"""Tron: requests a pass for 10,000 open payments, beside a block scan; and the TRX burnt for a swept USDT deposit.

`python -m infra.bench.tron` prints a table, with --json a line for each figure. The node is the stand-in, which runs
the probe's and the token's code; its time says nothing of a real node's, so requests are counted, not seconds. The
reference reads each block with its transactions and what became of them: the method of gateways that follow blocks.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import httpx

from ctrip.chains.tron.client import TronChain
from ctrip.domain.chains.chain import BalanceQuery
from ctrip.domain.chains.tron.addresses import encoded
from ctrip.domain.rpc import NodeEntry
from ctrip.system import SystemClock
from infra.bench.figure import Figure
from infra.tron import standin
from infra.tron.options import Options
from infra.tron.standin import StandIn

OPEN, MINUTE = 10_000, 20  # open payments, half of them in USDT; blocks of a minute
OWN_NODE_GOAL, DEPLOYLESS_GOAL = 4, 30
TIRES_AFTER = 600  # calls of a token after which a real node's 80 ms are over


def figures() -> Iterator[Figure]:
    """Measure both."""
    yield from _passes()
    yield from _burnt()


def _passes() -> Iterator[Figure]:
    from tests.tron_world import NETWORK, USDT

    with standin.running(Options()) as node:
        node.mine(2 * MINUTE)
        node.fault(calls=TIRES_AFTER)
        wanted = [BalanceQuery(_address(place), USDT.address if place % 2 else None) for place in range(OPEN)]
        ways = (("JSON-RPC on final blocks", True, OWN_NODE_GOAL), ("deployless alone", False, DEPLOYLESS_GOAL))
        for name, with_rpc, goal in ways:
            chain = TronChain(
                NETWORK, [NodeEntry(node.url, node.url, node.entry["jsonrpc"]) if with_rpc else node.url], SystemClock()
            )
            chain.head()
            chain.balances(chain.head(), wanted)  # what a call bears is learnt
            before = chain.meter.requests
            found = chain.balances(chain.head(), wanted)
            if None in found:
                raise RuntimeError("a balance is unknown")
            requests = chain.meter.requests - before
            yield Figure(f"Tron: requests a pass, {name}", requests, "", goal, f"{OPEN} open payments, half USDT")
        scanned = _scan(node)
        yield Figure("Tron: requests of a block scan a minute", scanned, "", None, f"{MINUTE} blocks, whoever is paid")


def _scan(node: StandIn) -> int:
    """Read the newest final blocks as a block scanner does; return its requests."""
    requests = 0
    with httpx.Client(base_url=node.url, timeout=30) as client:

        def ask(path: str, **asked: int) -> dict[str, object]:
            nonlocal requests
            requests += 1
            return dict(body) if isinstance(body := client.post(path, json=asked).json(), dict) else {}

        ask("/walletsolidity/getnowblock")
        newest = node.ledger.solid.number
        for number in range(newest - MINUTE + 1, newest + 1):
            ask("/walletsolidity/getblockbynum", num=number)
            ask("/walletsolidity/gettransactioninfobyblocknum", num=number)
    return requests


def _burnt() -> Iterator[Figure]:
    """Sweep a deposit in each of three ways, from an address that is new to the chain."""
    from tests.tron.network import TRX, USDT, running_world, settle, station_key

    for way in ("burnt", "lent by the station", "rented"):
        with running_world() as world:
            network: Any = world.chain
            if way.startswith("lent"):
                network.freeze(station_key(world), 9_000 * TRX)
            payment = world.create(50 * TRX, asset="USDT")
            if way == "rented":
                network.deposit(payment.due.address, 1)
                network.lend(payment.due.address, 10**10)
            network.deposit(payment.due.address, 50 * TRX, USDT.address)
            settle(world, payment.id)
            world.settle(8)
            sent = [*world.sent(world.station), *world.sent(payment.due.address)]
            burnt = sum(each.fee for each in sent)
            left = network.account(payment.due.address).balance
            steps = ", ".join(str(each.kind) for each in sent)
            detail = f"{steps}; {left / TRX:.3f} left behind; {'was' if way == 'rented' else 'not'} activated before"
            yield Figure(f"Tron: a swept USDT deposit, {way}", burnt / TRX, "TRX", None, detail)


def _address(place: int) -> str:
    return encoded(sha256(f"bench {place}".encode()).digest()[:20])


def main() -> int:
    """Print what was measured."""
    told = Figure.line if "--json" in sys.argv[1:] else Figure.row
    for figure in figures():
        print(told(figure), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
