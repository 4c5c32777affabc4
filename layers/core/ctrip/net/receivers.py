"""Webhook endpoints, over httpx: public addresses, no redirects, no proxies, 64 KiB read, 15 seconds in all."""

import contextlib
import logging
import ssl
import time
from collections.abc import Callable
from typing import Any

import httpx

from ctrip.domain.webhooks.addresses import endpoint_problem, may_dial
from ctrip.domain.webhooks.retry import ANSWER_SECONDS
from ctrip.net.dialling import Deadline, Forbidden, Network, Transport
from ctrip.ports.http import KEPT_BYTES, TIMED_OUT, Reply

# httpx notes every address it asks, and a merchant's may hold a key.
logging.getLogger("httpx").setLevel(logging.WARNING)

TOTAL_SECONDS = float(ANSWER_SECONDS)
MAX_BYTES = 64 * 1024
# An answer is kept as it comes: a compressed one could be read by nobody.
OWN_HEADERS = {"User-Agent": "ctrip-webhooks/1", "Accept-Encoding": "identity"}
FORBIDDEN = "the address is not a public one"


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
        self._deadline = Deadline()
        network = Network(self._deadline, lambda address: may_dial(address, loopback=loopback), resolve)
        trust = context or httpx.create_ssl_context(trust_env=False)
        self._client = httpx.Client(
            transport=Transport(network, trust), follow_redirects=False, trust_env=False, timeout=seconds
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
            return Reply(None, FORBIDDEN if isinstance(exc.__cause__, Forbidden) else "ConnectError")
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
