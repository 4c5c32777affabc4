"""What is sent over kept connections is what botocore's own session sends, and is answered alike, faults among it."""

import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import trustme
from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.config import Config
from botocore.exceptions import BotoCoreError, HTTPClientError, ProxyConnectionError, SSLError
from urllib3 import PoolManager

from ctrip.botocore_calls import KeptConnections, _head, lighten
from ctrip.domain.errors import Busy
from ctrip.store.engine.connection import Connection
from ctrip.store.engine.database import Database
from ctrip.store.tables import payment_key
from tests.support.dynamodb import CREDENTIALS
from tests.support.scripted import CLOSE, HANG, scripted

OK = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amzn-RequestId: 7\r\nContent-Length: 2\r\n\r\n{}"
)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ITEM = b'{"Item": {"pk": {"S": "P#1"}, "sk": {"S": "P"}}}'


def sessions(url: str, **more: Any) -> tuple[Any, KeptConnections]:
    """Make the session of a client of botocore's own, and ours around another one."""
    config = Config(parameter_validation=False, connect_timeout=5, read_timeout=1, **more)
    made = []
    for _ in range(2):
        session = botocore.session.get_session()
        session.set_credentials("x", "y")
        client: Any = session.create_client("dynamodb", region_name="eu-central-1", config=config, endpoint_url=url)
        made.append(client._endpoint.http_session)
    return made[0], KeptConnections(made[1])


def request(url: str, body: Any = b'{"TableName": "t"}', **more: Any) -> AWSPreparedRequest:
    """Prepare a request as an endpoint of botocore's hands it to its session: some values are text, some bytes."""
    headers = HeadersDict({"User-Agent": "x"})
    headers.update({"X-Amz-Target": "DynamoDB_20120810.GetItem", "Authorization": b"AWS4-HMAC-SHA256 x=\xc3\xbc"})
    if isinstance(body, bytes):
        headers["Content-Length"] = str(len(body))
    return AWSPreparedRequest("POST", f"{url}/", headers, body, more.get("stream_output", False))


def outcome(session: Any, asked: AWSPreparedRequest) -> Any:
    """Return what a session gives, or the kind of what it raises."""
    try:
        answer = session.send(asked)
    except BotoCoreError as exc:
        return type(exc)
    return answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, answer.content


def test_the_same_bytes_are_sent_over_a_kept_connection() -> None:
    """All of them, in botocore's order; both keep the one connection they have opened."""
    with scripted(lambda _: OK) as server:
        for session in sessions(server.url):
            for body in (b'{"TableName": "t"}', b"", '{"\u00fc": 1}'.encode()):
                assert session.send(request(server.url, body)).content == b"{}"
        theirs, ours = server.seen
    assert ours == theirs
    assert len(ours) == 3


@pytest.mark.parametrize("value", ["a\r\nX-More: b", "a\nb", "a\rb"])
def test_a_header_is_one_line(value: str) -> None:
    """Nothing that stands in a value begins another header, or another request."""
    with scripted(lambda _: OK) as server:
        outcomes = []
        for session in sessions(server.url):
            session.send(request(server.url))
            asked = request(server.url)
            asked.headers["X-Amz-Target"] = value
            outcomes.append(outcome(session, asked))
        assert outcomes == [HTTPClientError, HTTPClientError]
        assert [len(each) for each in server.seen] == [1, 1]


@pytest.mark.parametrize(("scheme", "netloc"), [("http", "[::1]:8000"), ("http", "db.example:80"), ("https", "[::1]")])
def test_the_host_is_named_as_it_is_signed(scheme: str, netloc: str) -> None:
    """With the brackets of an IPv6 address, and without a scheme's own port."""
    asked = request(f"{scheme}://{netloc}")
    pool: Any = PoolManager().connection_from_url(asked.url)
    connection = pool._new_conn()
    connection.putrequest("POST", "/")
    [theirs] = [line for line in connection._buffer if line.startswith(b"Host:")]
    assert _head(asked, connection).split(b"\r\n")[1] == theirs


def test_what_is_sent_after_closing_opens_anew() -> None:
    """As with botocore's session."""
    with scripted(lambda _: OK) as server:
        for session in sessions(server.url):
            for _ in range(2):
                assert [outcome(session, request(server.url))[0] for _ in range(2)] == [200, 200]
                session.close()
        assert [len(each) for each in server.seen] == [2, 2, 2, 2]


