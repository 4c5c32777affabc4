"""The load that the benchmarks make, against a gateway that answers from memory."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from infra.bench import load
from infra.stack import settings, wallet
from infra.tools.errors import Failed, Refused


class Shop:
    """Counts what it is asked, and over how many connections; `statuses` are given first, then 201 and 200."""

    def __init__(self) -> None:
        self.connections, self.created, self.reads = 0, 0, 0
        self.keys, self.statuses, self.hang_up = set[str](), list[int](), 0
        self.url = ""


@pytest.fixture
def shop() -> Iterator[Shop]:
    """Serve a shop on a free loopback port."""
    told = Shop()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            told.connections += 1

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            told.keys.add(self.headers["Authorization"])
            if told.hang_up:
                told.hang_up -= 1
                self.close_connection = True
                return
            told.created += 1
            self._answer(told.statuses.pop() if told.statuses else 201, {"id": f"p{told.created}"})

        def do_GET(self) -> None:
            ready = self.path == "/health/ready"
            told.reads += not ready
            self._answer(200, {"chains": {"anvil": {"last_scan": "now"}}} if ready else {})

        def _answer(self, status: int, shown: dict[str, Any]) -> None:
            body = json.dumps(shown).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield told
    server.shutdown()
    server.server_close()


def test_each_point_is_bounded_and_keeps_its_connections(shop: Shop) -> None:
    """So many requests and one to open each connection, which is then used to the end, with the key it was given."""
    asker = load.Asker(shop.url, "k")
    point = asyncio.run(asker.point(asker.create, 4, 40))
    assert (point.what, point.connections, len(point.times), point.failed) == ("create", 4, 40, 0)
    assert (shop.created, shop.connections, shop.keys) == (44, 4, {"Bearer k"})
    assert len(asker.made) == 44
    assert asyncio.run(asker.point(asker.read, 2, 10)).what == "read"
    assert shop.reads == 12


def test_what_is_refused_or_broken_off_is_told_and_no_latency(shop: Shop) -> None:
    """A refusal, and a connection that is closed in the middle: both are counted apart, and the rest goes on."""
    shop.statuses, asker = [429, 503], load.Asker(shop.url, "k")
    shop.hang_up = 1
    point = asyncio.run(asker.point(_after_the_first(asker), 1, 20))
    assert (len(point.times), point.failed) == (17, 3)


def _after_the_first(asker: load.Asker) -> Any:
    """Open the connection by a read, so that what is planned happens to what is measured."""
    opened: list[bool] = []

    async def create(connection: load.Connection) -> bool:
        if opened:
            return await asker.create(connection)
        opened.append(True)
        status, _ = await connection.call("GET", "/health")
        return status == 200

    return create


def test_the_asking_process_tells_every_point(shop: Shop) -> None:
    """Creating and reading at each number of connections, from a process of its own."""
    points = list(load.ask(shop.url, "k", 10))
    assert [(each.what, each.connections) for each in points] == [
        (what, count) for what in ("create", "read") for count in load.CONNECTIONS
    ]
    assert [len(each.times) for each in points] == [10] * 8
    opened = sum(load.CONNECTIONS)
    assert shop.created == 1 + load.WARM_REQUESTS + load.WARM_CONNECTIONS + 4 * 10 + opened
    names = [figure.name for figure in points[0].figures("here")]
    assert names == ["create at 1, here: p50", "create at 1, here: p99", "create at 1, here: answers"]
    assert all(figure.goal is None for figure in points[0].figures("here"))


def test_no_answer_at_all_is_no_figure() -> None:
    """A gateway that answers nothing fails the benchmark."""
    with pytest.raises(Failed, match="none of 3"):
        list(load.Point("create", 1, (), 3.0, 3, 0.1).figures("here"))


def test_a_database_that_cannot_run_here_is_left_out_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a JDK the rest is measured all the same."""
    monkeypatch.setattr(load, "BACKENDS", {"java": "DynamoDB Local"})
    monkeypatch.setattr(load, "_missing", lambda: "no javac was found.")
    lines: list[str] = []
    assert list(load.figures(lines.append)) == []
    assert lines == ["load on DynamoDB Local is left out: no javac was found."]


def test_only_known_databases_are_started() -> None:
    """A mistyped one is refused in a line."""
    free = {f"CTRIP_{name}_PORT": "0" for name in ("API", "ANVIL", "AWS")}
    assert settings.from_environment(free).dynamodb == "dynoxide"
    assert settings.from_environment(free | {"CTRIP_DYNAMODB": "java"}).dynamodb == "java"
    with pytest.raises(Refused, match="CTRIP_DYNAMODB=sqlite"):
        settings.from_environment(free | {"CTRIP_DYNAMODB": "sqlite"})


FREE = {f"CTRIP_{name}_PORT": "0" for name in ("API", "ANVIL", "AWS")}
USDC_ON_ETHEREUM = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"CTRIP_TREASURY": "nonsense"}, "no address"),
        ({"CTRIP_TREASURY": USDC_ON_ETHEREUM}, "contract of USDC"),
        ({"CTRIP_TREASURY": "0xa0B86991c6218b36c1d19D4a2e9Eb0cE3606eB49"}, "checksum"),
        ({"CTRIP_TREASURY": "0x" + "0" * 40}, "zero address"),
        ({"CTRIP_TREASURY": '{"etherum": "0x"}'}, "there are"),
        ({"CTRIP_TREASURY": '{"ethereum": '}, "JSON"),
        ({"CTRIP_TREASURY": wallet.gas_station().address}, "the gas station's own address"),
        ({"CTRIP_TREASURY": wallet.operator().address.lower()}, "the operator's own address"),
        ({"CTRIP_TREASURY": wallet.derive("m/44'/60'/1'/0/3").address}, "a merchant's own address"),
        ({"CTRIP_TREASURY_CONTRACT": "etherum"}, "there are"),
        ({"CTRIP_CHAINS": "anvil,dogecoin"}, "dogecoin"),
        ({"CTRIP_RPC": "{"}, "CTRIP_RPC is malformed"),
    ],
)
def test_what_the_gateway_would_refuse_is_refused_before_anything_starts(given: dict[str, str], words: str) -> None:
    """In one line, which `make up` and `make demo` print with exit code 2."""
    with pytest.raises(Refused, match=words) as refused:
        settings.from_environment(FREE | given)
    assert "\n" not in str(refused.value)


def test_a_treasury_of_ones_own_is_taken() -> None:
    """Also the local mnemonic's first address, which is the default."""
    for address in (wallet.treasury().address, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"):
        settings.from_environment(FREE | {"CTRIP_TREASURY": address})
