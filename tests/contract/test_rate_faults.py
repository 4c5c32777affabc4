"""Exchanges that answer late, with nonsense, too much or not at all: out, and left alone for a while."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ctrip.domain.breaker import FAILURES_TO_OPEN, LONGEST_REST_MS
from ctrip.domain.errors import SourceOut
from ctrip.net.coinbase import Coinbase
from ctrip.net.exchange import MAX_BYTES, ExchangeApi
from ctrip.net.kraken import Kraken
from tests.fakes.clock import FakeClock
from tests.support.dripping import DRIPS, dripping

LIMIT = 0.3
GOOD = b'{"data": {"currency": "USD", "rates": {"ETH": "0.0004", "EUR": "0.9"}}}'


class Server(ThreadingHTTPServer):
    """Answers each question with what is next, and counts them."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.body, self.headers, self.asked = 200, GOOD, dict[str, str](), 0

    def handle_error(self, *_: Any) -> None:
        """A client that hung up is what some tests are about."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked += 1
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def running() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    """An exchange that answers as it is told."""
    with running() as made:
        yield made


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands."""
    return FakeClock()


def api(port: int, clock: FakeClock, *, loopback: bool = True) -> ExchangeApi:
    return ExchangeApi(f"http://127.0.0.1:{port}", clock, seconds=LIMIT, loopback=loopback)


def coinbase(server: Server, clock: FakeClock) -> Coinbase:
    return Coinbase(api(server.server_port, clock), clock)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"ETH"',
        b"\xff\xfe",
        b'{"data": null}',
        b'{"data": {"currency": "EUR", "rates": {"ETH": "1"}}}',
        b'{"data": {"currency": "USD", "rates": "none"}}',
        b'{"data": {"currency": "USD"}}',
        b"[" * 100_000,
    ],
)
def test_nonsense_is_no_answer(server: Server, clock: FakeClock, body: bytes) -> None:
    server.body = body
    with pytest.raises(SourceOut):
        coinbase(server, clock).quotes(["ETH"])


@pytest.mark.parametrize(
    "value", ['"0"', '"-1"', '"NaN"', '"1e-4"', "0.0004", "null", "[]", '"0.0004 "', '"' + "9" * 99 + '"']
)
def test_one_rate_that_is_nonsense_fails_alone(server: Server, clock: FakeClock, value: str) -> None:
    server.body = GOOD.replace(b'"0.0004"', value.encode())
    found = coinbase(server, clock).quotes(["ETH", "EUR"])
    assert (list(found.quotes), list(found.failed)) == (["EUR"], ["ETH"])


@pytest.mark.parametrize(
    "result",
    [
        {},
        {"XETHZUSD": {}},
        {"XETHZUSD": {"a": [], "b": []}},
        {"XETHZUSD": {"a": ["2500"], "b": ["2600"]}},
        {"XETHZUSD": {"a": ["2500"], "b": ["2400"]}},
        {"XETHZUSD": {"a": ["0"], "b": ["0"]}},
        {"XETHZUSD": {"a": [2500.5], "b": [2500.4]}},
        {"XETHZUSD": {"a": ["Infinity"], "b": ["1"]}},
    ],
)
def test_a_market_without_a_price_fails_alone(server: Server, clock: FakeClock, result: Any) -> None:
    """Empty, crossed, wide, or with numbers that are none: it would otherwise be as good as a trade."""
    import json

    euro = {"ZEURZUSD": {"a": ["1.1001"], "b": ["1.0999"]}}
    server.body = json.dumps({"error": [], "result": {**euro, **result}}).encode()
    found = Kraken(api(server.server_port, clock), clock).quotes(["ETH", "EUR"])
    assert (list(found.quotes), list(found.failed)) == (["EUR"], ["ETH"])
    assert found.quotes["EUR"].value == "1.1"


def test_an_exchange_that_answers_an_error_is_out(server: Server, clock: FakeClock) -> None:
    server.body = b'{"error": ["EService:Unavailable"]}'
    with pytest.raises(SourceOut):
        Kraken(api(server.server_port, clock), clock).quotes(["ETH"])


@pytest.mark.parametrize("status", [201, 204, 301, 302, 403, 404, 429, 500, 503])
def test_any_other_status_than_200_is_no_answer_and_nobody_is_followed(
    server: Server, clock: FakeClock, status: int
) -> None:
    with running() as elsewhere:
        server.status = status
        server.headers = {"Location": f"http://127.0.0.1:{elsewhere.server_port}/"}
        with pytest.raises(SourceOut, match=str(status)):
            coinbase(server, clock).quotes(["ETH"])
        assert elsewhere.asked == 0


def test_an_answer_without_end_is_cut_off(server: Server, clock: FakeClock) -> None:
    server.body = b"[" + b" " * (MAX_BYTES + 1)
    with pytest.raises(SourceOut, match="over"):
        coinbase(server, clock).quotes(["ETH"])


@pytest.mark.parametrize("drip", DRIPS)
def test_an_exchange_that_drips_is_hung_up_on(clock: FakeClock, drip: str) -> None:
    with dripping(*DRIPS[drip]) as slow:
        with pytest.raises(SourceOut, match="did not answer"):
            Coinbase(api(slow.port, clock), clock).quotes(["ETH"])
        # One that sends nothing sees no connection end.
        assert drip == "silence" or slow.cut.wait(15)


def test_one_that_fails_again_and_again_is_left_alone_and_tried_again_later(server: Server, clock: FakeClock) -> None:
    server.status = 500
    source = coinbase(server, clock)
    for _ in range(FAILURES_TO_OPEN + 3):
        with pytest.raises(SourceOut):
            source.quotes(["ETH"])
    assert server.asked == FAILURES_TO_OPEN
    with pytest.raises(SourceOut, match="it rests after failures: it answered HTTP 500"):
        source.quotes(["ETH"])
    server.status = 200
    clock.at += LONGEST_REST_MS
    assert source.quotes(["ETH"]).quotes["ETH"].value == "2500"
    assert source.quotes(["ETH"]).quotes["ETH"].at == clock.at


def test_an_exchange_whose_name_leads_to_this_machine_is_not_asked(server: Server, clock: FakeClock) -> None:
    """But for the recorded one, which the local stage alone has."""
    with pytest.raises(SourceOut, match="not a public one"):
        Coinbase(api(server.server_port, clock, loopback=False), clock).quotes(["ETH"])
    assert server.asked == 0
