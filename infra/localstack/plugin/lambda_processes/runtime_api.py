"""Lambda's Runtime API for one execution environment, on a loopback port of its own.

Source: "Using the Lambda runtime API for custom runtimes", AWS Lambda Developer Guide, version 2018-06-01.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

HOST = "127.0.0.1"


class InitFailed(Exception):
    """The function's module could not be loaded; `payload` is what the runtime says of it, as JSON."""

    def __init__(self, payload: bytes) -> None:
        super().__init__(payload.decode("utf-8", "replace"))
        self.payload = payload


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event for the runtime; `answer` is set to its answer, and whether that is an error."""

    id: str
    payload: bytes
    arn: str
    trace: str
    deadline_ms: int
    answer: Future[tuple[bytes, bool]] = field(default_factory=Future)


class RuntimeApi:
    """Hands one invocation at a time to the runtime that asks for it."""

    def __init__(self) -> None:
        self.ready: Future[None] = Future()
        self._waiting: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._current: Invocation | None = None
        self._server = ThreadingHTTPServer((HOST, 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def address(self) -> str:
        """Return what AWS_LAMBDA_RUNTIME_API says."""
        return f"{HOST}:{self._server.server_port}"

    def hand_over(self, invocation: Invocation) -> None:
        """Give the runtime its next event."""
        self._current = invocation
        self._waiting.put(invocation)

    def next(self) -> Invocation | None:
        """Wait for an event, which says that the runtime is ready; None: there will be no more."""
        with suppress(InvalidStateError):
            self.ready.set_result(None)
        return self._waiting.get()

    def answered(self, invocation_id: str, body: bytes, failed: bool) -> None:
        """Take the runtime's answer to an event."""
        if self._current and self._current.id == invocation_id:
            _settle(self._current, body, failed)

    def failed(self, body: bytes) -> None:
        """Take that the runtime has failed as a whole, in its start or in an event."""
        with suppress(InvalidStateError):
            self.ready.set_exception(InitFailed(body))
        if self._current:
            _settle(self._current, body, failed=True)

    def close(self) -> None:
        """Stop listening."""
        self._waiting.put(None)
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _settle(invocation: Invocation, body: bytes, failed: bool) -> None:
    with suppress(InvalidStateError):
        invocation.answer.set_result((body, failed))


def _handler(api: RuntimeApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body in one segment: otherwise each answer waits 40 ms for an acknowledgement.
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            """`/runtime/invocation/next`."""
            if (event := api.next()) is None:
                self.close_connection = True
                self._answer(410)
                return
            self._answer(
                200,
                event.payload,
                {
                    "Lambda-Runtime-Aws-Request-Id": event.id,
                    "Lambda-Runtime-Deadline-Ms": str(event.deadline_ms),
                    "Lambda-Runtime-Invoked-Function-Arn": event.arn,
                    "Lambda-Runtime-Trace-Id": event.trace,
                },
            )

        def do_POST(self) -> None:
            """`/runtime/invocation/<id>/response` or `error`, or `/runtime/init/error`."""
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            *_, subject, what = self.path.strip("/").split("/")
            if subject == "init":
                api.failed(body)
            else:
                api.answered(subject, body, failed=what == "error")
            self._answer(202, b'{"status":"OK"}')

        def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    return Handler
