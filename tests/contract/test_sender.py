"""What the webhook sender promises: of the fake, and of the real one against a server on loopback."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

import httpcore
import pytest
import trustme

from ctrip.net.receivers import FORBIDDEN, MAX_BYTES, HttpSender
from ctrip.ports.http import KEPT_BYTES, Reply, WebhookSender
from tests.fakes.sender import FakeSender
from tests.support.dripping import DRIPS, dripping

LIMIT = 0.3
PATIENCE = 15.0


@dataclass
class Got:
    """What came to an endpoint."""

    path: str
    headers: dict[str, str]
    body: bytes


class Endpoint(Protocol):
    """A sender, and an endpoint that answers as it is told to."""

    sender: WebhookSender
    url: str

    def answers(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None: ...
    def is_gone(self) -> None: ...
    def got(self) -> list[Got]: ...


@dataclass
class Fake:
    """The fake sender is its own endpoint."""

    sender: FakeSender = field(default_factory=FakeSender)
    url: str = "http://shop.example/hook?a=b"

    def answers(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.sender.replies.append(Reply(status, None, (headers or {}).get("Retry-After")))

    def is_gone(self) -> None:
        self.sender.replies.append(Reply(None, "ConnectError"))

    def got(self) -> list[Got]:
        return [Got(url.partition("example")[2], headers, body) for url, headers, body in self.sender.got]


class Handler(BaseHTTPRequestHandler):
    """Answers what is next, and notes what came."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(Got(self.path, dict(self.headers.items()), body))
        self.server.connections.add(self.client_address)
        status, headers, answer = self.server.answers.pop(0) if self.server.answers else (204, {}, b"")
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        try:
            self.wfile.write(answer)
        except OSError:
            self.server.cut.set()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """An endpoint on loopback."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.got: list[Got] = []
        self.connections: set[Any] = set()
        self.cut = threading.Event()

    def handle_error(self, *_: Any) -> None:
        """A client that hung up is what some tests are about."""
        self.cut.set()


@dataclass
class Real:
    """The real sender, with a server."""

    server: Server
    sender: HttpSender
    closed: bool = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook?a=b"

    def answers(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.server.answers.append((status, headers or {}, body))

    def is_gone(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.closed = True

    def got(self) -> list[Got]:
        return self.server.got


@pytest.fixture
def real() -> Iterator[Real]:
    """A server, and a sender of its own."""
    made = Real(Server(), HttpSender(PATIENCE, loopback=True))
    threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield made
    made.sender._client.close()
    if not made.closed:
        made.is_gone()


@pytest.fixture(params=["fake", "http"])
def endpoint(request: pytest.FixtureRequest) -> Endpoint:
    """An endpoint of either kind."""
    if request.param == "fake":
        return Fake()
    made: Real = request.getfixturevalue("real")
    return made


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299, 400, 401, 404, 409, 410, 418, 429, 500, 502, 503, 599])
def test_every_status_is_data(endpoint: Endpoint, status: int) -> None:
    """What to make of it is another's decision."""
    endpoint.answers(status, body=b"" if status == 204 else b"whatever the endpoint says")
    assert endpoint.sender.post(endpoint.url, {}, b"{}") == Reply(status)


@pytest.mark.parametrize("text", ["120", "0", " 7", "Wed, 21 Oct 2026 07:28:00 GMT", "soon", "-1", "1e9", "9" * 200])
def test_retry_after_is_handed_over_as_it_came(endpoint: Endpoint, text: str) -> None:
    """As a number, a date or nonsense: it is read by the domain."""
    endpoint.answers(503, {"Retry-After": text.strip()})
    assert endpoint.sender.post(endpoint.url, {}, b"{}") == Reply(503, None, text.strip())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(endpoint: Endpoint, status: int) -> None:
    """The body was signed for this address; the next one may be an internal one."""
    endpoint.answers(status, {"Location": endpoint.url.replace("hook", "internal")})
    assert endpoint.sender.post(endpoint.url, {}, b"{}") == Reply(status)
    assert [got.path for got in endpoint.got()] == ["/hook?a=b"]


@pytest.mark.parametrize(
    "body", [b"", b"{}", '{"shop": "\u5e97 \U0001f4b8"}'.encode(), bytes(range(256)), b"x" * 300_000]
)
def test_what_arrives_is_what_was_signed(endpoint: Endpoint, body: bytes) -> None:
    """The body byte for byte, each header as it was given, and the address with its query."""
    given = {"Content-Type": "application/json", "webhook-id": "evt_1", "X-Webhook-Signature": "ab" * 32}
    endpoint.sender.post(endpoint.url, given, body)
    (got,) = endpoint.got()
    assert (got.body, got.path) == (body, "/hook?a=b")
    assert {name.lower(): value for name, value in got.headers.items()}.items() >= {
        (name.lower(), value) for name, value in given.items()
    }


