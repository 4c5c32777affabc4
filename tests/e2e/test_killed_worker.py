"""A worker that is killed between its post and the record of it: the event arrives again, as it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ctrip.domain.jobs import WebhookJob, encode_job
from ctrip.domain.webhooks.endpoint import PAYMENT_ENDPOINT
from infra.tools.process import ROOT
from tests.e2e.behind import Tables
from tests.e2e.shop import Shop
from tests.e2e.stack import Up, eventually

# The function as Lambda calls it, in a process of its own; it begins when it is given its event.
WORKER = """
import json, sys
from infra.emulator.functions import Context
from app import app
print(app.handler_map["webhooks"](json.loads(sys.stdin.read()), Context("ctrip-local-webhooks", 60)))
"""


class Killer(ThreadingHTTPServer):
    """An endpoint that answers 204, or kills the worker whose post it has read."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[str, bytes]] = []
        self.victim: int | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class Handler(BaseHTTPRequestHandler):
    server: Killer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.headers["webhook-id"], body))
        victim, self.server.victim = self.server.victim, None
        if victim is not None:
            os.kill(victim, signal.SIGKILL)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def killer() -> Iterator[Killer]:
    """Start the endpoint."""
    server = Killer()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_what_a_killed_worker_posted_arrives_again_as_it_was(
    up: Up, shop: Shop, behind: Tables, killer: Killer
) -> None:
    """Under one id, with the same bytes; nothing is on record of the attempt that died, and one record at the end."""
    shop.ask(amount=1, webhook_url=killer.url)
    eventually(lambda: killer.got, what="the first delivery")
    merchant, ulid = shop.gateway.about["merchant"]["id"], killer.got[0][0].removeprefix("evt_")
    behind.forget_attempt(merchant, ulid)
    body = encode_job(WebhookJob(merchant, ulid, PAYMENT_ENDPOINT))
    message = {"messageId": "message-1", "receiptHandle": "r", "eventSource": "aws:sqs", "body": body}
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER], cwd=ROOT, env=up.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    killer.victim = worker.pid
    worker.communicate(json.dumps({"Records": [message]}).encode(), timeout=60)
    assert worker.returncode == -signal.SIGKILL
    assert len(killer.got) == 2
    assert behind.events.attempted(merchant, ulid, PAYMENT_ENDPOINT, 1) is None
    eventually(lambda: (up.run("relay"), len(killer.got) > 2)[1], what="the repetition")
    done = eventually(lambda: behind.events.attempted(merchant, ulid, PAYMENT_ENDPOINT, 1), what="its record")
    assert (done.status_code, done.next_attempt_at) == (204, None)
    assert len(set(killer.got)) == 1
