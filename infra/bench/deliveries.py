"""How fast webhooks arrive: a backlog to one fast receiver, beside endpoints that hang, and one at a time.

And many as they are created, with and without a dead endpoint among ten. The backlog is made while the worker is
stopped by a signal, so that what is measured is the worker alone. Given another checkout, both builds are measured in
turns, each on a gateway of its own that begins empty. Who asks, and receives, is a process of its own:
`python -m infra.bench.deliveries URL KEY REQUESTS`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from infra.bench import commands
from infra.bench.creations import PROCESSES
from infra.bench.figure import Figure, percentile
from infra.bench.load import Asker, Connection
from infra.tools.errors import Failed
from infra.tools.ports import HOST
from infra.tools.process import ROOT, base_env

TURNS, REQUESTS = 3, 400
ENDPOINTS = 10  # of which one hangs
WORKER_PROCESS = "infra.emulator.runner"
WAIT_SECONDS = 240.0
SINGLES, PAUSE_SECONDS = 60, 0.1
FAST, HANGING, FIRST = "deliveries, one fast receiver", "deliveries, one of ten hangs", "commit to first attempt"
RATE_GOALS = {FAST: (270.0, 1.8), HANGING: (100.0, 20.0)}  # a second, and beside the other build
FIRST_GOAL = 1.0
EVENTS, CREATORS = 2_000, 2
ALL_LIVE, ONE_DEAD = "commit to arrival, ten live endpoints", "commit to arrival, one of ten is dead"
DEAD_GOAL = 2.0  # times the wait without the dead one

Say = Callable[[str], None]
Seen = dict[str, list[float]]


def figures(against: Path | None, say: Say) -> Iterator[Figure]:
    """Measure this build, and the other one by turns with it."""
    builds = [ROOT] if against is None else [against, ROOT]
    seen: dict[Path, Seen] = {build: defaultdict(list) for build in builds}
    for number in range(TURNS if against else 1):
        for build in builds:
            say(f"delivering webhooks, turn {number + 1}, in {build} ...")
            for name, values in _turn(build).items():
                seen[build][name] += values
    for name, (goal, ratio) in RATE_GOALS.items():
        ours = statistics.median(seen[ROOT][name])
        yield Figure(name, ours, "a s", goal, at_least=True)
        if against:
            theirs = statistics.median(seen[against][name])
            yield Figure(f"{name}: ratio", ours / theirs, "x", ratio, f"it was {theirs:.1f}", at_least=True)
    waits = seen[ROOT][FIRST]
    yield Figure(f"{FIRST}: p50", percentile(waits, 0.5), "s")
    yield Figure(f"{FIRST}: p95", percentile(waits, 0.95), "s", FIRST_GOAL, f"{len(waits)} payments")
    live, beside = (percentile(seen[ROOT][name], 0.95) for name in (ALL_LIVE, ONE_DEAD))
    detail = f"of {EVENTS} events, each with one id and one payload; {live:.2f} s without the dead one"
    yield Figure(f"{ONE_DEAD}: p95 of the live ones", beside, "s", None, detail)
    yield Figure(f"{ONE_DEAD}: p95, ratio", beside / live, "x", DEAD_GOAL)


def _turn(build: Path) -> Seen:
    with commands.started([sys.executable, "-m", "infra.commands.up"], build) as (about, _):
        command = [sys.executable, "-m", "infra.bench.deliveries", about["api_url"], about["merchant"]["api_key"]]
        done = subprocess.run(
            [*command, str(REQUESTS)], cwd=ROOT, env=base_env(), capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise Failed(f"webhooks could not be delivered in {build}:\n{done.stderr[-2000:]}")
    found: Seen = json.loads(done.stdout)
    return found


# -- the asking process


class Receivers:
    """Receivers on ports of their own, each its own endpoint; the hanging one takes what comes and never answers."""

    def __init__(self) -> None:
        self.came: dict[str, float] = {}  # the first time of each event, by its id
        self.bodies: dict[str, bytes] = {}
        self.waits: list[float] = []
        self.hanging = ""
        self._more = asyncio.Event()
        self._servers: list[asyncio.Server] = []

    async def listen(self, *, answers: bool = True) -> str:
        """Listen on a free port; return the address."""
        server = await asyncio.start_server(self._serve if answers else self._hang, HOST, 0)
        self._servers.append(server)
        return f"http://{HOST}:{server.sockets[0].getsockname()[1]}/hooks"

    async def heard(self, many: int) -> float:
        """Wait until so many events have come; return when the last of them did."""
        while len(self.came) < many:
            self._more.clear()
            await self._more.wait()
        return max(self.came.values())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = next(line for line in head.split("\r\n") if line.startswith("content-length:"))
                body = await reader.readexactly(int(length.split(":")[1]))
                event = json.loads(body)
                if self.bodies.setdefault(event["id"], body) != body:
                    raise Failed(f"event {event['id']} came with two payloads")
                if event["type"] == "payment.created" and event["id"] not in self.came:
                    self.came[event["id"]] = time.monotonic()
                    self.waits.append(time.time() - datetime.fromisoformat(event["timestamp"]).timestamp())
                    self._more.set()
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        except (EOFError, OSError):
            writer.close()

    async def _hang(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.read(65_536):
                pass
        except OSError:
            pass
        writer.close()


class Notifier(Asker):
    """Creates payments whose webhooks go to addresses in turn."""

    def __init__(self, url: str, key: str) -> None:
        super().__init__(url, key)
        self.urls: Iterator[str] = iter(())
        self.sent: Counter[str] = Counter()

    async def create_notified(self, connection: Connection) -> bool:
        """Create a payment whose events go to the next address."""
        url = next(self.urls)
        created = await self.create(connection, webhook_url=url)
        self.sent[url] += created
        return created


@contextmanager
def stopped(process: int) -> Iterator[None]:
    """Stop a process for a while; it is always let go on."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def worker_process(port: int) -> int:
    """Return the process that runs the workers of the gateway on a port."""
    for directory in PROCESSES.glob("[0-9]*"):
        try:
            command = (directory / "cmdline").read_bytes().split(b"\0")
            environment = (directory / "environ").read_bytes().split(b"\0")
        except OSError:  # another user's, or ended meanwhile
            continue
        if WORKER_PROCESS.encode() in command and f"CTRIP_API_PORT={port}".encode() in environment:
            return int(directory.name)
    raise Failed("the worker's process was not found; this benchmark needs /proc")