def test_a_refused_connection_is_data(endpoint: Endpoint) -> None:
    """Without a status, and with the kind of error; the next delivery is tried like any other."""
    endpoint.is_gone()
    reply = endpoint.sender.post(endpoint.url, {}, b"{}")
    assert reply == Reply(None, "ConnectError")


@pytest.mark.parametrize(
    "url", ["ftp://shop.example/", "shop.example", "", "javascript:alert(1)", "file:///etc/passwd"]
)
def test_an_address_that_is_none_is_data(endpoint: Endpoint, url: str) -> None:
    """It was accepted once, by an older rule or by hand."""
    reply = endpoint.sender.post(url, {}, b"{}")
    assert (reply.status, reply.error, endpoint.got()) == (None, FORBIDDEN, [])


def test_answers_come_in_their_order(endpoint: Endpoint) -> None:
    """One answer to one post."""
    for status in (500, 429, 200):
        endpoint.answers(status)
    assert [endpoint.sender.post(endpoint.url, {}, b"{}").status for _ in range(4)] == [500, 429, 200, 204]
    assert len(endpoint.got()) == 4


# --- of the network alone


def test_a_name_that_does_not_resolve_is_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """No look-up leaves this machine."""

    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert HttpSender(LIMIT, loopback=True).post("http://nowhere.example/", {}, b"{}") == Reply(None, "ConnectError")


@pytest.mark.parametrize("drip", ["header", "silence"])
def test_an_endpoint_that_is_too_slow_is_cut_off(drip: str) -> None:
    """Nothing of an answer within the limit: no status, and `timed out`."""
    with dripping(*DRIPS[drip]) as slow:
        assert HttpSender(LIMIT, loopback=True).post(f"http://127.0.0.1:{slow.port}/", {}, b"{}") == Reply(
            None, "timed out"
        )


def test_a_huge_answer_is_left_and_its_status_counts(real: Real) -> None:
    """No more of it is read than the limit: the endpoint's write fails."""
    real.answers(200, body=b"x" * 200 * MAX_BYTES)
    assert real.sender.post(real.url, {}, b"{}") == Reply(200)
    assert real.server.cut.wait(PATIENCE)
    assert real.sender.post(real.url, {}, b"{}") == Reply(204)


def test_a_short_answer_leaves_its_connection_for_the_next(real: Real) -> None:
    """Many events to one shop cost one handshake."""
    for _ in range(5):
        real.answers(200, body=b"ok")
        assert real.sender.post(real.url, {}, b"{}") == Reply(200)
    assert len(real.server.connections) == 1


@pytest.mark.parametrize("size", [0, 1, KEPT_BYTES, KEPT_BYTES + 1, 3 * MAX_BYTES])
def test_the_beginning_of_an_answer_is_kept(real: Real, size: int) -> None:
    """For the log of deliveries: a kilobyte, however much there is."""
    real.answers(500, body=(text := bytes(n % 251 for n in range(size))))
    assert real.sender.post(real.url, {}, b"{}").body == text[:KEPT_BYTES]


def test_an_answer_is_asked_for_as_it_is(real: Real) -> None:
    """Compressed, its beginning would be of no use in the log of deliveries."""
    real.sender.post(real.url, {}, b"{}")
    (got,) = real.got()
    assert {name.lower(): value for name, value in got.headers.items()}["accept-encoding"] == "identity"


