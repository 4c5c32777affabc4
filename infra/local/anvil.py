"""Anvil, the local chain."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from infra.local import npm
from infra.local.ports import HOST, Ports
from infra.local.process import Supervisor, base_env

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


def rpc(url: str, method: str, *params: Any) -> Any:
    """One JSON-RPC call; None while nobody answers."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer).get("result")
    except OSError:
        return None
