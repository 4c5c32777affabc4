"""Detection beside a block scanner, on one chain in one run; and how long after its block a payment is detected.

`python -m infra.bench.detection` prints a table, with --json a line for each figure. The stores are in memory: what is
measured is what the gateway asks of a node. The reference reads each block with its transactions and, for each token
and 500 blocks, the Transfer logs: the method of gateways that follow blocks.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import requests

from ctrip.chains.evm.client import EvmChain
from ctrip.domain.detection.gates import Tip
from ctrip.domain.payments.payment import Payment, Status
from ctrip.system import SystemClock
from infra.bench.figure import Figure, percentile
from infra.stack import wallet

BLOCKS, PER_BLOCK, WINDOW = 1_000, 20, 500
OPEN = (12, 1_000, 10_000)
DECIDE_GOALS = {12: 4, 1_000: 20, 10_000: 20}
EXPLAIN_GOAL, LATENCY_GOAL = 6, 3.0
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
KINDS = ("native",) * 4 + ("internal",) * 3 + ("selfdestruct",) + ("token",) * 3 + ("token in a batch",)
COIN, TOKEN = 10**15, 1_000_000
GAS = 300_000
JSON = {"Content-Type": "application/json"}


# --- the chain that both read


@dataclass(slots=True)
class Ledger:
    """What was built: the paid addresses by kind, addresses that were only lied about, and where it began."""

    first: int
    last: int
    paid: dict[str, str] = field(default_factory=dict)
    lied: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Traffic:
    """Fills Anvil's blocks by unsigned transactions of its own accounts: signing thousands would take minutes."""

    anvil: Any
    session: requests.Session = field(default_factory=requests.Session)
    accounts: list[str] = field(default_factory=lambda: [wallet.funded(index).address for index in range(2, 8)])
    nonces: dict[str, int] = field(default_factory=dict)

    def send(self, calls: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Hand over transactions (sender, fields) in one request."""
        batch = []
        for number, (sender, fields) in enumerate(calls):
            if sender not in self.nonces:
                self.nonces[sender] = int(self.anvil.rpc("eth_getTransactionCount", sender, "latest"), 16)
            params = {"from": sender, "nonce": hex(self.nonces[sender]), "gas": hex(GAS), **fields}
            self.nonces[sender] += 1
            batch.append({"jsonrpc": "2.0", "id": number, "method": "eth_sendTransaction", "params": [params]})
        answers = self.session.post(self.anvil.url, data=json.dumps(batch), headers=JSON, timeout=20).json()
        refused = [each["error"] for each in answers if "error" in each]
        if refused:
            raise RuntimeError(f"Anvil refused traffic: {refused[0]}")

    def noise(self, chance: random.Random, token: str, many: int) -> list[tuple[str, dict[str, Any]]]:
        """Make up payments between strangers: three quarters coin, one quarter token."""
        made: list[tuple[str, dict[str, Any]]] = []
        for number in range(many):
            to = f"0x{chance.getrandbits(160):040x}"
            fields = {"to": to, "value": "0x1"} if number % 4 else {"to": token, "data": _transfer(to, 1)}
            made.append((self.accounts[number % len(self.accounts)], fields))
        return made


def _transfer(to: str, amount: int) -> str:
    return f"0xa9059cbb{to[2:].lower():0>64}{amount:064x}"


def build(anvil: Any, addresses: Sequence[str]) -> Ledger:
    """Mine 1,000 blocks of about 20 transactions; the first twelve addresses are paid, the next two lied about."""
    from tests.evm_support import call_data

    traffic, chance = Traffic(anvil), random.Random(1)  # noqa: S311 - traffic, not secrets
    token, payer = anvil.tokens["USDC"]["address"], wallet.funded(9).address
    forwarder, evil = anvil.deploy("Forwarder"), anvil.deploy("Hostile", 0)
    anvil.send(token, f"0x095ea7b3{forwarder[2:].lower():0>64}{2**255:064x}", index=9)
    anvil.automine(False)
    anvil.rpc("anvil_autoImpersonateAccount", True)
    built = Ledger(first=int(anvil.rpc("eth_blockNumber"), 16) + 1, last=0)
    built.paid = dict(zip(addresses, KINDS, strict=False))
    built.lied = list(addresses[len(KINDS) : len(KINDS) + 2])

    def paying(to: str, kind: str) -> dict[str, Any]:
        if kind == "native":
            return {"to": to, "value": hex(COIN)}
        if kind == "token":
            return {"to": token, "data": _transfer(to, TOKEN)}
        if kind == "token in a batch":
            members = [f"0x{chance.getrandbits(160):040x}" for _ in range(4)]
            data = call_data("Forwarder", "disperseToken", token, [*members, to], [TOKEN] * 5)
            return {"to": forwarder, "data": data}
        method = "forward" if kind == "internal" else "destroyInto"
        return {"to": forwarder, "value": hex(COIN), "data": call_data("Forwarder", method, to)}

    extra: dict[int, list[dict[str, Any]]] = {}
    places = [number * 5 % len(KINDS) for number in range(len(KINDS))]  # so that each kind is among the newest
    for number, (to, kind) in zip(places, built.paid.items(), strict=True):
        extra.setdefault((number * 2 + 1) * BLOCKS // (2 * len(KINDS)), []).append(paying(to, kind))
    for to in built.lied:
        lies = (
            {"to": forwarder, "value": hex(COIN), "data": call_data("Forwarder", "pretend", to)},
            {"to": evil, "data": call_data("Hostile", "forge", to, TOKEN)},
        )
        extra.setdefault(BLOCKS // 3, []).extend(lies)
    for number in range(BLOCKS):
        mine = [(payer, fields) for fields in extra.get(number, [])]
        traffic.send([*mine, *traffic.noise(chance, token, PER_BLOCK - len(mine))])
        anvil.rpc("evm_mine")
    anvil.automine(True)
    anvil.rpc("anvil_autoImpersonateAccount", False)
    built.last = int(anvil.rpc("eth_blockNumber"), 16)
    return built


# --- the reference


@dataclass(slots=True)
class Cost:
    """What was asked of the node, and what came of it."""

    calls: int = 0
    requests: int = 0
    bytes: int = 0
    seconds: float = 0.0
    most: int = 0
    found: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        return f"{self.calls} calls, {self.requests} HTTP requests, {self.bytes / 1e6:.2f} MB, {self.seconds:.2f} s"


def reference(url: str, tokens: Sequence[str], watched: set[str], first: int, last: int) -> Cost:
    """Scan blocks and logs, as other gateways do."""
    cost, session, began = Cost(), requests.Session(), time.perf_counter()

    def ask(method: str, *params: Any) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        answer = session.post(url, data=body, headers=JSON, timeout=20).content
        cost.calls, cost.requests, cost.bytes = cost.calls + 1, cost.requests + 1, cost.bytes + len(body) + len(answer)
        return json.loads(answer)["result"]

    for number in range(first, last + 1):
        for tx in ask("eth_getBlockByNumber", hex(number), True)["transactions"]:
            to = (tx["to"] or "").lower()
            if (
                to in watched
                and int(tx["value"], 16)
                and ask("eth_getTransactionReceipt", tx["hash"])["status"] == "0x1"
            ):
                cost.found.add(to)
    for start in range(first, last + 1, WINDOW):
        for token in tokens:
            wanted = {"address": token, "topics": [TRANSFER], "fromBlock": hex(start)}
            logs = ask("eth_getLogs", wanted | {"toBlock": hex(min(start + WINDOW - 1, last))})
            cost.found |= {
                to for log in logs if (to := "0x" + log["topics"][2][26:]) in watched and int(log["data"], 16)
            }
    cost.seconds = time.perf_counter() - began
    return cost


# --- ours


class Labelled:
    """A chain whose costs are put down to one purpose."""

    def __init__(self, chain: EvmChain, weight: Counter[str], costs: dict[str, Cost], purpose: str) -> None:
        self._chain, self._weight, self._cost = chain, weight, costs.setdefault(purpose, Cost())

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._chain, name)
        return self._counted(found) if callable(found) else found

    def _counted(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            before = self._chain.calls.total(), self._chain.meter.requests, self._weight["bytes"], time.perf_counter()
            try:
                return method(*args, **kwargs)
            finally:
                self._cost.calls += self._chain.calls.total() - before[0]
                requests = self._chain.meter.requests - before[1]
                self._cost.requests += requests
                self._cost.most = max(self._cost.most, requests)
                self._cost.bytes += self._weight["bytes"] - before[2]
                self._cost.seconds += time.perf_counter() - before[3]

        return counted


def weighed(chain: EvmChain) -> Counter[str]:
    """Count the bytes that a client's first endpoint sends and gets."""
    weight: Counter[str] = Counter()
    transport: Any = chain._pool.endpoints[0]._rpc._transport
    post = transport.post

    def counted(url: str, data: bytes) -> bytes:
        answer: bytes = post(url, data)
        weight["bytes"] += len(data) + len(answer)
        return answer

    transport.post = counted
    return weight


DECIDING, EXPLAINING, SLOWER = "deciding", "explanations", "slower tiers"


def labelled(world: Any) -> dict[str, Cost]:
    """Rebuild a world's scanner so that each question is put down to what it was asked for."""
    costs: dict[str, Cost] = {}
    weight = weighed(world.chain)
    purposes = {purpose: Labelled(world.chain, weight, costs, purpose) for purpose in (DECIDING, EXPLAINING, SLOWER)}
    made, chain = world.new_scanner(), purposes[DECIDING]
    world.scanner = replace(
        made,
        chain=chain,
        follower=replace(made.follower, chain=chain),
        trust=replace(made.trust, chain=chain),
        looker=replace(made.looker, explainer=replace(made.looker.explainer, chain=purposes[EXPLAINING])),
        strays=replace(made.strays, chain=purposes[SLOWER]),
        other_ms=60_000,
        monitor_ms=60_000,
    )
    return costs


def open_payments(world: Any, addresses: Sequence[str], kinds: Sequence[str]) -> list[Payment]:
    """Put payments straight into the store; the coin is due but where the kind says a token."""
    coin, token = world.create(COIN), world.create(TOKEN, asset="USDC")
    state = world.stores.payments._state
    for template in (coin, token):
        del state.payments[template.id], state.addresses[template.due.address.lower()]
    made = []
    for number, address in enumerate(addresses):
        kind = kinds[number] if number < len(kinds) else ("native", "token")[number % 2]
        template = token if kind.startswith("token") else coin
        payment = template.changed(id=f"00000000-0000-4000-9000-{number:012d}", address=address)
        state.payments[payment.id] = payment
        state.addresses[address] = payment.id
        made.append(payment)
    return made


@dataclass(slots=True)
class Pass:
    """One pass of ours after a long silence."""

    costs: dict[str, Cost]
    seconds: float
    found: set[str]
    explained: int


def ours(world: Any, payments: Sequence[Payment], since: int) -> Pass:
    """Scan once; the last scanner stopped at block `since`."""
    costs = labelled(world)
    run = world.run = world.new_run()
    world.scanner.trust.check_once()  # once a process, not once a pass
    header = world.chain.blocks([since])[since]
    state = world.stores.money
    state.beat(Tip(chain="anvil", fence=run.fence.number, number=since, hash=header.hash, block_time=header.time))
    for cost in costs.values():
        cost.calls = cost.requests = cost.bytes = 0
        cost.seconds = 0.0
    run.others_at = world.clock.now()
    began = time.perf_counter()
    run.one()
    seconds = time.perf_counter() - began
    once, deciding = replace(costs[DECIDING]), costs[DECIDING]
    run.others_at = 0  # the slower tiers, in a pass of their own
    run.one()
    deciding.calls, deciding.requests, deciding.bytes = once.calls, once.requests, once.bytes
    deciding.seconds = once.seconds
    after = [world.payment(payment.id) for payment in payments]
    paid = [payment for payment in after if payment.status is not Status.PENDING]
    explained = sum(all(each.tx_hash for each in payment.seen.transfers) for payment in paid)
    return Pass(
        costs, seconds, {payment.due.address for payment in paid if payment.own.credited >= payment.target}, explained
    )


# --- how long after its block


@dataclass(slots=True)
class Latency:
    """Seconds from a block to `payment.detected`, and how often the scanner changed."""

    seconds: list[float] = field(default_factory=list)
    scanners: int = 0
    lost: int = 0


@dataclass(slots=True)
class Rhythm:
    """A chain that mines each second, and a schedule that is late by chance.

    As deployed, a scanner runs eight seconds longer than its schedule's period, which is longer than the schedule is
    late; here the period is shorter than a minute, so that there are more hand-overs.
    """

    anvil: Any
    world: Any
    period: float = 10.0
    jitter: float = 5.0
    overlap: float = 8.0
    chance: random.Random = field(default_factory=lambda: random.Random(3))  # noqa: S311 - schedules, not secrets
    clock: SystemClock = field(default_factory=SystemClock)
    over: threading.Event = field(default_factory=threading.Event)
    guard: threading.Lock = field(default_factory=threading.Lock)
    waiting: list[str] = field(default_factory=list)
    included: dict[str, float] = field(default_factory=dict)
    scanners: int = 0

    def mine(self) -> None:
        """Mine each second, and note when whatever waits was included."""
        upcoming = time.monotonic()
        while not self.over.is_set():
            upcoming += 1.0
            self.over.wait(max(0.0, upcoming - time.monotonic()))
            with self.guard:
                self.anvil.rpc("evm_mine")
                self.included.update(dict.fromkeys(self.waiting, time.monotonic()))
                self.waiting.clear()

    def schedule(self) -> None:
        """Start a scanner each period, late by chance."""
        began = time.monotonic()
        while not self.over.is_set():
            late = self.chance.random() * self.jitter
            self.over.wait(max(0.0, began + self.scanners * self.period + late - time.monotonic()))
            self.scanners += 1
            threading.Thread(target=self.scan, daemon=True).start()

    def scan(self) -> None:
        """Scan for one invocation, with a client of its own."""
        made = self.world.new_scanner()
        scanner = replace(made, clock=self.clock, other_ms=60_000, monitor_ms=60_000, sweep_ms=10**9)
        scanner.run(self.clock.now() + round((self.period + self.overlap) * 1000))


def latency(anvil: Any, payments: int = 60) -> Latency:
    """Pay one payment each second, at any moment between two blocks, and time each from its block to its event."""
    from tests.detection.node_world import NodeWorld

    world: Any = NodeWorld(anvil)
    rhythm = Rhythm(anvil, world)
    world.clock, world.chain = rhythm.clock, EvmChain(world.network, [anvil.url], rhythm.clock)
    opener = replace(world.creator.opener, clock=rhythm.clock)
    world.creator = replace(world.creator, clock=rhythm.clock, opener=opener)
    anvil.rpc("anvil_removeBlockTimestampInterval")
    anvil.automine(False)
    told: dict[str, float] = {}
    _hear(world, told)
    made = [world.create(COIN + number) for number in range(payments)]
    threads = [threading.Thread(target=work, daemon=True) for work in (rhythm.mine, rhythm.schedule)]
    for thread in threads:
        thread.start()
    _until(lambda: world.stores.money.tips(["anvil"])["anvil"].number > 0)
    traffic = Traffic(anvil)
    for payment in made:
        rhythm.over.wait(0.3 + rhythm.chance.random() * 1.2)
        with rhythm.guard:
            traffic.send([(traffic.accounts[0], {"to": payment.due.address, "value": hex(payment.due.amount)})])
            rhythm.waiting.append(payment.id)
    _until(lambda: len(told) == payments)
    rhythm.over.set()
    for thread in threads:
        thread.join()
    world.stores.money.take("anvil")  # whoever still scans is superseded
    seconds = [told[each.id] - rhythm.included[each.id] for each in made if each.id in told]
    return Latency(seconds, rhythm.scanners, payments - len(seconds))


def _hear(world: Any, told: dict[str, float]) -> None:
    commit = world.stores.payments.commit

    def heard(change: Any) -> None:
        commit(change)
        if change.event and change.event.type == "payment.detected":
            told.setdefault(change.after.id, time.monotonic())

    world.stores.payments.commit = heard


def _until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.05)


