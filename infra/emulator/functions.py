"""The Chalice app's functions as Lambda would hold them: by name, each with its timeout and a context per call."""

from __future__ import annotations

import json
import logging
import threading
import time
import traceback
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chalice.app import Chalice, EventSourceHandler
from chalice.config import Config

from infra.emulator.record import acting
from infra.tools.awsenv import ACCOUNT, REGION

log = logging.getLogger(__name__)

API = "api_handler"
# AWS waits one minute, then two.
RETRY_SECONDS = (1.0, 2.0)


class UnknownFunction(LookupError):
    """No function of the app has that name."""


@dataclass(slots=True)
class Context:
    """What Lambda passes beside the event."""

    function_name: str
    timeout: float
    memory_limit_in_mb: int = 512
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    function_version: str = "$LATEST"
    log_group_name: str = ""
    log_stream_name: str = "local"
    identity: None = None
    client_context: None = None
    _end: float = 0.0

    def __post_init__(self) -> None:
        self.log_group_name = f"/aws/lambda/{self.function_name}"
        self._end = time.monotonic() + self.timeout

    @property
    def invoked_function_arn(self) -> str:
        """The function's ARN, in the emulators' account."""
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """How long AWS would let the call go on."""
        return max(0, int((self._end - time.monotonic()) * 1000))


class _PerThread:
    """Chalice keeps the current request on the app; here many run at once."""

    _held = threading.local()

    @property
    def current_request(self) -> Any:
        return getattr(self._held, "request", None)

    @current_request.setter
    def current_request(self, value: Any) -> None:
        self._held.request = value

    @property
    def lambda_context(self) -> Any:
        return getattr(self._held, "context", None)

    @lambda_context.setter
    def lambda_context(self, value: Any) -> None:
        self._held.context = value


class Functions:
    """Every function of one app in one stage."""

    def __init__(
        self, app: Chalice, stage: str, config: Config, retry_seconds: tuple[float, ...] = RETRY_SECONDS
    ) -> None:
        self.app, self.stage, self.config, self._retry_seconds = app, stage, config, retry_seconds
        self._sizes = dict[str, tuple[float, int]]()  # Chalice looks through its layers of settings at each question
        app.__class__ = type("LocalApp", (_PerThread, app.__class__), {})
        triggered = {each.name: app.handler_map[each.name] for each in app.event_sources}
        called = {each.name: app.handler_map[each.name] for each in app.pure_lambda_functions}
        self.handlers: dict[str, Callable[[Any, Any], Any]] = {API: app, **triggered, **called}
        for handler in self.handlers.values():
            _bind_middleware(handler)

    def context(self, name: str) -> Context:
        """A fresh context, with the timeout and memory that .chalice/config.json gives the function."""
        if (sized := self._sizes.get(name)) is None:
            scoped = self.config.scope(self.stage, name)
            sized = self._sizes[name] = (scoped.lambda_timeout or 60, scoped.lambda_memory_size or 128)
        return Context(f"{self.app.app_name}-{self.stage}-{name}", *sized)

    def resolve(self, name: str) -> str:
        """The Chalice name for a function's name, ARN or qualified name."""
        parts = name.split(":")
        bare = parts[6] if name.startswith("arn:") and len(parts) > 6 else parts[0]
        short = bare.removeprefix(f"{self.app.app_name}-{self.stage}-")
        if short == bare or short not in self.handlers:
            raise UnknownFunction(bare)
        return short

    def call(self, name: str, event: Any) -> Any:
        """Run a function and return what it answers, as JSON would carry it."""
        context = self.context(name)
        begun = time.monotonic()
        try:
            with acting(name):
                return json.loads(json.dumps(self.handlers[name](event, context)))
        finally:
            if (spent := time.monotonic() - begun) > context.timeout:
                log.warning("%s ran %.1f s; AWS would have stopped it after %.0f s", name, spent, context.timeout)

    def call_async(self, name: str, event: Any) -> threading.Thread:
        """Run a function as an asynchronous invocation: at once, and twice more if it fails."""
        thread = threading.Thread(target=self._attempts, args=(name, event), name=f"invoke-{name}", daemon=True)
        thread.start()
        return thread

    def _attempts(self, name: str, event: Any) -> None:
        for pause in (*self._retry_seconds, None):
            try:
                # Each attempt gets its own event, as it would from AWS.
                self.call(name, json.loads(json.dumps(event)))
            except Exception:
                log.exception("%s failed%s", name, "" if pause is None else f"; again in {pause:g} s")
                if pause is None:
                    log.error("%s failed for good; AWS would drop the event here", name)
                    return
                time.sleep(pause)
            else:
                return


def load_config(project: Path, stage: str) -> Config:
    """The stage's settings from .chalice/config.json."""
    path = project / ".chalice" / "config.json"
    from_disk = json.loads(path.read_text()) if path.exists() else {}
    return Config(chalice_stage=stage, config_from_disk=from_disk, user_provided_params={"project_dir": str(project)})


def error_document(error: BaseException) -> dict[str, Any]:
    """What Lambda answers for a function that raised."""
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "stackTrace": traceback.format_tb(error.__traceback__),
    }


def _bind_middleware(handler: Callable[..., Any]) -> None:
    # Chalice builds the chain at a handler's first call from a generator that can be read once: of two threads that
    # come first together, one would run without any middleware.
    if isinstance(handler, EventSourceHandler) and handler.handler is None:
        middleware = list(handler.middleware_handlers)
        handler.handler = handler._build_middleware_handlers(middleware, original_handler=handler.func)