async def _backlog(notifier: Notifier, process: int, urls: list[str], receivers: Receivers, requests: int) -> float:
    """Create while the worker stands still, then let it go on; return the deliveries a second to those who answer."""
    notifier.urls, notifier.sent, before = itertools.cycle(urls), Counter(), len(receivers.came)
    with stopped(process):
        while notifier.sent.total() < requests:
            await notifier.point(notifier.create_notified, 8, requests)
        begun = time.monotonic()
    answered = sum(many for url, many in notifier.sent.items() if url != receivers.hanging)
    last = await asyncio.wait_for(receivers.heard(before + answered), WAIT_SECONDS)
    return answered / (last - begun)


async def _as_created(notifier: Notifier, urls: list[str], receivers: Receivers) -> list[float]:
    """Create payments for endpoints in turn; return how long after its commit each live one's event arrived."""
    notifier.urls, notifier.sent, before = itertools.cycle(urls), Counter(), len(receivers.came)
    receivers.waits.clear()
    while notifier.sent.total() < EVENTS:
        await notifier.point(notifier.create_notified, CREATORS, EVENTS)
    answered = sum(many for url, many in notifier.sent.items() if url != receivers.hanging)
    await asyncio.wait_for(receivers.heard(before + answered), WAIT_SECONDS)
    return list(receivers.waits)


async def _ask(url: str, key: str, requests: int) -> Seen:
    receivers, process = Receivers(), worker_process(urlsplit(url).port or 80)
    fast = [await receivers.listen() for _ in range(ENDPOINTS - 1)]
    notifier = Notifier(url, key)
    await notifier.warm_up()
    await _backlog(notifier, process, fast[:1], receivers, requests // 4)
    found: Seen = {FAST: [await _backlog(notifier, process, fast[:1], receivers, requests)]}
    receivers.waits.clear()
    notifier.urls = itertools.cycle(fast[:1])
    connection, before = Connection(url, key), len(receivers.came)
    for _ in range(SINGLES):
        await notifier.create_notified(connection)
        await asyncio.sleep(PAUSE_SECONDS)
    connection.close()
    await asyncio.wait_for(receivers.heard(before + SINGLES), WAIT_SECONDS)
    found[FIRST] = list(receivers.waits)
    for name, urls in (
        (ALL_LIVE, [*fast, await receivers.listen()]),
        (ONE_DEAD, [*fast, await receivers.listen(answers=False)]),
    ):
        receivers.hanging = urls[-1] if name is ONE_DEAD else ""
        found[name] = await _as_created(notifier, urls, receivers)
    receivers.hanging = await receivers.listen(answers=False)
    found[HANGING] = [await _backlog(notifier, process, [*fast, receivers.hanging], receivers, requests)]
    return found


def main() -> int:
    """Ask, and print what was seen as JSON."""
    url, key, requests = sys.argv[1:4]
    print(json.dumps(asyncio.run(_ask(url, key, int(requests)))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