ANSWERS = {
    "as ever": OK,
    "in chunks": CHUNKED + b"1\r\n{\r\n1;x=y\r\n}\r\n0\r\nTrailer: 1\r\n\r\n",
    "after another one": b"HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n" + OK,
    "with a header twice": b"HTTP/1.1 200 OK\r\nVia: a\r\nvia: b\r\nX-None:\r\nX-B:  b  \r\nContent-Length: 0\r\n\r\n",
    "without a body": b"HTTP/1.1 204 No Content\r\n\r\n",
    "of a server that is about to hang up": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
    "of a server that hangs up": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}" + CLOSE,
    "that ends with the connection": b"HTTP/1.1 200 OK\r\n\r\n{}" + CLOSE,
    "of an old server": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}" + CLOSE,
    "that refuses": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\n\xc3\xbc{}",
    "of a busy server": b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
    "that never comes": HANG,
    "of nobody": CLOSE,
    "cut in its head": b"HTTP/1.1 200 OK\r\nContent-Le" + CLOSE,
    "in another protocol": b"SSH-2.0-OpenSSH_9\r\n" + CLOSE,
    "in wrong chunks": CHUNKED + b"zz\r\n{}" + CLOSE,
}


@pytest.mark.parametrize("told", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_over_a_kept_connection_is_what_botocore_makes_of_it(told: bytes) -> None:
    """The same status, headers, body or error; and the connection goes on being used, or does not, alike."""
    counted: list[int] = []
    outcomes = []
    for place in range(2):
        script = iter([OK, told, OK])
        with scripted(lambda _, script=script: next(script)) as server:  # type: ignore[misc]
            session = sessions(server.url)[place]
            outcomes.append([outcome(session, request(server.url)) for _ in range(3)])
            counted.append(len(server.seen))
    theirs, ours = outcomes
    assert ours == theirs
    assert ours[0] == ours[2]
    assert counted[1] == counted[0]


@pytest.mark.parametrize("before", [0, 1], ids=["on a new connection", "on a kept one"])
@pytest.mark.parametrize(
    "told",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 48\r\n\r\n" + ITEM[:20] + CLOSE,
        b"HTTP/1.1 200 OK\r\nContent-Length: 48\r\n\r\n" + CLOSE,
        CHUNKED + b"30\r\n" + ITEM[:20] + CLOSE,
        b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n<html>Welcome</html>",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull",
        b"HTTP/1.1 200 OK\r\n\r\n" + ITEM[:20] + CLOSE,
    ],
    ids=["cut", "without its body", "cut in a chunk", "a page", "null", "cut, of unknown length"],
)
def test_an_answer_that_is_not_whole_says_nothing_about_an_item(told: bytes, before: int) -> None:
    """By itself botocore takes each for an answer without an item; here it is asked again, and `Busy` in the end."""
    script = [OK] * before
    with scripted(lambda _: script.pop() if script else told) as server:
        options = {"region_name": "eu-central-1", "endpoint_url": server.url, **CREDENTIALS}
        database = Database("test", connected=Connection(read_seconds=5, **options), jitter=lambda: 1.0)
        for _ in range(before):
            assert database.get(database.tables.payments, payment_key("1")) is None
        with pytest.raises(Busy):
            database.get(database.tables.payments, payment_key("1"))
        assert sum(map(len, server.seen)) > 2


def test_botocore_by_itself_takes_a_cut_answer_for_an_empty_one() -> None:
    """Why ours does not go its way there; should it ever differ, the check is to go."""
    told = b"HTTP/1.1 200 OK\r\nContent-Length: 48\r\n\r\n" + ITEM[:20] + CLOSE
    with scripted(lambda _: told) as server:
        config = Config(retries={"mode": "standard", "total_max_attempts": 1})
        options: Any = {"region_name": "eu-central-1", "endpoint_url": server.url, "config": config, **CREDENTIALS}
        client = botocore.session.get_session().create_client("dynamodb", **options)
        assert "Item" not in client.get_item(TableName="t", Key={"pk": {"S": "P#1"}, "sk": {"S": "P"}})


def test_a_connection_that_was_closed_meanwhile_is_not_used() -> None:
    """Servers close what is idle: the next request opens another one, and nobody notices."""
    with scripted(lambda _: OK) as server:
        _, kept = sessions(server.url)
        for _ in range(3):
            assert kept.send(request(server.url)).status_code == 200
            server.hang_up()
        assert [len(each) for each in server.seen] == [1, 1, 1]


