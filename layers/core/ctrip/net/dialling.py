"""Connections to other people's servers: every address of a name is vetted, and one deadline holds for all of it.

A name is resolved once for each connection, all its addresses are vetted, and a vetted one is dialled, with the name
for TLS and for the `Host` header: whoever owns the name cannot answer the check with one address and the connection
with another.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import httpcore
import httpx


class Deadline(threading.local):
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

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
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


class Forbidden(httpcore.ConnectError):
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


class Network(httpcore.NetworkBackend):
    """Connects to the first address of a name that answers, all of them vetted, within the deadline."""

    def __init__(self, deadline: Deadline, allowed: Callable[[str], bool], resolve: Callable[..., Any] | None) -> None:
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
            raise Forbidden("not public")
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


class Transport(httpx.HTTPTransport):
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
