"""What both clients share, with no input or output: building a try, judging its outcome, reading the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from ctrip_client.answers import success
from ctrip_client.calls import Call
from ctrip_client.credentials import Credential
from ctrip_client.errors import ConnectionFailed
from ctrip_client.retry import pause, worth_another
from ctrip_client.version import __version__

T = TypeVar("T")
Outcome = httpx.Response | ConnectionFailed
_HEADERS = {"Accept": "application/json", "User-Agent": f"ctrip-client/{__version__}"}


@dataclass(frozen=True, slots=True)
class Core:
    """One gateway and one credential; `clock` tells unix seconds, `jitter` a number from 0 to 1."""

    base_url: str
    credential: Credential
    max_retries: int
    clock: Callable[[], float]
    jitter: Callable[[], float]

    def request(self, call: Call[Any]) -> httpx.Request:
        """Build one try: it is signed anew, and keeps the call's idempotency key."""
        headers = _HEADERS | call.headers() | self.credential.headers(call)
        return httpx.Request(call.method, self.base_url + call.target, headers=headers, content=call.body)

    def wait(self, outcome: Outcome, tried: int) -> float | None:
        """Return the seconds until the next try, None when this outcome is final."""
        if tried >= self.max_retries or not worth_another(outcome):
            return None
        return pause(outcome, tried, jitter=self.jitter(), now=self.clock())

    def read(self, call: Call[T], outcome: Outcome) -> T:
        """Return what was asked for; raises `ApiError`, `ConnectionFailed` or `AnswerUnreadable`."""
        if isinstance(outcome, ConnectionFailed):
            raise outcome
        return call.read(success(outcome))


def failed(exc: httpx.RequestError) -> ConnectionFailed:
    """Say in our words that no answer came; what was sent is not quoted."""
    failure = ConnectionFailed(f"no answer from {exc.request.url.host}: {type(exc).__name__}")
    failure.__cause__ = exc
    return failure


def address(base_url: str) -> str:
    """Return the public base address without a slash at its end; raises ValueError for what is none."""
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL()
    # A user in the address would replace the credential, and a query would swallow the path.
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or "?" in base_url or "#" in base_url:
        raise ValueError("base_url must be like https://gateway.example or https://gateway.example/stage")
    return base_url.rstrip("/")
