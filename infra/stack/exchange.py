"""A recorded exchange on loopback, `python -m infra.stack.exchange`: it answers as Kraken and as Coinbase do.

What it answers lies in the folder `recorded`; what `ctrip dev rate` has moved since, in the gateway's own folder.
"""

from __future__ import annotations

import json
import os
import sys
from decimal import Context, Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from ctrip.net import coinbase, kraken
from infra.tools.awsenv import listening
from infra.tools.ports import HOST
from infra.tools.process import Supervisor, base_env

if TYPE_CHECKING:
    from infra.stack.settings import Settings

RECORDED = Path(__file__).parent / "recorded"
EXCHANGES = (kraken.NAME, coinbase.NAME)
MOVED = "rates.json"
OUT = "out"
_PLACES = Context(prec=28)


def moved(state: Path) -> dict[str, dict[str, str]]:
    """Read what was moved: by exchange, what a unit of each symbol is worth in US dollars, and whether it is out."""
    try:
        found: dict[str, dict[str, str]] = json.loads((state / MOVED).read_text())
    except FileNotFoundError:
        return {}
    return found


def move(state: Path, exchange: str, **values: str | None) -> None:
    """Note what an exchange answers from now on; None takes a note back."""
    held = moved(state)
    own = {**held.get(exchange, {}), **values}
    held[exchange] = {name: value for name, value in own.items() if value is not None}
    fresh = state / f"{MOVED}.new"
    fresh.write_text(json.dumps(held))
    fresh.replace(state / MOVED)


def answer(path: str, query: str, held: dict[str, dict[str, str]]) -> tuple[int, Any]:
    """Return the status and the body for a path."""
    asked = parse_qs(query)
    if path == "/0/public/Ticker":
        return _out(held, kraken.NAME) or (200, _ticker(asked, held.get(kraken.NAME, {})))
    if path == "/v2/exchange-rates":
        return _out(held, coinbase.NAME) or (200, _rates(held.get(coinbase.NAME, {})))
    return 404, {"error": ["EGeneral:Unknown method"]}


def _out(held: dict[str, dict[str, str]], exchange: str) -> tuple[int, Any] | None:
    return (503, {"error": ["EService:Unavailable"]}) if OUT in held.get(exchange, {}) else None


def _ticker(asked: dict[str, list[str]], values: dict[str, str]) -> Any:
    recorded = json.loads((RECORDED / "kraken-ticker.json").read_text())
    for symbol, value in values.items():
        if (pair := kraken.PAIRS.get(symbol)) is not None:
            price = _turned(value) if symbol in kraken.INVERTED else value
            recorded["result"].setdefault(pair, {}).update(a=[price, "1", "1.000"], b=[price, "1", "1.000"])
    pairs = asked["pair"][0].split(",") if "pair" in asked else list(recorded["result"])
    if any(pair not in recorded["result"] for pair in pairs):
        return {"error": [kraken.UNKNOWN_PAIR]}
    return {"error": [], "result": {pair: recorded["result"][pair] for pair in pairs}}


def _rates(values: dict[str, str]) -> Any:
    recorded = json.loads((RECORDED / "coinbase-rates.json").read_text())
    recorded["data"]["rates"] |= {symbol: _turned(value) for symbol, value in values.items()}
    return recorded


def _turned(value: str) -> str:
    return f"{_PLACES.divide(Decimal(1), Decimal(value)):f}"


class _Handler(BaseHTTPRequestHandler):
    state: Path

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        status, body = answer(parts.path, parts.query, moved(self.state))
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def start(supervisor: Supervisor, settings: Settings) -> dict[str, str]:
    """Start it, with nothing moved; return the settings by which the gateway finds it.

    Whoever names exchanges themselves has the live ones asked: then there is nothing to start.
    """
    if os.environ.get("CTRIP_EXCHANGES", "").strip():
        return {}
    (settings.state / MOVED).unlink(missing_ok=True)
    port = settings.ports.exchange
    command = [sys.executable, "-m", "infra.stack.exchange", str(settings.state), str(port)]
    child = supervisor.start("exchange", command, env=base_env() | {"PYTHONPATH": os.pathsep.join(sys.path)})
    supervisor.await_ready(child, lambda: listening(port))
    return {"CTRIP_EXCHANGES": ",".join(EXCHANGES), "CTRIP_RECORDED_EXCHANGE": f"http://{HOST}:{port}"}


def server(state: Path, port: int) -> ThreadingHTTPServer:
    """Build one that answers from a gateway's folder."""
    handler = type("Handler", (_Handler,), {"state": state})
    return ThreadingHTTPServer((HOST, port), handler)


def main() -> None:
    """Serve until terminated."""
    server(Path(sys.argv[1]), int(sys.argv[2])).serve_forever()


if __name__ == "__main__":
    main()
