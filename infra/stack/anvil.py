"""Anvil, the local chain."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Callable, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from infra.tools import npm
from infra.tools.errors import Refused
from infra.tools.ports import HOST, Ports
from infra.tools.process import Supervisor, base_env

CHAIN_ID = 31337


def start(
    supervisor: Supervisor,
    ports: Ports,
    tools: Path,
    say: Callable[[str], None],
    *,
    block_time: int = 1,
    extra: Sequence[str] = (),
) -> str:
    """Start it with its ten default accounts, and return its address; a block time of 0 mines on each transaction."""
    binary = npm.anvil(tools, say)
    # It spills old states under HOME, and finds them again: each start gets an empty one.
    home = supervisor.state / "anvil"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    timing = ["--block-time", str(block_time)] if block_time else []
    url = f"http://{HOST}:{ports.anvil}"
    command: list[str | Path] = [binary, *timing, "--host", HOST, "--port", str(ports.anvil)]
    command += ["--chain-id", str(CHAIN_ID), "--hardfork", "prague", "--silent", *extra]
    child = supervisor.start("anvil", command, env=base_env() | {"HOME": str(home)}, cwd=home)
    supervisor.await_ready(child, lambda: rpc(url, "eth_chainId") == hex(CHAIN_ID))
    return url


def check(url: str) -> None:
    """Raise `Refused` unless a node of the local chain answers at CTRIP_NODE_URL."""
    shown = _shown(url)
    found = rpc(url, "eth_chainId")
    if not isinstance(found, str):
        raise Refused(f"no node answers at CTRIP_NODE_URL ({shown}); start it first.")
    if _number(found) != str(CHAIN_ID):
        raise Refused(
            f"the node at CTRIP_NODE_URL ({shown}) is of chain {_number(found)}; the local one is {CHAIN_ID}."
        )


def _shown(url: str) -> str:
    """Return a node's address without its path and credentials, in which providers put their keys."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or parts.scheme not in {"http", "https"}:
        raise Refused("CTRIP_NODE_URL is not an http address; give a node's, such as http://127.0.0.1:8545.")
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def _number(quantity: str) -> str:
    try:
        return str(int(quantity, 16))
    except ValueError:
        return "no number"


def rpc(url: str, method: str, *params: Any) -> Any:
    """One JSON-RPC call; None while nobody answers."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            reply = json.load(answer)
    except (OSError, ValueError, HTTPException):
        return None
    return reply.get("result") if isinstance(reply, dict) else None
