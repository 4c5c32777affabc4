"""A gateway that answers from a script, and both clients that may ask it."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable
from typing import Any

import httpx

from ctrip_client import AsyncClient, Client

BASE = "https://gateway.example/api"
API_KEY = "ctrip_key_of-the-tests"
SIGNING = {"signing_key_id": "key_7", "signing_secret": "secret-of-the-tests"}
NOW = 1_795_000_000


def ok(body: Any, status: int = 200, **headers: str) -> httpx.Response:
    """Answer with JSON."""
    return httpx.Response(status, content=json.dumps(body), headers={"Content-Type": "application/json"} | headers)


def refusal(status: int, code: str = "nope", headers: dict[str, str] | None = None, **extra: Any) -> httpx.Response:
    """Answer with the one shape that every error has."""
    body = {"detail": f"It is {code}.", "code": code, "errors": [], "request_id": "req-1", **extra}
    return ok(body, status, **(headers or {}))


class Scripted:
    """Gives one step of the script a request; keeps the requests, and how long the client slept between them."""

    def __init__(self, *script: httpx.Response | Exception) -> None:
        self.script = list(script)
        self.asked: list[httpx.Request] = []
        self.slept: list[float] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Play the next step."""
        self.asked.append(request)
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        # A copy, since a response belongs to the client that read it.
        return httpx.Response(step.status_code, headers=step.headers, content=step.content)

    def client(self, kind: Callable[..., Any] = Client, base_url: str = BASE, **given: Any) -> Any:
        """Make a client of it; whichever kind, it is used as if it blocked."""
        credential = {} if "signing_key_id" in given else {"api_key": API_KEY}
        seams = {"sleep": self.sleeper(kind), "clock": lambda: NOW, "jitter": lambda: 1.0}
        made = kind(base_url, transport=httpx.MockTransport(self.answer), **(credential | seams | given))
        return Awaited(made) if kind is AsyncClient else made

    def sleeper(self, kind: Callable[..., Any]) -> Callable[[float], Any]:
        """Return what takes the place of sleeping."""

        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        return sleep if kind is AsyncClient else self.slept.append


class Awaited:
    """An AsyncClient, or a part of one, that awaits for its user."""

    def __init__(self, target: Any) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        return self._calling(value) if callable(value) else Awaited(value)

    @staticmethod
    def _calling(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            found = function(*args, **kwargs)
            return asyncio.run(found) if inspect.iscoroutine(found) else iter(asyncio.run(_all(found)))

        return call


async def _all(found: Any) -> list[Any]:
    return [item async for item in found]
