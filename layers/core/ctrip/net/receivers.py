"""Webhook endpoints, over httpx: public addresses, no redirects, no proxies, 64 KiB read, 15 seconds in all.

A name is resolved once for each connection, all its addresses are vetted, and a vetted one is dialled, with the name
for TLS and for the `Host` header: whoever owns the name cannot answer the check with one address and the connection
with another.
"""

import contextlib
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import httpcore
import httpx

from ctrip.domain.webhooks.addresses import endpoint_problem, may_dial
from ctrip.domain.webhooks.retry import ANSWER_SECONDS
from ctrip.ports import Reply
from ctrip.ports.http import KEPT_BYTES, TIMED_OUT

# httpx notes every address it asks, and a merchant's may hold a key.
logging.getLogger("httpx").setLevel(logging.WARNING)

TOTAL_SECONDS = float(ANSWER_SECONDS)
MAX_BYTES = 64 * 1024
# An answer is kept as it comes: a compressed one could be read by nobody.
OWN_HEADERS = {"User-Agent": "ctrip-webhooks/1", "Accept-Encoding": "identity"}
FORBIDDEN = "the address is not a public one"


class _Deadline(threading.local):
    """When this thread's delivery must be over; httpx's own time-outs begin anew with each byte that comes."""

    until = float("inf")

    def left(self, error: type[Exception]) -> float:
        """Return the seconds that are left. Raises `error` where none are."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise error("timed out")
        return left


class _Stream(httpcore.NetworkStream):
    """A connection each of whose reads and writes ends by the deadline."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._inner, self._deadline = inner, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what has come."""
        return self._inner.read(max_bytes, self._deadline.left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of it, however slowly it is taken."""
        raw: socket.socket = self._inner.get_extra_info("socket")
        while buffer:
            raw.settimeout(self._deadline.left(httpcore.WriteTimeout))
            try:
                buffer = buffer[raw.send(buffer) :]
            except TimeoutError as exc:
                raise httpcore.WriteTimeout from exc
            except OSError as exc:
                raise httpcore.WriteError from exc

    def close(self) -> None:
        """Close."""
        self._inner.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> "_Stream":
        """Shake hands, for which one time-out holds as a whole."""
        left = self._deadline.left(httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """Pass the question on."""
        return self._inner.get_extra_info(info)


class _Forbidden(httpcore.ConnectError):
    """A name has an address that must not be dialled."""


@dataclass(slots=True)
class _Resolution:
    """One call of the resolver, in a thread of its own: it knows no time-out."""

    resolve: Callable[..., Any]
    host: str
    port: int
    found: list[str] = field(default_factory=list)
    failed: OSError | None = None

    def addresses(self, seconds: float) -> list[str]:
        """Return the addresses in the resolver's order; raises httpcore's errors."""
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        thread.join(seconds)
        if thread.is_alive():
            raise httpcore.ConnectTimeout
        if self.failed is not None or not self.found:
            raise httpcore.ConnectError("no address") from self.failed
        return self.found

    def _run(self) -> None:
        try:
            answers = self.resolve(self.host, self.port, type=socket.SOCK_STREAM)
            self.found = [str(address[0]) for *_, address in answers]
        except OSError as exc:
            self.failed = exc
        except UnicodeError as exc:  # a name that no resolver takes
            self.failed = OSError(str(exc))


class _Network(httpcore.NetworkBackend):
    """Connects to the first address of a name that answers, all of them vetted, within the deadline."""

    def __init__(self, deadline: _Deadline, allowed: Callable[[str], bool], resolve: Callable[..., Any] | None) -> None:
        self._inner, self._deadline, self._allowed, self._resolve = httpcore.SyncBackend(), deadline, allowed, resolve

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect; one address that must not be dialled, among however many, speaks against them all."""
        left = self._deadline.left(httpcore.ConnectTimeout)
        found = _Resolution(self._resolve or socket.getaddrinfo, host, port).addresses(left)
        if not all(map(self._allowed, found)):
            raise _Forbidden("not public")
        problem: Exception = httpcore.ConnectError("no address")
        for address in found:
            left = self._deadline.left(httpcore.ConnectTimeout)
            try:
                made = self._inner.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                problem = exc
                continue
            return _Stream(made, self._deadline)
        raise problem


class _Transport(httpx.HTTPTransport):
    """httpx's own transport over the network above; httpx has no parameter for it."""

    def __init__(self, network: httpcore.NetworkBackend, context: ssl.SSLContext) -> None:
        super().__init__(trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=network,
        )


class HttpSender:
    """Posts to endpoints on the internet; with `loopback`, for the local stage alone, to those on this machine too.

    `resolve` stands in for `socket.getaddrinfo`, `context` for the trust in public certificates.
    """

    def __init__(
        self,
        seconds: float = TOTAL_SECONDS,
        *,
        loopback: bool = False,
        resolve: Callable[..., Any] | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._seconds, self._loopback = seconds, loopback
        self._deadline = _Deadline()
        network = _Network(self._deadline, lambda address: may_dial(address, loopback=loopback), resolve)
        trust = context or httpx.create_ssl_context(trust_env=False)
        self._client = httpx.Client(
            transport=_Transport(network, trust), follow_redirects=False, trust_env=False, timeout=seconds
        )

    def post(self, url: str, headers: dict[str, str], body: bytes) -> Reply:
        """Deliver once; a slow, dripping or huge answer is cut off, and its status still counts once it has come."""
        if endpoint_problem(url, loopback=self._loopback):
            return Reply(None, FORBIDDEN)  # accepted once, by an older rule or by hand
        self._deadline.until = time.monotonic() + self._seconds
        try:
            with self._client.stream("POST", url, headers={**OWN_HEADERS, **headers}, content=body) as answer:
                begun = _read_a_little(answer)
                return Reply(answer.status_code, None, answer.headers.get("Retry-After"), begun)
        except httpx.TimeoutException:
            return Reply(None, TIMED_OUT)
        except httpx.ConnectError as exc:
            return Reply(None, FORBIDDEN if isinstance(exc.__cause__, _Forbidden) else "ConnectError")
        except Exception as exc:  # host names fail in many ways below httpx, and none of them is our fault
            return Reply(None, type(exc).__name__)


def _read_a_little(answer: httpx.Response) -> bytes:
    """Return how an answer begins, as it came; the status counts as it is.

    A short one is taken off the connection whole, which can then be used again.
    """
    read, begun = 0, b""
    with contextlib.suppress(httpx.HTTPError):
        # As it comes: what is gathered to larger pieces is lost where the rest does not come.
        for chunk in answer.iter_raw():
            begun += chunk[: KEPT_BYTES - len(begun)]
            read += len(chunk)
            if read > MAX_BYTES:
                break
    return begun
