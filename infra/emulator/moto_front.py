"""moto behind a server that keeps connections open, with DynamoDB handed on to dynoxide once its tables are there.

`python -m infra.emulator.moto_front PORT`. Until `PUT /_local/dynamodb` names another endpoint, moto answers DynamoDB
too: CloudFormation makes its tables there, and they are copied from what it made.
"""

from __future__ import annotations

import http.client
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

import waitress
from moto.moto_server.werkzeug_app import create_backend_app

from infra.emulator import moto_secret  # noqa: F401 - being imported is what makes moto find it
from infra.emulator.moto_queues import Dispatcher

HANDOVER = "/_local/dynamodb"
# Each consumer's long poll holds a thread for its whole wait.
THREADS = 48


class Front:
    """One WSGI callable for all of the embedded AWS."""

    def __init__(self, moto: Callable[..., Iterable[bytes]]) -> None:
        self._moto = moto
        self._dynamodb: str | None = None
        self._local = threading.local()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        if environ["PATH_INFO"] == HANDOVER and environ["REQUEST_METHOD"] == "PUT":
            self._dynamodb = urlsplit(environ["wsgi.input"].read().decode()).netloc
            start_response("204 No Content", [])
            return []
        if self._dynamodb and environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDB"):
            return self._hand_on(environ, start_response, self._dynamodb)
        return self._moto(environ, start_response)

    def _hand_on(self, environ: dict[str, Any], start_response: Callable[..., Any], netloc: str) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        headers = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
        headers["Content-Type"] = environ.get("CONTENT_TYPE", "")
        connection = getattr(self._local, "connection", None) or http.client.HTTPConnection(netloc, timeout=30)
        self._local.connection = connection
        try:
            connection.request("POST", "/", body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            start_response("503 Service Unavailable", [("Content-Length", "0")])
            return []
        kept = [
            (name, value)
            for name, value in answer.getheaders()
            if name.lower() not in {"connection", "transfer-encoding", "content-length", "date", "keep-alive"}
        ]
        start_response(f"{answer.status} {answer.reason}", [*kept, ("Content-Length", str(len(content)))])
        return [content]


def main() -> None:
    """Serve until terminated."""
    waitress.serve(
        Front(Dispatcher(create_backend_app)),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        threads=THREADS,
        asyncore_use_poll=True,
        _quiet=True,
        ident=None,
    )


if __name__ == "__main__":
    main()