# --- the table


def rows() -> list[Figure]:
    """Measure everything."""
    return list(figures())


def figures() -> Iterator[Figure]:
    """Measure, and tell each figure as it comes."""
    from tests.evm_support import address, running_anvil

    addresses = [address(number).lower() for number in range(max(OPEN))]
    # States past the newest 400 are dropped, not spilled to disk: nobody asks for them, and spilling is slow.
    with running_anvil("--prune-history", "400") as anvil:
        began = time.perf_counter()
        built = build(anvil, addresses)
        seconds = time.perf_counter() - began
        yield Figure("chain of 1,000 blocks, 20,000 transactions", seconds, "s", detail="built for both methods")
        yield from _idle(anvil)
        for many in OPEN:
            yield from _beside(anvil, built, addresses[:many], many)
    with running_anvil() as anvil:
        yield from _latency(anvil)


def _idle(anvil: Any) -> Iterator[Figure]:
    from tests.detection.node_world import NodeWorld

    world = NodeWorld(anvil)
    before = world.chain.meter.requests
    passes = world.scanner.run(world.clock.now() + 60_000)
    asked = world.chain.meter.requests - before
    yield Figure("idle chain: requests in a minute", asked, "calls", 0, f"{passes} passes")


def _beside(anvil: Any, built: Ledger, addresses: Sequence[str], many: int) -> Iterator[Figure]:
    from tests.detection.node_world import NodeWorld

    world = NodeWorld(anvil)
    paid = set(built.paid)
    tokens = [asset.address or "" for asset in world.network.tokens if asset.symbol == "USDC"]
    other = reference(anvil.url, tokens, set(addresses), built.first, built.last)
    mine = ours(world, open_payments(world, addresses, KINDS), built.first - 1)
    name = f"{many:,} open"
    yield Figure(f"{name}: block scanner, calls", other.calls, "calls", detail=str(other))
    missed = Counter(built.paid[each] for each in paid - other.found)
    detail = f"missed: {', '.join(f'{count} {kind}' for kind, count in missed.items()) or 'none'}"
    yield Figure(f"{name}: block scanner, not found of 12", len(paid - other.found), "", detail=detail)
    deciding, explaining, slower = (mine.costs[each] for each in (DECIDING, EXPLAINING, SLOWER))
    goal = DECIDE_GOALS[many]
    yield Figure(
        f"{name}: ours, calls to decide", deciding.calls, "calls", goal, f"{deciding}; whole pass {mine.seconds:.2f} s"
    )
    yield Figure(f"{name}: ours, not found of 12", len(paid - mine.found), "", 0, f"{mine.explained} explained by hash")
    yield Figure(f"{name}: found falsely", len(mine.found - paid), "", 0, f"block scanner {len(other.found - paid)}")
    detail = f"all {len(mine.found)}: {explaining}"
    yield Figure(f"{name}: ours, most requests to explain one", explaining.most, "", EXPLAIN_GOAL, detail)
    yield Figure(f"{name}: ours, slower tiers, once a minute", slower.calls, "calls", detail=str(slower))


def _latency(anvil: Any) -> Iterator[Figure]:
    found = latency(anvil)
    detail = f"{len(found.seconds)} payments, {found.scanners} scanners started 0-5 s late, {found.lost} lost"
    yield Figure("block to detected, p50", percentile(found.seconds, 0.5), "s", detail=detail)
    yield Figure("block to detected, p95", percentile(found.seconds, 0.95), "s", LATENCY_GOAL)
    yield Figure("payments not detected", found.lost, "", 0)


def main() -> int:
    """Print the figures."""
    told = Figure.line if "--json" in sys.argv else Figure.row
    for figure in figures():
        print(told(figure), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