@pytest.mark.parametrize("trusted", [True, False])
def test_certificates_are_verified(trusted: bool, tmp_path: Path) -> None:
    """By the session, which opens the connection; nothing is sent to a stranger."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    bundle = tmp_path / "ca.pem"
    (authority if trusted else trustme.CA()).cert_pem.write_to_path(str(bundle))
    with scripted(lambda _: OK, context) as server:
        config = Config(parameter_validation=False, retries={"mode": "standard", "total_max_attempts": 1})
        options: Any = {"region_name": "eu-central-1", "endpoint_url": server.url, "config": config, **CREDENTIALS}
        client = lighten(botocore.session.get_session().create_client("dynamodb", verify=str(bundle), **options))
        assert isinstance(client._endpoint.http_session, KeptConnections)
        if trusted:
            for _ in range(3):
                client.list_tables()
            assert [len(each) for each in server.seen] == [3]
        else:
            for _ in range(2):
                with pytest.raises(SSLError):
                    client.list_tables()
            assert server.seen == []


def test_a_proxy_is_asked_by_botocore() -> None:
    """Each request names the whole address; where the proxy is gone, nobody is asked directly."""
    with scripted(lambda _: OK) as proxy, scripted(lambda _: OK) as server:
        _, kept = sessions(server.url, proxies={"http": proxy.url})
        for _ in range(2):
            assert kept.send(request(server.url)).content == b"{}"
        assert [each.split(b" ")[1] for seen in proxy.seen for each in seen] == [f"{server.url}/".encode()] * 2
        with pytest.raises(ProxyConnectionError):
            sessions(server.url, proxies={"http": "http://127.0.0.1:9"})[1].send(request(server.url))
        assert server.seen == []


@pytest.mark.parametrize("more", [{"stream_output": True}, {"body": iter([b"{}"])}], ids=["out", "in"])
def test_streams_are_left_to_botocore(more: dict[str, Any]) -> None:
    """Whoever asked for one reads it piece by piece."""
    with scripted(lambda _: OK) as server:
        _, kept = sessions(server.url)
        kept.send(request(server.url))
        asked: list[Any] = []
        session, send = kept._session, kept._session.send
        session.send = lambda each: asked.append(each) or send(each)
        if "body" not in more:
            assert b"".join(kept.send(request(server.url, **more)).raw.stream()) == b"{}"
        else:
            session.send = asked.append
            with pytest.raises(AttributeError):
                kept.send(request(server.url, **more))
        assert len(asked) == 1


def test_a_timeout_of_one_request_is_botocores() -> None:
    """And no other request's: the connection that it went over has the client's own again."""
    with scripted(lambda _: OK) as server:
        _, kept = sessions(server.url)
        [idle] = _kept(kept, server.url)
        asked = request(server.url)
        asked.context = {"read_timeout": 77}  # type: ignore[attr-defined]
        seen: list[Any] = []
        for each in (asked, request(server.url)):
            kept.send(each)
            seen.append(idle.sock.gettimeout())
        assert seen == [77, 1]
        assert [len(each) for each in server.seen] == [3]


def test_an_answer_that_came_before_its_request_was_sent_is_read() -> None:
    """A server that has answered and closed leaves a broken pipe, and its answer."""
    with scripted(lambda _: OK) as server:
        for session in sessions(server.url):
            [idle] = _kept(session, server.url)
            idle.sock = _Broken(idle.sock)
            assert outcome(session, request(server.url))[2] == b"{}"


def _kept(session: Any, url: str) -> list[Any]:
    """Send a request, and return the connections that are kept after it."""
    session.send(request(url))
    pool = getattr(session, "_session", session)._manager.connection_from_url(url)
    return [each for each in pool.pool.queue if each is not None]


class _Broken:
    """A socket whose pipe breaks after everything has gone out."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    def sendall(self, data: bytes) -> None:
        self._sock.sendall(data)
        if data.endswith(b"}"):  # the end of the body
            raise BrokenPipeError

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


def test_each_of_many_at_once_gets_its_own_answer() -> None:
    """More callers than connections that are kept; as many stay as may."""
    gate = threading.Barrier(16, timeout=10)

    def echo(sent: bytes) -> bytes:
        body = sent.partition(b"\r\n\r\n")[2]
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    with scripted(echo) as server:
        _, kept = sessions(server.url)

        def ask(place: int) -> bool:
            gate.wait()
            bodies = [b"%d-%d" % (place, number) for number in range(20)]
            return all(kept.send(request(server.url, body)).content == body for body in bodies)

        with ThreadPoolExecutor(16) as threads:
            assert all(threads.map(ask, range(16)))
        assert sum(map(len, server.seen)) == 16 * 20
