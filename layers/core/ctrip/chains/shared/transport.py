"""JSON-RPC over HTTP: one keep-alive session, a deadline for the whole exchange, a bound on its size.

web3's provider makes a session per thread, lets a slow node drip for ever (its time-out is per read), throws away the
JSON-RPC error in an HTTP 4xx, follows redirects, raises errors that spell the URL with its API key, and takes most of
a second to import.
"""

import itertools
import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError, ProtocolError
from urllib3.util.ssl_ import create_urllib3_context

from ctrip.chains.shared.errors import Slow, TooMuch, Unreachable

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 5.0
# A full Ethereum block with its transactions is about 0.5 MB, a traced one several.
MAX_ANSWER_BYTES = 64 * 2**20
_PIECE = 65_536
_USER_AGENT = "ctrip/1"

# It writes full URLs at DEBUG, and the API key is in the path.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)


class _Deadline(threading.local):
    """When this thread's exchange must be over; a socket's own time-out begins anew with each byte that comes."""

    until = float("inf")

    def left(self) -> float:
        """Return the seconds that are left. Raises `TimeoutError` where none are."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return min(left, ANSWER_SECONDS * 60)


_deadline = _Deadline()


class _Plain(socket.socket):
    """A socket each of whose reads ends by the deadline; `sendall` keeps one time-out for the whole of it."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_deadline.left())
        return super().recv_into(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self.settimeout(_deadline.left())
        super().sendall(*args, **kwargs)


class _Secure(ssl.SSLSocket):
    """The same over TLS, where `sendall` is made of `send`s; one time-out holds for a whole handshake."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_deadline.left())
        return super().recv_into(*args, **kwargs)

    def send(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_deadline.left())
        return super().send(*args, **kwargs)


def _dial(connection: HTTPConnection) -> socket.socket:
    """Connect to the first address that answers, all of them within the deadline."""
    host, options = connection._dns_host, connection.socket_options or ()
    try:
        addresses = socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM)
    except OSError as exc:
        raise NameResolutionError(connection.host, connection, exc) from exc  # type: ignore[arg-type]
    problem: OSError = OSError("no address")
    for family, kind, protocol, _, address in addresses:
        made = _Plain(family, kind, protocol)
        try:
            for option in options:
                made.setsockopt(*option)
            made.settimeout(min(CONNECT_SECONDS, _deadline.left()))
            made.connect(address)
        except OSError as exc:
            made.close()
            problem = exc
            continue
        made.settimeout(_deadline.left())
        return made
    if isinstance(problem, TimeoutError):
        raise ConnectTimeoutError(connection, "timed out") from problem
    raise NewConnectionError(connection, type(problem).__name__) from problem


class _Http(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _dial(self)


class _Https(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _dial(self)


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


class _Adapter(HTTPAdapter):
    """Gives requests the connections above."""

    _POOLS: ClassVar[dict[str, Any]] = {"http": _HttpPool, "https": _HttpsPool}

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Build the pool, whose TLS sockets obey the deadline too."""
        context = create_urllib3_context()
        context.sslsocket_class = _Secure
        super().init_poolmanager(*args, ssl_context=context, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._POOLS


class JsonRpc:
    """Calls one URL; raises `Unreachable`, never an error that spells the URL."""

    def __init__(self, url: str, transport: "Transport") -> None:
        self._transport, self._url = transport, url
        self._ids = itertools.count()

    def call(self, method: str, params: Sequence[Any]) -> Any:
        """Return the answer to one call."""
        return self._exchange(self._encoded(method, params))

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> Any:
        """Return the answers to a batch in the order of its calls, or the one error that a node may answer instead."""
        encoded = ",".join(self._encoded(method, params) for method, params in calls)
        answers = self._exchange(f"[{encoded}]")
        if not isinstance(answers, list) or any(answer.get("id") is None for answer in answers):
            return answers  # without ids there is no order: whoever asked finds that they are missing
        return sorted(answers, key=lambda answer: answer["id"])

    def _encoded(self, method: str, params: Sequence[Any]) -> str:
        return json.dumps({"jsonrpc": "2.0", "method": method, "params": list(params), "id": next(self._ids)})

    def _exchange(self, asked: str) -> Any:
        return json.loads(self._transport.post(self._url, asked.encode()).decode())


def matched(answers: Any, count: int) -> bool:
    """Say whether a batch's answers are those of its calls: without their ids a result may be another address's."""
    if not isinstance(answers, list) or len(answers) != count:
        return False
    first = answers[0]["id"] if answers else 0
    return isinstance(first, int) and [each["id"] for each in answers] == list(range(first, first + count))


class Transport:
    """Posts, and returns what came back; `judge` says what an HTTP status means, and returns the body or raises."""

    def __init__(
        self,
        seconds: float,
        headers: Mapping[str, str] | None = None,
        judge: "Callable[[int, bytes], bytes] | None" = None,
    ) -> None:
        session = requests.Session()
        # Proxies and .netrc are read from the environment on each request otherwise; .netrc would add credentials.
        session.trust_env = False
        for scheme in ("https://", "http://"):
            session.mount(scheme, _Adapter(pool_maxsize=16))
        session.headers["Content-Type"] = "application/json"
        session.headers["User-Agent"] = _USER_AGENT
        session.headers.update(headers or {})
        self._session = session
        self._judge = judge or _judge
        self._seconds = seconds

    def post(self, url: str, data: bytes) -> bytes:
        """Return the answer's body, also where an HTTP error carries a JSON-RPC one."""
        _deadline.until = time.monotonic() + self._seconds
        try:
            return self._post(url, data)
        except requests.RequestException as exc:
            if not _closed_while_idle(exc):
                raise _translated(exc) from None
        # A kept connection that the node had closed meanwhile (Lambda freezes between calls): once more, on a new one.
        try:
            return self._post(url, data)
        except requests.RequestException as exc:
            raise _translated(exc) from None

    def _post(self, url: str, data: bytes) -> bytes:
        try:
            left = _deadline.left()
            options: dict[str, Any] = {"timeout": (min(CONNECT_SECONDS, left), left), "stream": True}
            with self._session.post(url, data=data, allow_redirects=False, **options) as response:
                body = bytearray()
                for piece in response.iter_content(_PIECE):
                    body += piece
                    if len(body) > MAX_ANSWER_BYTES:
                        raise TooMuch(f"answer over {MAX_ANSWER_BYTES} bytes")
                    _deadline.left()
                return self._judge(response.status_code, bytes(body))
        except TimeoutError:
            raise Slow("timed out") from None


def _judge(status: int, body: bytes) -> bytes:
    if status == 200:
        return body
    if status == 413:
        raise TooMuch("HTTP 413")
    if 400 <= status < 600 and status != 429 and b'"error"' in body[:4096] and body.lstrip()[:1] in (b"{", b"["):
        return body
    raise Unreachable(f"HTTP {status}")


def _translated(exc: requests.RequestException) -> Unreachable:
    """Name what happened without the address, which may hold a key."""
    timed_out = isinstance(exc, requests.Timeout) or "timed out" in str(exc)
    return Slow("timed out") if timed_out else Unreachable(type(exc).__name__)


def _closed_while_idle(exc: requests.RequestException) -> bool:
    return isinstance(exc, requests.ConnectionError) and bool(exc.args) and isinstance(exc.args[0], ProtocolError)
