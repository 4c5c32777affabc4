"""The stand-in's one HTTP port: both sides of a node, their JSON-RPC, and the control surface."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from infra.tools.ports import HOST
from infra.tron import control
from infra.tron.jsonrpc import Rpc
from infra.tron.ledger import Ledger
from infra.tron.requests import NoPath, Wrong, wrong
from infra.tron.wallet import Wallet

_NO_PATH = """<html>
<head>
<meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>
<title>Error 405 HTTP method POST is not supported by this URL</title>
</head>
<body><h2>HTTP ERROR 405</h2></body>
</html>
"""


class _Refused(Exception):
    """A request that somebody before the node answers, a provider's gateway say."""


class _Cut(Exception):
    """A connection that ends without an answer."""


class Front:
    """Answers requests by their path, one at a time."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._sides = {"wallet": Wallet(ledger, solid=False), "walletsolidity": Wallet(ledger, solid=True)}
        self._rpc = {"jsonrpc": Rpc(ledger, solid=False), "solid/jsonrpc": Rpc(ledger, solid=True)}

    def answer(self, path: str, query: str, body: bytes) -> Any:
        """Return what a request is answered with, as JSON."""
        with self.ledger.lock:
            if path.startswith("_control/"):
                return control.answer(self.ledger, path.removeprefix("_control/"), _object(query, body))
            faults = self.ledger.faults
            if faults.take("refuse"):
                raise _Refused
            if len(body) > faults.body:
                raise wrong("java.lang.Exception", f"body size is too big, the limit is {faults.body}")
            if path in self._rpc:
                return self._answer_rpc(path, body)
            side, _, name = path.partition("/")
            if side not in self._sides:
                raise NoPath(path)
            told = self._sides[side].answer(name.lower(), _object(query, body))
            if name.startswith("broadcast") and faults.take("cut"):
                raise _Cut
            return told

    def _answer_rpc(self, path: str, body: bytes) -> Any:
        faults = self.ledger.faults
        if path.startswith("solid") and (faults.blind or faults.no_rpc):
            raise NoPath(path)
        try:
            asked = json.loads(body)
        except ValueError:
            error = {"code": -32700, "message": "JSON parse error"}
            return {"jsonrpc": "2.0", "id": "null", "error": error}
        return self._rpc[path].answer(asked)


def _object(query: str, body: bytes) -> dict[str, Any]:
    """Read what is asked for, from the query or from the body."""
    try:
        found = json.loads(body) if body.strip() else {}
    except ValueError as exc:
        raise wrong("com.alibaba.fastjson.JSONException", "syntax error") from exc
    if not isinstance(found, dict):
        raise wrong("com.alibaba.fastjson.JSONException", "can not cast to JSONObject.")
    return dict(parse_qsl(query)) | found


class _Handler(BaseHTTPRequestHandler):
    """One connection, which is kept."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    front: Front

    def log_message(self, *_: Any) -> None:
        """Say nothing: a pass of the gateway is hundreds of requests."""

    def do_GET(self) -> None:
        """Answer as to a POST: parameters stand in the query."""
        self.do_POST()

    def do_POST(self) -> None:
        """Answer one request."""
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        faults = self.front.ledger.faults
        try:
            self._send(200, json.dumps(self.front.answer(parts.path.strip("/"), parts.query, body)))
        except Wrong as exc:
            self._send(200, json.dumps({"Error": str(exc)}))
        except NoPath:
            self._send(405, _NO_PATH, "text/html;charset=utf-8")
        except _Refused:
            self._send(faults.status, json.dumps({"Error": faults.text}))
        except _Cut:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        except (ValueError, KeyError) as exc:  # of the control surface: a test has mistyped something
            self._send(400, json.dumps({"Error": f"{type(exc).__name__}: {exc}"}))

    def _send(self, status: int, text: str, kind: str = "application/json") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that hung up; anything else is a fault of ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(ledger: Ledger, port: int = 0) -> Iterator[int]:
    """Answer on loopback for the time of the block; give the port."""
    handler = type("Handler", (_Handler,), {"front": Front(ledger)})
    with _Server((HOST, port), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()
