"""One exchange's public API, over httpx: a deadline for the whole exchange, a bound on its size, a breaker."""

import json
import logging
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from ctrip.domain.breaker import Breaker
from ctrip.domain.errors import SourceOut
from ctrip.domain.webhooks.addresses import may_dial
from ctrip.net.dialling import Deadline, Forbidden, Network, Transport
from ctrip.ports.runtime import Clock

logging.getLogger("httpx").setLevel(logging.WARNING)

SECONDS = 4.0
MAX_BYTES = 1024 * 1024  # all rates of Coinbase are about 20 KB
HEADERS = {"User-Agent": "ctrip/1", "Accept": "application/json", "Accept-Encoding": "identity"}
QUOTED_FOR_MS = 60_000  # for which a price that an exchange gave just now may be used
# What reading an answer of the wrong shape raises.
GARBAGE = (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError, RecursionError)


class ExchangeApi:
    """Gets JSON from one exchange; with `loopback`, for the recorded exchange alone, from this machine.

    `resolve` stands in for `socket.getaddrinfo`, `context` for the trust in public certificates.
    """

    def __init__(
        self,
        base: str,
        clock: Clock,
        *,
        jitter: Callable[[], float] = lambda: 0.5,
        seconds: float = SECONDS,
        loopback: bool = False,
        resolve: Callable[..., Any] | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._base, self._clock, self._seconds = base, clock, seconds
        self._breaker = Breaker(jitter)
        self._deadline = Deadline()
        network = Network(self._deadline, lambda address: may_dial(address, loopback=loopback), resolve)
        trust = context or httpx.create_ssl_context(trust_env=False)
        self._client = httpx.Client(
            transport=Transport(network, trust), follow_redirects=False, trust_env=False, timeout=seconds
        )

    def get(self, path: str, parameters: Mapping[str, str], read: Callable[[Any], Any]) -> Any:
        """Return what `read` makes of an answer; raises `SourceOut`, also while the exchange rests after failures.

        An answer that `read` cannot make sense of counts as none.
        """
        if not self._breaker.closed(self._clock.now()):
            raise SourceOut(f"it rests after failures: {self._breaker.reason}")
        try:
            found = read(self._answer(path, parameters))
        except SourceOut as exc:
            self._breaker.failed(self._clock.now(), str(exc))
            raise
        except GARBAGE as exc:
            reason = f"its answer cannot be read ({type(exc).__name__})"
            self._breaker.failed(self._clock.now(), reason)
            raise SourceOut(reason) from exc
        self._breaker.worked()
        return found

    def _answer(self, path: str, parameters: Mapping[str, str]) -> Any:
        self._deadline.until = time.monotonic() + self._seconds
        try:
            with self._client.stream("GET", self._base + path, params=dict(parameters), headers=HEADERS) as answer:
                if answer.status_code != 200:
                    raise SourceOut(f"it answered HTTP {answer.status_code}")
                return json.loads(_body(answer))
        except httpx.TimeoutException as exc:
            raise SourceOut("it did not answer in time") from exc
        except httpx.ConnectError as exc:
            reason = "its address is not a public one" if isinstance(exc.__cause__, Forbidden) else "nothing answers"
            raise SourceOut(reason) from exc
        except httpx.HTTPError as exc:
            raise SourceOut(f"it did not answer ({type(exc).__name__})") from exc


def _body(answer: httpx.Response) -> bytes:
    body = bytearray()
    for piece in answer.iter_raw():
        body += piece
        if len(body) > MAX_BYTES:
            raise SourceOut(f"its answer is over {MAX_BYTES} bytes")
    return bytes(body)
