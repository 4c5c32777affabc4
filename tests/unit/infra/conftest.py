"""A small Chalice app with every kind of trigger, and the waiting that replaces sleeping."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from chalice.app import Chalice, CORSConfig, Response
from chalice.config import Config

from infra.emulator.functions import Functions


@dataclass
class Seen:
    """What the app's functions were called with."""

    calls: list[Any] = field(default_factory=list)
    contexts: list[Any] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)


def toy_app(seen: Seen) -> Chalice:
    """An app whose functions note what they get."""
    app = Chalice("toy", configure_logs=False)

    @app.middleware("all")
    def through(event: Any, get_response: Callable[[Any], Any]) -> Any:
        seen.calls.append("middleware")
        return get_response(event)

    @app.route("/items/{name}", methods=["GET", "POST"], cors=CORSConfig(allow_origin="*"))
    def item(name: str) -> dict[str, Any]:
        assert app.current_request
        return {"name": name, "event": app.current_request.to_original_event()}

    @app.route("/items/first")
    def first() -> dict[str, str]:
        return {"name": "literal"}

    @app.route("/wait/{name}")
    def wait(name: str) -> dict[str, Any]:
        seen.release.wait(10)
        assert app.current_request
        assert app.current_request.uri_params
        return {"name": name, "request": app.current_request.uri_params["name"]}

    @app.route("/page")
    def page() -> Response:
        return Response("<p>", headers={"Content-Type": "text/html; charset=utf-8", "X-Many": ["a", "b"]})

    @app.lambda_function()
    def called(event: Any, context: Any) -> Any:
        seen.calls.append(event)
        seen.contexts.append(context)
        return {"got": event, "left": context.get_remaining_time_in_millis()}

    @app.lambda_function()
    def broken(event: Any, context: Any) -> Any:
        seen.calls.append(event)
        raise RuntimeError("on purpose")

    @app.schedule("rate(1 hour)")
    def hourly(event: Any) -> None:
        seen.calls.append(event.to_dict())

    @app.on_sqs_message(queue="jobs", batch_size=5)
    def jobs(event: Any) -> Any:
        records = event.to_dict()["Records"]
        seen.calls.append(records)
        if any(record["body"] == "explode" for record in records):
            raise RuntimeError("on purpose")
        bad = [record["messageId"] for record in records if record["body"] == "bad"]
        return {"batchItemFailures": [{"itemIdentifier": each} for each in bad]}

    return app


def toy_functions(seen: Seen) -> Functions:
    """The app as Lambda would hold it, in stage `local`."""
    settings = {"stages": {"local": {"lambda_functions": {"called": {"lambda_timeout": 7, "lambda_memory_size": 256}}}}}
    config = Config(chalice_stage="local", config_from_disk=settings)
    return Functions(toy_app(seen), "local", config, retry_seconds=(0.0, 0.0))


@pytest.fixture
def seen() -> Seen:
    """What the functions were called with."""
    return Seen()


@pytest.fixture
def functions(seen: Seen) -> Functions:
    """The toy app's functions."""
    return toy_functions(seen)


def eventually(condition: Callable[[], Any], seconds: float = 10) -> Any:
    """The condition's first true value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never became true"
        threading.Event().wait(0.01)
    return value
