"""The benchmark of creations: webhooks counted, CPU read, builds compared; the gateway is a stand-in in memory."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from pathlib import Path
from typing import Any

import pytest

from infra.bench import creations
from infra.bench.creations import Creator, Receiver, Turn
from infra.bench.figure import Figure
from infra.tools.errors import Failed


async def serve(receiver: Receiver, *, refuse_from: int = 10**9) -> tuple[asyncio.Server, str, list[dict[str, Any]]]:
    """Stand in for a gateway: create what is asked for, and deliver its event where a webhook address is given."""
    asked: list[dict[str, Any]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            if head.startswith(b"GET"):
                body = json.dumps({"chains": {"anvil": {"last_scan": "now"}}}).encode()
            else:
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                asked.append(json.loads(await reader.readexactly(length)))
                body = json.dumps({"id": str(len(asked))}).encode()
                if "webhook_url" in asked[-1]:
                    await deliver(receiver.url)
            status = 503 if len(asked) > refuse_from else 200 if head.startswith(b"GET") else 201
            writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(guarded, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


async def deliver(url: str) -> None:
    """Post an event, as a worker does."""
    host, port = url.removeprefix("http://").split("/")[0].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = b'{"id":"evt_1","type":"payment.created"}'
    writer.write(f"POST /hooks HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204")
    writer.close()


async def turns(process: int | None, **how: Any) -> tuple[list[Turn], list[dict[str, Any]]]:
    """Measure a stand-in."""
    receiver = Receiver()
    listening = await receiver.listen()
    server, url, asked = await serve(receiver, **how)
    try:
        return await Creator(url, "k", receiver, process).turns(30), asked
    finally:
        listening.close()
        server.close()


def test_payments_are_created_without_a_webhook_address_and_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """At each number of connections; what was to be delivered has been, before the next figure."""
    seconds = itertools.count(1)
    monkeypatch.setattr(creations, "cpu_seconds", lambda _: next(seconds))
    found, asked = asyncio.run(turns(1))
    assert [(turn.notified, turn.connections) for turn in found] == [(False, 1), (False, 8), (True, 1), (True, 8)]
    assert all(turn.a_second > 0 for turn in found)
    assert [turn.cpu_ms for turn in found] == [1000 / 31, 1000 / 38] * 2
    assert sum("webhook_url" in each for each in asked) == 10 + 8 + (30 + 1) + (30 + 8)


def test_without_proc_there_is_no_figure_of_cpu() -> None:
    """The rates are told all the same."""
    found, _ = asyncio.run(turns(None))
    assert {turn.cpu_ms for turn in found} == {None}
    named = [figure.name for figure in creations._compared("x", found, found)]
    assert named == ["x", "x: ratio"]


def test_a_creation_that_is_refused_is_no_figure() -> None:
    """The benchmark fails, and says how many."""
    with pytest.raises(Failed, match="of 30 creations failed"):
        asyncio.run(turns(None, refuse_from=170))


def test_two_builds_are_compared_by_the_medians_of_their_turns() -> None:
    """A rate is to be at least so many times the other one's, the CPU at most so much of it."""
    ours = [Turn(False, 1, rate, cpu) for rate, cpu in ((100.0, 1.0), (210.0, 1.3), (900.0, 1.2))]
    theirs = [Turn(False, 1, 100.0, 2.0), Turn(False, 1, 100.0, 2.0), Turn(False, 1, 1.0, 2.0)]
    figures = {figure.name: figure for figure in creations._compared(ours[0].name, ours, theirs)}
    name = "creations at 1, without a webhook address"
    assert figures[name].value == 210
    assert (figures[f"{name}: ratio"].value, figures[f"{name}: ratio"].met) == (2.1, True)
    assert (figures[f"{name}: CPU, ratio"].value, figures[f"{name}: CPU, ratio"].met) == (0.6, True)
    assert [figure.goal for figure in creations._compared("x", ours, [])] == [None, None]


def test_a_goal_may_be_the_least() -> None:
    """As a row and as a line of JSON."""
    slow, fast = (Figure("a", value, "x", 2.0, at_least=True) for value in (1.9, 2.0))
    assert (slow.met, fast.met) == (False, True)
    assert ">= 2" in slow.row()
    assert json.loads(fast.line())["at_least"] is True


@pytest.mark.parametrize("module", ["infra.emulator.api", "infra.local.api"])  # another build's is elsewhere
def test_the_apis_process_is_found_by_its_port_and_its_cpu_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    """And none by another port, nor where the system has no /proc; a process's name may hold anything."""
    monkeypatch.setattr(creations, "PROCESSES", tmp_path)
    assert creations.api_process(4711) is None
    for process, name in ((12, "infra.emulator.runner"), (34, module)):
        (tmp_path / str(process)).mkdir()
        (tmp_path / str(process) / "cmdline").write_bytes(f"python\0-m\0{name}\0".encode())
        (tmp_path / str(process) / "environ").write_bytes(b"A=b\0CTRIP_API_PORT=4711\0")
    (tmp_path / "56").mkdir()  # ended meanwhile
    assert creations.api_process(4711) == 34
    assert creations.api_process(471) is None
    before = " ".join(str(number) for number in range(4, 14))
    (tmp_path / "34" / "stat").write_text(f"34 (py) 1 (x) S {before} 250 50 0 0 20")
    assert creations.cpu_seconds(34) == 300 / os.sysconf("SC_CLK_TCK")
