"""The dashboard's overview over 100,000 payments, on DynamoDB Local: it reads sums, and how they are counted is told.

Who loads the payments and asks is a process of its own, `python -m infra.bench.overview`, once a gateway runs.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import httpx

from infra.bench import commands
from infra.bench.figure import Figure, percentile
from infra.stack import wallet
from infra.stack.handle import find
from infra.tools import java
from infra.tools.awsenv import aws_env
from infra.tools.errors import Failed, Refused
from infra.tools.process import ROOT, base_env

MANY = 100_000
DAYS = 30
ASKED = 100
WRITERS, AT_ONCE = 6, 500
GOAL_MS = 300.0
DAY_MS = 86_400_000


def figures(say: Callable[[str], None]) -> Iterator[Figure]:
    """Load a gateway of its own, count its events, and ask for the overview."""
    try:
        java.jdk()
    except Refused as refusal:
        say(f"the overview is left out: {refusal}")
        return
    with commands.started([sys.executable, "-m", "infra.commands.up"], ROOT, CTRIP_DYNAMODB="java"):
        command = [sys.executable, "-m", "infra.bench.overview"]
        env = base_env() | {"CTRIP_LOCAL_DIR": commands.STATE}
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=1800)
    if done.returncode:
        raise Failed(f"the overview could not be measured:\n{done.stderr[-2000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    told = f"{MANY:,} payments, {found['events']:,} events counted"
    yield Figure("overview: p50", percentile(found["page"], 0.5), "ms")
    yield Figure("overview: p95", percentile(found["page"], 0.95), "ms", GOAL_MS, told)
    yield Figure("overview, the part that is polled: p95", percentile(found["part"], 0.95), "ms", GOAL_MS)
    yield Figure("counting events into figures", found["events"] / found["count_seconds"], "a s")


# -- the asking process


def main() -> int:
    """Load, count, ask, and print what was seen as JSON."""
    gateway = find()
    os.environ |= aws_env(gateway.about["aws_endpoint_url"]) | {"CTRIP_STAGE": "local", "CTRIP_CHAINS": "anvil"}
    os.environ |= {"CTRIP_VERIFYING_KEY": wallet.verifying_key()}
    from ctrip.bootstrap.aws import AwsAdapters
    from ctrip.bootstrap.composition import Stage

    stage = Stage(AwsAdapters())
    _load(gateway.about["merchant"]["id"], stage.clock.now())
    begun, events, loaded = time.perf_counter(), 0, stage.clock.now()
    # The gateway counts beside it, once a minute: of two at once one counts, and goes on where the other ended.
    while stage.figures.reader.totals().until < loaded - 60_000:
        events += stage.figures.counter.run()
    took = time.perf_counter() - begun
    counted = sum(each.payments for each in stage.figures.reader.totals().standings)
    if counted < MANY:
        raise RuntimeError(f"{counted} payments were counted")
    seen = {"page": _asked(gateway.about, {}), "part": _asked(gateway.about, {"HX-Request": "true"})}
    print(json.dumps({**seen, "events": events, "count_seconds": took}))
    return 0


def _load(merchant_id: str, now: int) -> None:
    """Store the payments of a month, two of three of them paid, with the events that told of it."""
    from ctrip.store import tables
    from ctrip.store.engine.database import Database

    database = Database("local")
    rows = _items(merchant_id, now)
    with ThreadPoolExecutor(WRITERS) as pool:
        while part := list(islice(rows, AT_ONCE * WRITERS)):
            slices = [part[start : start + AT_ONCE] for start in range(0, len(part), AT_ONCE)]
            list(pool.map(lambda held: _stored(database, held), slices))
    # The gateway may have begun to count before they were there.
    database.delete_batch(database.tables.events, [tables.totals_key()])


def _stored(database: Any, rows: list[tuple[str, dict[str, Any]]]) -> None:
    for table in ("payments", "events"):
        database.put_batch(getattr(database.tables, table), [item for name, item in rows if name == table])


def _items(merchant_id: str, now: int) -> Iterator[tuple[str, dict[str, Any]]]:
    from dataclasses import replace

    from ctrip.domain.payments.payment import Status
    from ctrip.domain.webhooks.events import Event, Subject
    from ctrip.store import tables
    from ctrip.store.layout import event_item, payment_item
    from ctrip.views.events import event_body
    from tests.world import World

    made = replace(World().create(12_500_000, asset="USDC"), merchant_id=merchant_id)

    def told(payment: Any, name: str, was: str, at: int, number: int) -> dict[str, Any]:
        ulid = f"{tables.ulid_floor(at)}{number:016d}"
        event = Event(
            ulid=ulid,
            type=name,
            merchant_id=merchant_id,
            subject=Subject.payment(payment.id),
            payment_id=payment.id,
            at=at,
            body=event_body(name, ulid, payment, at, None),
            was=was,
        )
        return event_item(event)

    for number in range(MANY):
        at = now - DAYS * DAY_MS + number * (DAYS * DAY_MS - 600_000) // MANY
        new = made.changed(
            id=f"{number:08x}-0000-4000-8000-{number:012x}",
            address=f"0x{number + 2**100:040x}",
            created_at=at,
            updated_at=at,
            raised_at=at,
        )
        yield "events", told(new, "payment.created", "", at, number)
        if number % 3:
            paid = new.changed(status=Status.PAID, updated_at=at + 60_000, paid_at=at + 60_000)
            yield "events", told(paid, "payment.paid", "confirmed", at + 60_000, number)
            new = paid
        # Of a tier that no scanner looks at: what is measured is the overview.
        item = payment_item(new)
        yield "payments", {name: held for name, held in item.items() if not name.startswith("watch_")}


def _asked(about: dict[str, Any], headers: dict[str, str]) -> list[float]:
    """Ask for the overview as a browser does, one request after the other; return milliseconds."""
    with httpx.Client(base_url=about["api_url"], timeout=30) as browser:
        form = re.search(r'name="csrf" value="([0-9a-f]+)"', browser.get("/admin/login").text)
        browser.post("/admin/login", data={"csrf": form.group(1) if form else "", **about["admin"]})
        times = []
        for number in range(ASKED + 10):
            begun = time.perf_counter()
            answer = browser.get("/admin", headers=headers)
            took = (time.perf_counter() - begun) * 1000
            if answer.status_code != 200:
                raise RuntimeError(f"the overview answered {answer.status_code}")
            times += [took] if number >= 10 else []
    return times


if __name__ == "__main__":
    sys.exit(main())
