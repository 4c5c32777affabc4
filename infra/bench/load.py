"""Creating and reading payments under load: latencies and throughput by the number of connections.

Who asks is a process of its own, `python -m infra.bench.load URL KEY REQUESTS`: one thread, connections kept alive, one
request at a time on each. It tells what share of one core it took, so that a figure of its own making would show.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from infra.bench import commands
from infra.bench.figure import Figure, percentile
from infra.tools.errors import Failed, Refused
from infra.tools.process import ROOT, base_env

CONNECTIONS = (1, 8, 32, 100)
# For each number of connections; the local stage keeps open payments under 10,000.
SECONDS, REQUESTS = 3.0, 600
WARM_CONNECTIONS, WARM_REQUESTS = 8, 100
ANSWER_SECONDS = 30
READY_SECONDS = 30
BACKENDS = {"dynoxide": "embedded AWS", "java": "DynamoDB Local"}

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Point:
    """What one number of connections saw; times are in seconds, `cpu` is the asking process's share of one core."""

    what: str
    connections: int
    times: tuple[float, ...]
    seconds: float
    failed: int
    cpu: float

    def figures(self, where: str) -> Iterator[Figure]:
        """Name what is worth telling of it."""
        if not self.times:
            raise Failed(f"{self.what} at {self.connections} connections: none of {self.failed} requests was answered")
        name = f"{self.what} at {self.connections}, {where}"
        failed = f", {self.failed} failed" if self.failed else ""
        yield Figure(f"{name}: p50", percentile(self.times, 0.5) * 1000, "ms")
        yield Figure(
            f"{name}: p99", percentile(self.times, 0.99) * 1000, "ms", detail=f"{len(self.times)} answers{failed}"
        )
        share = f"asking took {self.cpu:.0%} of a core"
        yield Figure(f"{name}: answers", len(self.times) / self.seconds, "a s", detail=share)


def figures(say: Say) -> Iterator[Figure]:
    """Put a gateway of its own under load, once on each DynamoDB that this machine can run."""
    for database, where in BACKENDS.items():
        if database == "java" and (missing := _missing()):
            say(f"load on {where} is left out: {missing}")
            continue
        with commands.started([sys.executable, "-m", "infra.commands.up"], ROOT, CTRIP_DYNAMODB=database) as (about, _):
            for point in ask(about["api_url"], about["merchant"]["api_key"]):
                yield from point.figures(where)


def ask(url: str, key: str, requests: int = REQUESTS) -> Iterator[Point]:
    """Run the asking process, with so many requests a point; yield what it saw, point by point."""
    command = [sys.executable, "-m", "infra.bench.load", url, key, str(requests)]
    done = subprocess.run(command, cwd=ROOT, env=base_env(), capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        raise Failed(f"the load could not be made:\n{done.stderr[-2000:]}")
    for line in done.stdout.splitlines():
        seen = json.loads(line)
        yield Point(**seen | {"times": tuple(seen["times"])})


def _missing() -> str:
    from infra.tools import java

    try:
        java.jdk()
    except Refused as refusal:
        return str(refusal)
    return ""


# -- the asking process


class Connection:
    """One connection to the API, kept alive."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._head = f"Host: {parts.netloc}\r\nAuthorization: Bearer {key}\r\n"
        self._writer: asyncio.StreamWriter | None = None

    def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    async def call(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Ask, and return the status and the body of the answer."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        typed = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        self._writer.write(f"{method} {path} HTTP/1.1\r\n{self._head}{typed}\r\n".encode() + body)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = next(line for line in head.lower().split("\r\n") if line.startswith("content-length:"))
        return int(head.split(" ", 2)[1]), await self._reader.readexactly(int(length.split(":")[1]))


class Asker:
    """Creates payments, and reads those that it has created."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url, key
        self._numbers = itertools.count(1)
        self.made: list[str] = []

    async def points(self, requests: int) -> list[Point]:
        """Ask at each number of connections, once what is only done first has been done."""
        await self.warm_up()
        return [await self.point(one, count, requests) for one in (self.create, self.read) for count in CONNECTIONS]

    async def create(self, connection: Connection, **more: Any) -> bool:
        """Create a payment; say whether it was."""
        number = next(self._numbers)
        wanted = {"chain": "anvil", "amount": 10**15 + number, "metadata": {"cart": str(number)}, **more}
        status, body = await connection.call("POST", "/api/v1/payments", json.dumps(wanted).encode())
        if status == 201:
            self.made.append(json.loads(body)["id"])
        return status == 201

    async def read(self, connection: Connection) -> bool:
        """Read a payment; say whether it was shown."""
        payment = self.made[next(self._numbers) % len(self.made)]
        status, _ = await connection.call("GET", f"/api/v1/payments/{payment}")
        return status == 200

    async def point(self, one: Callable[[Connection], Awaitable[bool]], count: int, requests: int) -> Point:
        """Ask on so many connections, for a time or a number of requests, whichever ends first."""
        connections = [Connection(self._url, self._key) for _ in range(count)]
        for connection in connections:
            await one(connection)  # opening it is not what is measured
        times, failed, left = list[float](), 0, itertools.count(1)
        cpu, begun = time.process_time(), time.perf_counter()

        async def keep_asking(connection: Connection) -> None:
            nonlocal failed
            while time.perf_counter() - begun < SECONDS and next(left) <= requests:
                asked = time.perf_counter()
                try:
                    good = await asyncio.wait_for(one(connection), ANSWER_SECONDS)
                except (OSError, EOFError, TimeoutError):
                    good = False
                    connection.close()
                if good:
                    times.append(time.perf_counter() - asked)
                else:
                    failed += 1

        await asyncio.gather(*map(keep_asking, connections))
        seconds = time.perf_counter() - begun
        share = (time.process_time() - cpu) / seconds
        for connection in connections:
            connection.close()
        return Point(one.__name__, count, tuple(times), seconds, failed, share)

    async def warm_up(self) -> None:
        """Have the chain's scanner started, every thread used, and a database's own compiler warm."""
        connection = Connection(self._url, self._key)
        await self.create(connection)
        deadline = time.monotonic() + READY_SECONDS
        while not _scanned(await connection.call("GET", "/health/ready")) and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
        connection.close()
        for one in (self.create, self.read):
            await self.point(one, WARM_CONNECTIONS, WARM_REQUESTS)


def _scanned(answer: tuple[int, bytes]) -> bool:
    chains: dict[str, Any] = json.loads(answer[1]).get("chains", {})
    return any(chain.get("last_scan") for chain in chains.values())


def main() -> int:
    """Ask, and print a line of JSON for each point."""
    url, key, requests = sys.argv[1:4]
    for point in asyncio.run(Asker(url, key).points(int(requests))):
        print(json.dumps(asdict(point)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
