"""Serves the pages of `infra.shots.pages` on loopback, with the headers that they have in a gateway."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit

from ctrip.pages import render
from ctrip.pages.language import choose
from ctrip.ports.language import Language
from functions.pages.assets import TYPES
from functions.pages.brand import headers_of
from infra.shots import pages
from infra.tools.ports import HOST
from tests.support.pictures import png


class Server(ThreadingHTTPServer):
    """A server of pages; `failing` makes each status fail, and `without_brand` shows a shop that has set nothing."""

    daemon_threads = True
    failing = False
    without_brand = False

    def __init__(self) -> None:
        super().__init__((HOST, 0), _Handler)
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"http://{HOST}:{self.server_port}"

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Serve no more."""
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        """Answer a browser."""
        asked = urlsplit(self.path)
        language = choose(parse_qs(asked.query).get("lang", [None])[0], self.headers.get("Accept-Language"))
        status, media, body = self._found(asked.path.strip("/").split("/"), language)
        shop = pages.PLAIN if self.server.without_brand else pages.SHOP
        headers = headers_of(shop) | {"Content-Type": media, "Content-Length": str(len(body))}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()
        with suppress(ConnectionError):  # a page that is closed waits for no answer
            self.wfile.write(body)

    def _found(self, parts: list[str], language: Language) -> tuple[int, str, bytes]:
        html = "text/html; charset=utf-8"
        shop = pages.PLAIN if self.server.without_brand else pages.SHOP
        match parts:
            case ["pay", name] if name in pages.STATES:
                return 200, html, pages.checkout(name, language, shop).encode()
            case ["pay", name, "status"] if name in pages.STATES and not self.server.failing:
                return 200, "application/json", json.dumps(pages.state(name, language)).encode()
            case ["choose", name] if name in pages.CHOICES:
                return 200, html, pages.CHOICES[name](language).encode()
            case ["bills", name] if name in pages.BILLS:
                return 200, html, pages.BILLS[name](language).encode()
            case ["claim", name] if name in pages.CLAIMS:
                return 200, html, pages.CLAIMS[name](language).encode()
            case ["others", name] if name in pages.OTHERS:
                return 200, html, pages.OTHERS[name](language).encode()
            case ["assets", name] if (held := render.asset(name)) is not None:
                return 200, TYPES[name.rsplit(".", 1)[1]], held.encode()
            case ["brands", _, "style.css"]:
                return 200, TYPES["css"], shop.style.encode()
            case ["brands", _, "logo"]:
                return 200, "image/png", png(96, 96, colour=b"\xff\xff\xff")
        return 503 if "status" in parts else 404, "application/json", b"{}"

    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""
