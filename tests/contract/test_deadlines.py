"""Nodes and receivers that drip are cut off: the limit is for the whole exchange, not for each byte."""

import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from ctrip.chains.evm.client import EvmChain
from ctrip.chains.evm.errors import Unreachable
from ctrip.chains.tron.client import TronChain
from ctrip.domain.errors import Unavailable
from ctrip.domain.rpc import NodeEntry
from ctrip.net.receivers import HttpSender
from tests.evm_support import NETWORK, TestClock
from tests.support.dripping import DRIPS, dripping
from tests.tron_support import NETWORK as TRON

LIMIT = 0.3
# Longer than any exchange here: whoever is not cut off by then waits for ever.
PATIENCE = 15.0


def ended(act: Callable[[], Any]) -> Any:
    """Run `act` beside, and return what it returned; fails where it does not end by itself."""
    result: list[Any] = []
    thread = threading.Thread(target=lambda: result.append(act()), daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive(), "it was not cut off"
    return result[0]


def error_of(act: Callable[[], Any]) -> Exception | None:
    """Return what `act` raises."""
    try:
        act()
    except Exception as exc:
        return exc
    return None


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1's own, with its key in one file."""
    from datetime import UTC, datetime
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    made = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(encoding))
    return path


@pytest.mark.parametrize("drip", DRIPS)
def test_a_node_that_drips_is_cut_off_and_the_reason_shown(drip: str) -> None:
    """Header bytes or body bytes: the call ends while the node still drips, which sees the connection close."""
    with dripping(*DRIPS[drip]) as node:
        chain = EvmChain(NETWORK, [f"http://127.0.0.1:{node.port}/v3/k3y-k3y-k3y"], TestClock(), seconds=LIMIT)
        error = ended(lambda: error_of(chain.head))
        assert isinstance(error, Unavailable)
        assert "k3y" not in str(error)
        assert chain.endpoints() == [(f"127.0.0.1:{node.port}", "unreachable", "timed out")]
        if DRIPS[drip][1]:
            assert node.cut.wait(PATIENCE)


@pytest.mark.parametrize("drip", DRIPS)
def test_a_node_of_tron_that_drips_is_cut_off_too(drip: str) -> None:
    """Its client has the same deadline, and tells no key of an address or a header."""
    with dripping(*DRIPS[drip]) as node:
        url = f"http://127.0.0.1:{node.port}/k3y-k3y-k3y"
        entry = NodeEntry(url, url, headers=(("TRON-PRO-API-KEY", "k3y-k3y"),))
        chain = TronChain(TRON, [entry], TestClock(), seconds=LIMIT)
        error = ended(lambda: error_of(chain.head))
        assert isinstance(error, Unavailable)
        assert "k3y" not in str(error)
        assert chain.endpoints() == [(f"127.0.0.1:{node.port}", "unreachable", "getblock: timed out")]


@pytest.mark.parametrize("drip", ["header", "body"])
def test_a_node_that_drips_over_tls_is_cut_off_too(drip: str, certificate: Path) -> None:
    """The same over an encrypted connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with dripping(*DRIPS[drip], context) as node:
        chain = EvmChain(NETWORK, [f"https://127.0.0.1:{node.port}"], TestClock(), seconds=LIMIT)
        session: Any = chain._pool.endpoints[0]._rpc._transport
        session._session.verify = str(certificate)
        assert isinstance(ended(lambda: error_of(chain.head)), Unavailable)
        assert chain.endpoints()[0][1:] == ("unreachable", "timed out")
        assert node.cut.wait(PATIENCE)


def test_a_node_that_never_finishes_its_handshake_is_cut_off() -> None:
    """Connecting counts: a port that takes the connection and shakes no hand."""
    with dripping(*DRIPS["silence"]) as node:
        chain = EvmChain(NETWORK, [f"https://127.0.0.1:{node.port}"], TestClock(), seconds=LIMIT)
        assert isinstance(ended(lambda: error_of(chain.head)), Unreachable)


def test_the_next_node_answers_where_the_first_one_drips(anvil: Any) -> None:
    """A broadcast as well as a read."""
    with dripping(*DRIPS["header"]) as node:
        chain = EvmChain(NETWORK, [f"http://127.0.0.1:{node.port}", anvil.url], TestClock(), seconds=LIMIT)
        assert ended(chain.head).number >= 0


@pytest.mark.parametrize("drip", ["header", "headers", "silence"])
def test_a_receiver_that_drips_its_headers_has_timed_out(drip: str) -> None:
    """No status came within the limit."""
    with dripping(*DRIPS[drip]) as receiver:
        posted = HttpSender(LIMIT, loopback=True)
        reply = ended(lambda: posted.post(f"http://127.0.0.1:{receiver.port}/", {}, b"{}"))
        assert (reply.status, reply.error) == (None, "timed out")
        if DRIPS[drip][1]:
            assert receiver.cut.wait(PATIENCE)


@pytest.mark.parametrize("drip", ["body", "chunks"])
def test_a_receiver_that_drips_its_body_is_cut_off_and_its_status_counts(drip: str) -> None:
    """The merchant's system answered 200, whatever it goes on to send."""
    with dripping(*DRIPS[drip]) as receiver:
        posted = HttpSender(LIMIT, loopback=True)
        reply = ended(lambda: posted.post(f"http://127.0.0.1:{receiver.port}/", {}, b"{}"))
        assert (reply.status, reply.error) == (200, None)
        assert receiver.cut.wait(PATIENCE)


def test_a_receiver_that_takes_no_body_is_cut_off() -> None:
    """Sending counts: a body that is never read fills the connection."""
    with dripping(b"", b"") as receiver:
        posted = HttpSender(LIMIT, loopback=True)
        reply = ended(lambda: posted.post(f"http://127.0.0.1:{receiver.port}/", {}, b"x" * 50_000_000))
        assert (reply.status, reply.error) == (None, "timed out")


class Late(BaseHTTPRequestHandler):
    """Answers 204 once it is told to."""

    waiting: threading.Event
    go: threading.Event

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.waiting.set()
        self.go.wait(PATIENCE)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def test_an_answer_within_the_limit_counts_however_late_it_is() -> None:
    """No shorter limit hides inside: httpx itself is given the whole time for each of its steps."""
    limits = HttpSender()._client.timeout
    assert (limits.connect, limits.read, limits.write, limits.pool) == (15, 15, 15, 15)
    late = type("OneLate", (Late,), {"waiting": threading.Event(), "go": threading.Event()})
    with HTTPServer(("127.0.0.1", 0), late) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        replies: list[Any] = []
        url = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(
            target=lambda: replies.append(HttpSender(loopback=True).post(url, {}, b"{}")), daemon=True
        )
        thread.start()
        assert late.waiting.wait(PATIENCE)
        late.go.set()
        thread.join(PATIENCE)
        assert [(reply.status, reply.error) for reply in replies] == [(204, None)]
