"""HTTP beneath web3's provider: one keep-alive session, a deadline for the whole answer, a bound on its size.

web3's own session manager makes a session per thread, lets a slow node drip for ever (its time-out is per read), throws
away the JSON-RPC error in an HTTP 4xx, follows redirects, and raises errors that spell the URL with its API key.
"""

import logging
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ProtocolError
from web3._utils.http_session_manager import HTTPSessionManager
from web3.providers.rpc import HTTPProvider

from ctrip.chains.evm.errors import TooMuch, Unreachable
from ctrip.ports import Clock

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 5.0
# A full Ethereum block with its transactions is about 0.5 MB, a traced one several.
MAX_ANSWER_BYTES = 64 * 2**20
_PIECE = 65_536

# Both write full URLs at DEBUG, and the API key is in the path.
for _name in ("web3.providers.HTTPProvider", "urllib3.connectionpool"):
    logging.getLogger(_name).setLevel(logging.INFO)


class Transport(HTTPSessionManager):
    """Posts JSON-RPC; raises `Unreachable`, never an error that spells the URL."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        session = requests.Session()
        # Proxies and .netrc are read from the environment on each request otherwise; .netrc would add credentials.
        session.trust_env = False
        session.mount("https://", HTTPAdapter(pool_maxsize=16))
        session.mount("http://", HTTPAdapter(pool_maxsize=16))
        super().__init__(explicit_session=session)
        self._session = session
        self._clock = clock
        self._seconds = seconds

    def make_post_request(self, endpoint_uri: Any, data: Any, **kwargs: Any) -> bytes:
        """Return the answer's body, also where an HTTP error carries a JSON-RPC one."""
        try:
            return self._post(endpoint_uri, data, kwargs)
        except requests.RequestException as exc:
            if not _closed_while_idle(exc):
                raise Unreachable(type(exc).__name__) from None
        # A kept connection that the node had closed meanwhile (Lambda freezes between calls): once more, on a new one.
        try:
            return self._post(endpoint_uri, data, kwargs)
        except requests.RequestException as exc:
            raise Unreachable(type(exc).__name__) from None

    def _post(self, url: Any, data: Any, options: dict[str, Any]) -> bytes:
        started = self._clock.now()
        options |= {"timeout": (CONNECT_SECONDS, self._seconds), "stream": True, "allow_redirects": False}
        with self._session.post(url, data=data, **options) as response:
            body = bytearray()
            for piece in response.iter_content(_PIECE):
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    raise TooMuch(f"answer over {MAX_ANSWER_BYTES} bytes")
                if self._clock.now() - started > self._seconds * 1000:
                    raise Unreachable("answer too slow")
            return _judge(response.status_code, bytes(body))


def provider(url: str, clock: Clock, seconds: float) -> HTTPProvider:
    """Build web3's provider on this transport, without its retries, which sleep."""
    made = HTTPProvider(url, exception_retry_configuration=None)
    made._request_session_manager = Transport(clock, seconds)
    return made


def _judge(status: int, body: bytes) -> bytes:
    if status == 200:
        return body
    if status == 413:
        raise TooMuch("HTTP 413")
    if 400 <= status < 600 and status != 429 and b'"error"' in body[:4096] and body.lstrip()[:1] in (b"{", b"["):
        return body
    raise Unreachable(f"HTTP {status}")


def _closed_while_idle(exc: requests.RequestException) -> bool:
    return isinstance(exc, requests.ConnectionError) and bool(exc.args) and isinstance(exc.args[0], ProtocolError)
