"""The gateway as it may be tomorrow: a proxy that adds a field, a status, a flag and a code to its answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from infra.tools.ports import HOST

FIELD = "field_of_tomorrow"
STATUS = "status_of_tomorrow"
FLAG = "flag_of_tomorrow"
CODE = "code_of_tomorrow"
OF_ANY_NAMES = ("metadata",)  # maps: their names are the merchant's own


def grown(value: Any) -> Any:
    """Return an answer as a later version may give it, on every level."""
    if isinstance(value, list):
        return [grown(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {name: held if name in OF_ANY_NAMES else grown(held) for name, held in value.items()}
    if isinstance(made.get("exceptions"), list):
        made |= {"exceptions": [*made["exceptions"], FLAG], "exception": FLAG}
    made |= {name: later for name, later in (("status", STATUS), ("code", CODE)) if isinstance(made.get(name), str)}
    return made | {FIELD: {"nested": [1, "two", None]}}


@contextmanager
def proxy(api_url: str) -> Iterator[str]:
    """Run the proxy on a free loopback port, and give its address."""
    http = httpx.Client(base_url=api_url, timeout=30, trust_env=False)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body in one segment: otherwise each answer waits 40 ms for an acknowledgement.
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._forward()

        def do_POST(self) -> None:
            self._forward()

        def _forward(self) -> None:
            kept = {name: value for name, value in self.headers.items() if name.lower() in ("authorization", "accept")}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            content = {"Content-Type": "application/json"} if body else {}
            answer = http.request(self.command, self.path, content=body, headers=kept | content)
            grew = json.dumps(grown(answer.json())).encode()
            self.send_response(answer.status_code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(grew)))
            self.end_headers()
            self.wfile.write(grew)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        http.close()