def test_no_proxy_of_the_environment_is_used(real: Real, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a machine sets for its browsers must not see webhooks."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    sender = HttpSender(PATIENCE, loopback=True)
    assert sender.post(real.url, {}, b"{}") == Reply(204)
    sender._client.close()


@contextlib.contextmanager
def answering_once(answer: bytes) -> Iterator[str]:
    """An endpoint that sends these bytes to its first visitor, whatever was asked, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer_once() -> None:
            taken, _ = listener.accept()
            asked = b""
            while not asked.endswith(b"{}"):  # what is left unread would turn its end into a reset
                asked += taken.recv(65_536)
            taken.sendall(answer)
            taken.close()

        thread = threading.Thread(target=answer_once, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join(PATIENCE)


@pytest.mark.parametrize(
    "answer",
    [b"nonsense\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: \x00\r\n\r\n", b"", b"HTTP/1.1 20"],
)
def test_an_answer_that_is_no_http_is_data(answer: bytes) -> None:
    """A status only where one came in a form that HTTP knows; one that ends before that is none."""
    with answering_once(answer) as url:
        reply = HttpSender(PATIENCE, loopback=True).post(url, {}, b"{}")
    assert (reply.status, reply.error) == (None, "RemoteProtocolError")


@pytest.mark.parametrize("status", [200, 202, 500])
@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_an_endpoint_that_hangs_up_in_its_answers_body_has_answered(status: int, framing: str) -> None:
    """Its status counts, and what has come of the body is kept."""
    body = b"5\r\nshop \r\n" if "chunked" in framing else b"shop "
    with answering_once(f"HTTP/1.1 {status} X\r\n{framing}\r\n\r\n".encode() + body) as url:
        reply = HttpSender(PATIENCE, loopback=True).post(url, {}, b"{}")
    assert (reply.status, reply.error, reply.body) == (status, None, b"shop ")


@pytest.mark.parametrize("reply", [Reply(None), Reply(200, "timed out"), Reply(None, "timed out", "7")])
def test_the_fake_gives_no_answer_that_the_real_one_could_not(reply: Reply) -> None:
    """A status or an error, never both, never neither; a header only with a status."""
    with pytest.raises(AssertionError, match="no receiver answers so"):
        FakeSender([reply]).post("http://shop.example/", {}, b"{}")


# --- addresses that must not be dialled


@dataclass
class Resolver:
    """Answers with one list of addresses after the other, the last one again and again."""

    answers: list[list[str]]
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked.append(host)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [(0, 0, 0, "", (address, port)) for address in found]


@pytest.mark.parametrize("inside", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "64:ff9b::7f00:1", "fe80::1%lo"])
def test_a_name_that_leads_inside_is_not_dialled(real: Real, inside: str) -> None:
    """Whatever stands beside it: an attacker's server could answer with both."""
    for found in ([inside], ["93.184.216.34", inside]):
        sender = HttpSender(PATIENCE, resolve=Resolver([found]))
        assert sender.post(f"https://shop.example:{real.server.server_port}/", {}, b"{}") == Reply(None, FORBIDDEN)
    assert real.server.got == []


def test_the_address_that_was_vetted_is_the_one_that_is_dialled() -> None:
    """A resolver that answers otherwise the second time is not asked a second time."""
    dialled: list[str] = []
    resolver = Resolver([["93.184.216.34"], ["127.0.0.1"]])
    sender = HttpSender(PATIENCE, resolve=resolver)
    pool: Any = sender._client._transport
    network = pool._pool._network_backend

    class Noting:
        def connect_tcp(self, address: str, *_: Any, **__: Any) -> Any:
            dialled.append(address)
            raise httpcore.ConnectError

    network._inner = Noting()
    assert sender.post("https://rebind.example/", {}, b"{}") == Reply(None, "ConnectError")
    assert (resolver.asked, dialled) == (["rebind.example"], ["93.184.216.34"])
    assert sender.post("https://rebind.example/", {}, b"{}") == Reply(None, FORBIDDEN)
    assert dialled == ["93.184.216.34"]


def test_a_resolver_that_does_not_answer_is_cut_off() -> None:
    """The resolver knows no time-out, and is part of the exchange."""
    held = threading.Event()
    sender = HttpSender(LIMIT, resolve=lambda *_, **__: [held.wait(PATIENCE)][:0])
    assert sender.post("https://slow.example/", {}, b"{}") == Reply(None, "timed out")
    held.set()


def test_a_certificate_is_of_the_name_though_an_address_is_dialled() -> None:
    """TLS and the `Host` header name the host that the merchant gave; another's certificate is refused."""
    authority = trustme.CA()
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    for named, expected in (("shop.example", Reply(204)), ("other.example", Reply(None, "ConnectError"))):
        server = Server()
        offered = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(named).configure_cert(offered)
        server.socket = offered.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        sender = HttpSender(PATIENCE, loopback=True, resolve=Resolver([["127.0.0.1"]]), context=trust)
        assert sender.post(f"https://shop.example:{server.server_port}/hook", {}, b"{}") == expected
        assert [got.headers["Host"] for got in server.got] == (
            [f"shop.example:{server.server_port}"] if expected.status else []
        )
        sender._client.close()
        server.shutdown()
        server.server_close()
