"""What a creation costs on the running gateway: its rate, and the CPU that the API's process spends on it.

And what the first one costs in a fresh interpreter (`first.py`). Given another checkout, both builds are measured in
turns, each turn on a gateway of its own that begins empty, and the ratios of their medians have goals. Who asks, and
receives the webhooks, is a process of its own: `python -m infra.bench.creations URL KEY REQUESTS`.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from infra.bench import commands, first
from infra.bench.figure import Figure
from infra.bench.load import Asker, Connection
from infra.tools.errors import Failed
from infra.tools.ports import HOST
from infra.tools.process import ROOT, base_env

TURNS, REQUESTS = 5, 300
CONNECTIONS = (1, 8)
DELIVERED_SECONDS = 60.0
RATE_GOALS = {False: 2.0, True: 1.3}  # by whether the payments have a webhook address
CPU_GOAL = 0.65
API_PROCESS = re.compile(rb"-m\0[\w.]+\.api\0")  # another build may have it elsewhere
PROCESSES = Path("/proc")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Turn:
    """What one number of connections saw in one turn; `cpu_ms` is None where the system does not show it."""

    notified: bool
    connections: int
    a_second: float
    cpu_ms: float | None

    @property
    def name(self) -> str:
        """Name what was measured."""
        return f"creations at {self.connections}, {'with' if self.notified else 'without'} a webhook address"


def figures(against: Path | None, say: Say) -> Iterator[Figure]:
    """Measure this build, and the other one by turns with it."""
    builds = [ROOT] if against is None else [against, ROOT]
    seen: dict[Path, dict[str, list[Turn]]] = {build: defaultdict(list) for build in builds}
    starts: dict[Path, list[float]] = {build: [] for build in builds}
    for number in range(TURNS if against else 1):
        for build in builds:
            say(f"creating payments, turn {number + 1}, in {build} ...")
            with commands.started(commands.up_of(build), build) as (about, _):
                for turn in _turn(build, about):
                    seen[build][turn.name].append(turn)
                starts[build] += first.measured(build, about)
    yield from first.compared(starts[ROOT], starts[against] if against else [])
    for name, ours in seen[ROOT].items():
        yield from _compared(name, ours, seen[against][name] if against else [])


def _compared(name: str, ours: list[Turn], theirs: list[Turn]) -> Iterator[Figure]:
    rates = [statistics.median(turn.a_second for turn in turns) for turns in (ours, theirs) if turns]
    yield Figure(name, rates[0], "a s")
    if theirs:
        detail = f"it was {rates[1]:.0f}; medians of {len(theirs)} turns"
        yield Figure(f"{name}: ratio", rates[0] / rates[1], "x", RATE_GOALS[ours[0].notified], detail, at_least=True)
    spent = [[turn.cpu_ms for turn in turns if turn.cpu_ms is not None] for turns in (ours, theirs) if turns]
    if not all(spent):
        return
    cpu = [statistics.median(each) for each in spent]
    yield Figure(f"{name}: CPU of the API's process", cpu[0], "ms")
    if theirs:
        goal = None if ours[0].notified else CPU_GOAL
        yield Figure(f"{name}: CPU, ratio", cpu[0] / cpu[1], "x", goal, f"it was {cpu[1]:.2f} ms")


def _turn(build: Path, about: dict[str, Any]) -> Iterator[Turn]:
    command = [sys.executable, "-m", "infra.bench.creations", about["api_url"], about["merchant"]["api_key"]]
    done = subprocess.run(
        [*command, str(REQUESTS)], cwd=ROOT, env=base_env(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Failed(f"payments could not be created in {build}:\n{done.stderr[-2000:]}")
    for line in done.stdout.splitlines():
        yield Turn(**json.loads(line))


# -- the asking process


class Receiver:
    """Answers every webhook with 204, and counts the creations among them."""

    def __init__(self) -> None:
        self.url = ""
        self.created = 0
        self._more = asyncio.Event()

    async def listen(self) -> asyncio.Server:
        """Listen on a free loopback port."""
        server = await asyncio.start_server(self._serve, HOST, 0)
        self.url = f"http://{HOST}:{server.sockets[0].getsockname()[1]}/hooks"
        return server

    async def heard(self, many: int) -> None:
        """Wait until so many creations have been delivered."""
        while self.created < many:
            self._more.clear()
            await self._more.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = next(line for line in head.split("\r\n") if line.startswith("content-length:"))
                body = await reader.readexactly(int(length.split(":")[1]))
                self.created += b'"type":"payment.created"' in body
                self._more.set()
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        except (EOFError, OSError):
            writer.close()


class Creator(Asker):
    """Creates payments, by turns without a webhook address and with one."""

    def __init__(self, url: str, key: str, receiver: Receiver, process: int | None) -> None:
        super().__init__(url, key)
        self._receiver, self._process = receiver, process
        self._notified = 0

    async def turns(self, requests: int) -> list[Turn]:
        """Create at each number of connections, once what is only done first has been done."""
        await self.warm_up()
        await self.point(self.create_notified, CONNECTIONS[-1], requests // 3)
        return [await self._turn(notified, count, requests) for notified in RATE_GOALS for count in CONNECTIONS]

    async def create_notified(self, connection: Connection) -> bool:
        """Create a payment with a webhook address; say whether it was."""
        created = await self.create(connection, webhook_url=self._receiver.url)
        self._notified += created
        return created

    async def _turn(self, notified: bool, count: int, requests: int) -> Turn:
        # What was created before is to be delivered before: no worker of it takes part.
        await asyncio.wait_for(self._receiver.heard(self._notified), DELIVERED_SECONDS)
        before, made = self._cpu(), len(self.made)
        point = await self.point(self.create_notified if notified else self.create, count, requests)
        after, many = self._cpu(), len(self.made) - made
        if point.failed or not point.times:
            raise Failed(f"{point.failed} of {requests} creations failed")
        cpu_ms = None if before is None or after is None else (after - before) / many * 1000
        return Turn(notified, count, len(point.times) / point.seconds, cpu_ms)

    def _cpu(self) -> float | None:
        return None if self._process is None else cpu_seconds(self._process)


def api_process(port: int) -> int | None:
    """Return the process that serves the API on a port; None where the system has no /proc."""
    for directory in PROCESSES.glob("[0-9]*"):
        try:
            command = (directory / "cmdline").read_bytes()
            environment = (directory / "environ").read_bytes().split(b"\0")
        except OSError:  # another user's, or ended meanwhile
            continue
        if API_PROCESS.search(command) and f"CTRIP_API_PORT={port}".encode() in environment:
            return int(directory.name)
    return None


def cpu_seconds(process: int) -> float:
    """Return the CPU time that a process has spent, user and system."""
    # Source: proc_pid_stat(5); the name in brackets may hold blanks, utime and stime are fields 14 and 15.
    fields = (PROCESSES / str(process) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _ask(url: str, key: str, requests: int) -> list[Turn]:
    receiver = Receiver()
    server = await receiver.listen()
    try:
        return await Creator(url, key, receiver, api_process(urlsplit(url).port or 80)).turns(requests)
    finally:
        server.close()  # not awaited: the workers keep their connections


def main() -> int:
    """Ask, and print a line of JSON for each number of connections."""
    url, key, requests = sys.argv[1:4]
    for turn in asyncio.run(_ask(url, key, int(requests))):
        print(json.dumps(asdict(turn)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
