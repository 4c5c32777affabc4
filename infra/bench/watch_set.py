"""The scanner's watch set: what 100,000 open payments cost to load, to look at, and to go round once a day.

Two builds can be compared in one run: `figures` runs this file for this checkout and, given another one's root, that
one's own copy of it, which knows the shape of its payments. DynamoDB is answered from memory beneath
botocore, with the bytes that it would send; the chain answers that nobody has paid. What is measured is the gateway's
own work.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

MANY = 100_000
PAGE_BYTES = 2**20
ROUND = 20_000  # addresses of the daily round that are measured
GOALS = {"load": 0.25, "peak memory": 0.6, "quiet pass": 1.0, "daily round": 0.4}
TITLES = {
    "load": ("CPU to load 100,000 open payments", "s"),
    "peak memory": ("peak memory with 100,000 open payments", "MB"),
    "quiet pass": ("CPU of a pass in which nobody paid", "s"),
    "daily round": ("CPU of the daily round, an address", "ms"),
}


def measure() -> dict[str, float]:
    """Measure the build that is on the path."""
    table = _Table()
    world, payments = _world(table)
    started = time.process_time()
    run = world.new_run()
    if hasattr(run, "watch"):
        run.watch.refresh(world.clock.now())
        held = len(run.watch.rows)
    else:
        run._refresh(world.clock.now())
        held = len(run.watched)
    found = {"load": time.process_time() - started}
    if held != MANY:
        raise RuntimeError(f"{held} payments were loaded")
    run.others_at = world.clock.now() + 10**9
    run.one()
    started = time.process_time()
    for _ in range(5):
        world.clock.at += 1000
        run.one()
    found["quiet pass"] = (time.process_time() - started) / 5
    found["peak memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found["daily round"] = _daily(world, run, payments)
    return found


def _daily(world: Any, run: Any, payments: int) -> float:
    """Go round the addresses twice, and measure the second: what can be kept from the first one is."""
    access, at = world.stores.access, world.chain.head()
    access.take_indexes(world.merchant.id, "evm", ROUND)
    spent = 0.0
    for _ in range(2):
        started, done = time.process_time(), False
        access.advance_round(type(access.round("anvil"))(chain="anvil"), next_daily_at=None)
        while not done:
            world.scanner.strays.daily(at, run.fence)
            done = access.round("anvil").index >= ROUND
        spent = time.process_time() - started
    return spent / ROUND * 1000


class _Table:
    """Answers queries of the index `watch` and batches of payments with the bytes of real items."""

    def __init__(self) -> None:
        self.pages: dict[str, list[bytes]] = {}
        self.items: dict[str, str] = {}

    def fill(self, items: Iterator[dict[str, Any]]) -> None:
        """Keep items, and the index's pages over them."""
        rows: dict[str, list[str]] = {}
        for item in map(_encoded, items):
            self.items[item["pk"]["S"]] = json.dumps(item)
            row = {name: item[name] for name in ("pk", "sk", "watch_pk", "watch_sk", "look") if name in item}
            rows.setdefault(item["watch_pk"]["S"], []).append(json.dumps(row))
        for partition, texts in rows.items():
            per_page = max(PAGE_BYTES // len(texts[0]), 1)
            parts = [texts[start : start + per_page] for start in range(0, len(texts), per_page)]
            self.pages[partition] = [_page(part, last=part is parts[-1]) for part in parts]

    def answer(self, operation: str, asked: dict[str, Any]) -> bytes:
        """Answer one request."""
        if operation == "BatchGetItem":
            ((name, wanted),) = asked["RequestItems"].items()
            found = [self.items[key["pk"]["S"]] for key in wanted["Keys"]]
            return f'{{"Responses": {{"{name}": [{", ".join(found)}]}}, "UnprocessedKeys": {{}}}}'.encode()
        values = [each["S"] for each in asked["ExpressionAttributeValues"].values()]
        pages = next((self.pages[value] for value in values if value in self.pages), [])
        if len(values) > 1:  # raised lately: nothing was
            return b'{"Items": [], "Count": 0}'
        start = asked.get("ExclusiveStartKey")
        number = 0 if start is None else self._next[start["pk"]["S"]]
        if not pages:
            return b'{"Items": [], "Count": 0}'
        if number + 1 < len(pages):
            last = json.loads(pages[number])["LastEvaluatedKey"]["pk"]["S"]
            self._next[last] = number + 1
        return pages[number]

    _next: dict[str, int] = {}


def _page(rows: list[str], *, last: bool) -> bytes:
    more = "" if last else f', "LastEvaluatedKey": {rows[-1]}'
    return f'{{"Items": [{", ".join(rows)}], "Count": {len(rows)}{more}}}'.encode()


def _encoded(item: dict[str, Any]) -> dict[str, Any]:
    """Spell bytes as DynamoDB's JSON does."""
    from base64 import b64encode

    return {
        name: {kind: b64encode(held).decode() if kind == "B" else held for kind, held in value.items()}
        for name, value in item.items()
    }


def _world(table: _Table) -> tuple[Any, int]:
    """Build a gateway in memory whose payments lie behind botocore."""
    from dataclasses import replace

    from botocore.awsrequest import AWSResponse
    from botocore.httpsession import URLLib3Session

    from ctrip.store.layout import payment_item
    from ctrip.store.payments import DynamoPayments
    from tests.world import World

    class Raw:
        """A body that botocore reads."""

        def __init__(self, body: bytes) -> None:
            self._body = body

        def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
            yield self._body

    def send(_: Any, request: Any) -> AWSResponse:
        operation = request.headers["X-Amz-Target"].decode().rsplit(".", 1)[1]
        body = table.answer(operation, json.loads(request.body))
        headers: Any = {"content-type": "application/x-amz-json-1.0"}
        return AWSResponse(request.url, 200, headers, Raw(body))

    URLLib3Session.send = send  # type: ignore[method-assign, assignment]
    world = World()
    made = world.create(10**18, expires_in=86_400, metadata=(("cart", "9913"),))
    address = int(made.due.address, 16)

    def items() -> Iterator[dict[str, Any]]:
        for number in range(MANY):
            name = f"{number:08x}-0000-4000-8000-{number:012x}"
            other = f"0x{(address + number) % 2**160:040x}"
            yield payment_item(made.changed(id=name, address=other, raised_at=made.times.raised_at + number))

    table.fill(items())
    world.clock.at += 600_000
    world.chain.mine(600)
    world.stores.payments = DynamoPayments("local", clock=world.clock)
    chain = type("Nobody", (), {"__getattr__": lambda _, name: getattr(world.chain, name)})()
    chain.balances = lambda at, wanted: [0] * len(wanted)
    scanner = world.new_scanner()
    parts: dict[str, Any] = {"chain": chain, "monitor_ms": 10**9, "other_ms": 10**9, "sweep_ms": 10**9}
    world.scanner = replace(scanner, **parts, strays=replace(scanner.strays, chain=chain))
    return world, MANY


def figures(against: Path | None, told: Callable[[str], None]) -> Iterator[Any]:
    """Measure this checkout, and the other one beside it, in processes of their own; the ratios have goals."""
    from infra.bench.figure import Figure
    from infra.tools.process import ROOT

    told("measuring the watch set of this build ...")
    ours = _measured(ROOT)
    told("measuring the watch set of the other build ...") if against else None
    theirs = _measured(against) if against else {}
    for name, (title, unit) in TITLES.items():
        yield Figure(title, ours[name], unit, 350.0 if name == "peak memory" else None)
        if theirs:
            yield Figure(
                f"{title}: ratio", ours[name] / theirs[name], "x", GOALS[name], f"it was {theirs[name]:.3f} {unit}"
            )


def _measured(root: Path) -> dict[str, float]:
    from infra.tools.process import ROOT

    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(str(root / part) for part in ("", "layers/core")),
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",  # of an account that does not exist
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9",
    }
    file = root / Path(__file__).relative_to(ROOT)
    done = subprocess.run([sys.executable, str(file)], cwd=root, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        from infra.tools.errors import Failed

        raise Failed(f"the watch set of {root} could not be measured:\n{done.stderr[-2000:]}")
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


if __name__ == "__main__":
    print(json.dumps(measure()))
