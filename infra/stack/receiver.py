"""A webhook receiver that verifies each delivery, both signatures, and keeps what it heard."""

from __future__ import annotations

import hmac
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from standardwebhooks import Webhook, WebhookVerificationError


@dataclass(frozen=True, slots=True)
class Attempt:
    """One delivery that verified: when it came (monotonic seconds), what it was, and the call that it follows from."""

    at: float
    event_id: str
    type: str
    status: int
    request_id: str | None = None


@dataclass(slots=True)
class Receiver:
    """Listens on a free loopback port; `answers` are the statuses it gives before it starts to say 204."""

    secret: str
    answers: list[int] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Where webhooks are to go."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_port}/hooks"

    def __enter__(self) -> Self:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            # Head and body in one segment: otherwise each answer waits 40 ms for an acknowledgement.
            wbufsize = -1
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(receiver.take(body, dict(self.headers.items())))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    def take(self, body: bytes, headers: dict[str, str]) -> int:
        """Verify one delivery; answer 401 to what does not verify."""
        plain = hmac.digest(self.secret.encode(), body, "sha256").hex()
        problem = None
        if not hmac.compare_digest(headers.get("X-Webhook-Signature", ""), plain):
            problem = "X-Webhook-Signature does not match"
        try:
            Webhook(self.secret).verify(body, {name.lower(): value for name, value in headers.items()})
        except WebhookVerificationError as exc:
            problem = f"webhook-signature: {exc}"
        with self.changed:
            if problem:
                self.refused.append(problem)
                return 401
            status = self.answers.pop(0) if self.answers else 204
            event = json.loads(body)
            asked = headers.get("X-Request-Id")
            self.attempts.append(Attempt(time.monotonic(), event["id"], event["type"], status, asked))
            if status == 204:
                self.events.append(event)
            self.changed.notify_all()
            return status

    def heard(self, payment_id: str) -> list[str]:
        """Return the types of a payment's events, in their own order, each once."""
        return [event["type"] for event in self.of(payment_id)]

    def of(self, payment_id: str) -> list[dict[str, Any]]:
        """Return a payment's events in their own order, each once."""
        with self.changed:
            mine = {event["id"]: event for event in self.events if event.get("payment_id") == payment_id}
        return sorted(mine.values(), key=lambda event: int(event["data"]["sequence"]))

    def after(self, seen: int, seconds: float) -> list[dict[str, Any]]:
        """Return the events beyond the first `seen`, as soon as there are any, or none after `seconds`."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.events) > seen, seconds)
            return self.events[seen:]

    def wait_for(self, payment_id: str, event: str, seconds: float) -> bool:
        """Wait until an event of a payment has come."""
        with self.changed:
            return self.changed.wait_for(
                lambda: any(e.get("payment_id") == payment_id and e["type"] == event for e in self.events), seconds
            )
