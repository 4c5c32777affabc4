"""Lambda's Invoke API on loopback, so that one function calls another as it would in AWS."""

from __future__ import annotations

import json
import logging
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from infra.emulator.functions import Functions, UnknownFunction, error_document
from infra.tools.ports import HOST

log = logging.getLogger(__name__)

_PREFIX, _SUFFIX = "/2015-03-31/functions/", "/invocations"
SYNC_LIMIT = 6 * 1024 * 1024
ASYNC_LIMIT = 1024 * 1024


class Server(ThreadingHTTPServer):
    """One thread for each connection: an invocation may last as long as a function may."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, functions: Functions, port: int = 0) -> None:
        self.functions = functions
        super().__init__((HOST, port), _Handler)

    @property
    def url(self) -> str:
        """What AWS_ENDPOINT_URL_LAMBDA is to be."""
        return f"http://{HOST}:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body in one segment, at once: otherwise each answer waits 40 ms for an acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        if not (path.startswith(_PREFIX) and path.endswith(_SUFFIX)):
            return self._refuse(404, "ResourceNotFoundException", f"no such operation: {path}")
        asked = unquote(path[len(_PREFIX) : -len(_SUFFIX)])
        kind = self.headers.get("X-Amz-Invocation-Type", "RequestResponse")
        try:
            name = self.server.functions.resolve(asked)
            event = json.loads(body or b"{}")
        except UnknownFunction as error:
            return self._refuse(404, "ResourceNotFoundException", f"Function not found: {error}")
        except ValueError as error:
            return self._refuse(
                400, "InvalidRequestContentException", f"Could not parse request body into json: {error}"
            )
        if len(body) > (ASYNC_LIMIT if kind == "Event" else SYNC_LIMIT):
            return self._refuse(413, "RequestTooLargeException", "Request must be smaller than the payload limit")
        if kind == "DryRun":
            return self._answer(204, b"")
        if kind == "Event":
            self.server.functions.call_async(name, event)
            return self._answer(202, b"")
        return self._call(name, event)

    def _call(self, name: str, event: Any) -> None:
        try:
            result = self.server.functions.call(name, event)
        except Exception as error:
            log.exception("%s failed", name)
            body = json.dumps(error_document(error)).encode()
            return self._answer(200, body, {"X-Amz-Function-Error": "Unhandled"})
        return self._answer(200, json.dumps(result).encode(), {"X-Amz-Executed-Version": "$LATEST"})

    def _refuse(self, status: int, code: str, message: str) -> None:
        body = json.dumps({"Type": "User", "Message": message, "message": message}).encode()
        self._answer(status, body, {"x-amzn-ErrorType": code})

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        log.debug(format, *args)
