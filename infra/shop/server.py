"""The demo shop's server: it knows the API, and nothing of the gateway's inside."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Self

import httpx
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from infra.stack.receiver import Receiver
from infra.tools.ports import HOST

FOLDER = Path(__file__).parent
_FILES = {"/shop.css": "text/css", "/shop.js": "text/javascript"}
_LARGEST = 256 * 1024


class Product(NamedTuple):
    """What is sold, and for how much."""

    name: str
    amount: str
    asset: str


PRODUCTS = {
    "coffee": Product("Coffee", "4.5", "USDC"),
    "cake": Product("Cake", "6", "USDT"),
    "cup": Product("Cup", "0.01", "ETH"),
}


@dataclass(frozen=True, slots=True)
class Order:
    """One order."""

    id: str
    product: str
    payment_id: str
    checkout_url: str


def state_of(events: Sequence[str]) -> str:
    """Say what the shop does: it ships once a webhook says `paid`, whatever an address in the browser says."""
    if "payment.paid" in events:
        return "paid, shipped"
    ended = {"payment.expired", "payment.failed", "payment.cancelled"} & set(events)
    return "not paid in time" if ended else "waiting for the payment"


class Shop:
    """Sells on a loopback port; `about` is what gateway.json shows."""

    def __init__(self, about: Mapping[str, Any]) -> None:
        self._about = about
        self._receiver = Receiver(about["merchant"]["webhook_secret"])
        self.orders: dict[str, Order] = {}
        self._lock = threading.Lock()
        loader = FileSystemLoader(FOLDER)
        self._page = Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template("shop.html")
        self._server = ThreadingHTTPServer((HOST, 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://{HOST}:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Open it."""
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._server.shutdown()
        self._server.server_close()

    def page(self) -> str:
        """Render what is sold and what was ordered, newest first."""
        with self._lock:
            newest = list(reversed(self.orders.values()))
        orders = [(each, heard := self._receiver.heard(each.payment_id), state_of(heard)) for each in newest]
        return self._page.render(products=PRODUCTS, orders=orders, refused=len(self._receiver.refused))

    def buy(self, product_id: str) -> str:
        """Ask the gateway for a payment; return the address of its checkout."""
        product, order_id = PRODUCTS[product_id], f"order-{uuid.uuid4().hex[:8]}"
        asked = {
            "chain": next(iter(self._about["chains"])),
            "asset": product.asset,
            "amount_decimal": product.amount,
            "order_id": order_id,
            "description": product.name,
            "webhook_url": f"{self.url}/hooks",
            "success_url": self.url,
            "cancel_url": self.url,
        }
        headers = {"Authorization": f"Bearer {self._about['merchant']['api_key']}", "Idempotency-Key": order_id}
        answer = httpx.post(f"{self._about['api_url']}/api/v1/payments", json=asked, headers=headers, trust_env=False)
        made = answer.raise_for_status().json()
        with self._lock:
            self.orders[made["id"]] = Order(order_id, product.name, made["id"], made["checkout_url"])
        return str(made["checkout_url"])

    def take(self, body: bytes, headers: dict[str, str]) -> int:
        """Take a webhook; what does not verify is refused."""
        return self._receiver.take(body, headers)


def _handler(shop: Shop) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/":
                self._answer(200, "text/html; charset=utf-8", shop.page().encode())
            elif path in _FILES:
                self._answer(200, f"{_FILES[path]}; charset=utf-8", (FOLDER / path[1:]).read_bytes())
            else:
                self._answer(404, "text/plain", b"There is nothing at this address.")

        def do_POST(self) -> None:
            body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), _LARGEST))
            product = self.path.removeprefix("/buy/")
            if self.path == "/hooks":
                self._answer(shop.take(body, dict(self.headers.items())), "text/plain", b"")
            elif product in PRODUCTS:
                try:
                    self._answer(303, "text/plain", b"", Location=shop.buy(product))
                except httpx.HTTPError:
                    self._answer(502, "text/plain", b"The gateway made no payment; its log says why.")
            else:
                self._answer(404, "text/plain", b"There is no such product.")

        def _answer(self, status: int, media: str, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": media, "Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
