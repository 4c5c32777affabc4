"""Webhook endpoints, over httpx: no redirects, no proxies, at most 64 KiB read, 15 seconds for the whole exchange."""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

from ctrip.ports import Reply

# httpx notes every address it asks, and a merchant's may hold a key.
logging.getLogger("httpx").setLevel(logging.WARNING)

TOTAL_SECONDS = 15.0
MAX_BYTES = 64 * 1024


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


class _Network(httpcore.NetworkBackend):
    """Connects to the first address of a name that answers, all of them within the deadline."""

    def __init__(self, deadline: _Deadline) -> None:
        self._inner, self._deadline = httpcore.SyncBackend(), deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as exc:
            raise httpcore.ConnectError(type(exc).__name__) from exc
        problem: Exception = httpcore.ConnectError("no address")
        for *_, address in found:
            left = self._deadline.left(httpcore.ConnectTimeout)
            try:
                made = self._inner.connect_tcp(str(address[0]), port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                problem = exc
                continue
            return _Stream(made, self._deadline)
        raise problem


class _Transport(httpx.HTTPTransport):
    """httpx's own transport over the network above; httpx has no parameter for it."""

    def __init__(self, deadline: _Deadline) -> None:
        super().__init__(trust_env=False)
        context = httpx.create_ssl_context(trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=_Network(deadline),
        )


class HttpSender:
    """Posts to whatever address an event names; the local stage alone uses it, until addresses are vetted."""

    def __init__(self, seconds: float = TOTAL_SECONDS) -> None:
        self._seconds = seconds
        self._deadline = _Deadline()
        self._client = httpx.Client(
            transport=_Transport(self._deadline), follow_redirects=False, trust_env=False, timeout=seconds
        )

    def post(self, url: str, headers: dict[str, str], body: bytes) -> Reply:
        """Deliver once; a slow, dripping or huge answer is cut off, and its status still counts once it has come."""
        self._deadline.until = time.monotonic() + self._seconds
        try:
            with self._client.stream(
                "POST", url, headers={"User-Agent": "ctrip-webhooks/1", **headers}, content=body
            ) as answer:
                _read_a_little(answer)
                return Reply(answer.status_code, None, answer.headers.get("Retry-After"))
        except httpx.TimeoutException:
            return Reply(None, "timed out")
        except Exception as exc:  # host names fail in many ways below httpx, and none of them is our fault
            return Reply(None, type(exc).__name__)


def _read_a_little(answer: httpx.Response) -> None:
    """Take a short answer's body off the connection, which can then be used again; the status counts as it is."""
    read = 0
    with contextlib.suppress(httpx.HTTPError):
        for chunk in answer.iter_raw(8_192):
            read += len(chunk)
            if read > MAX_BYTES:
                break
