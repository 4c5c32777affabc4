"""Counts the JSON-RPC calls that pass on their way to a node."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class CountingProxy:
    """Listens on a free loopback port; a pass of the scanner begins where it asks for the newest block."""

    def __init__(self, upstream: str) -> None:
        self.requests, self.calls, self.passes = 0, Counter[str](), 0
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                proxy.count(json.loads(body))
                request = urllib.request.Request(upstream, body, {"Content-Type": "application/json"})
                with urllib.request.urlopen(request, timeout=20) as reply:
                    answer = reply.read()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def count(self, request: Any) -> None:
        """Note one request, whose calls may be many."""
        calls = request if isinstance(request, list) else [request]
        with self._lock:
            self.requests += 1
            for call in calls:
                self.calls[call["method"]] += 1
                self.passes += call["method"] == "eth_getBlockByNumber" and call["params"][0] == "latest"

    def reset(self) -> None:
        """Begin to count anew."""
        with self._lock:
            self.requests, self.passes = 0, 0
            self.calls.clear()
