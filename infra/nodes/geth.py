"""Starts geth with a chain of its own: the local chain's id, the rules of Prague, and accounts that have coins."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.stack import anvil, contracts, wallet
from infra.stack.tokens import HOLDERS
from infra.tools.errors import Failed
from infra.tools.ports import HOST, free_ports
from infra.tools.process import Child, Supervisor, base_env

COINS_EACH = 1_000_000
_APIS = "eth,net,web3,debug,txpool,miner"
_DEVELOPER = "0x71562b71999873DB5b286dF957af199Ec94617F7"  # whom `--dev` unlocks
_AFTER_PRAGUE = ("osakaTime", "bogotaTime", "amsterdamTime")


@dataclass(frozen=True, slots=True)
class Geth:
    """A running geth: its public address, and the one of its Engine API with the secret that opens it."""

    url: str
    engine_url: str
    secret: bytes
    child: Child


def start(supervisor: Supervisor, binary: Path, *, period: int | None = None, port: int = 0) -> Geth:
    """Start it on an empty chain and return once it answers.

    With a `period` in its developer mode: a block each so many seconds, or with 0 one for each transaction; the coins
    are its developer account's, whose key it holds. Without one it makes no blocks, which a consensus client does; the
    coins are with Anvil's ten accounts.
    """
    (free, engine), secret = free_ports(2), secrets.token_bytes(32)
    home = supervisor.state / "geth"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    holders = [wallet.funded(index).address for index in range(HOLDERS)] if period is None else [_DEVELOPER]
    (home / "genesis.json").write_text(json.dumps(genesis(binary, holders)))
    (home / "jwt.hex").write_text(secret.hex())
    _run(binary, "init", "--datadir", home / "data", home / "genesis.json")
    mode, own = ([], "testing") if period is None else (["--dev", f"--dev.period={period}"], "dev")
    command: list[str | Path] = [binary, *mode, "--datadir", home / "data"]
    command += ["--http", "--http.addr", HOST, "--http.port", str(port or free), "--http.api", f"{_APIS},{own}"]
    command += ["--authrpc.addr", HOST, "--authrpc.port", str(engine), "--authrpc.jwtsecret", home / "jwt.hex"]
    command += ["--port", "0", "--nodiscover", "--maxpeers", "0", "--nat", "none", "--ipcdisable"]
    # It would offer its pool again and again what it was once sent, also what a test has dropped.
    command += ["--txpool.nolocals", "--syncmode", "full", "--cache", "64", "--verbosity", "2"]
    child = supervisor.start("geth", command, env=base_env() | {"HOME": str(home)}, cwd=home)
    url = f"http://{HOST}:{port or free}"
    supervisor.await_ready(child, lambda: anvil.rpc(url, "eth_chainId") == hex(anvil.CHAIN_ID))
    return Geth(url, f"http://{HOST}:{engine}", secret, child)


def genesis(binary: Path, holders: Iterable[str]) -> dict[str, Any]:
    """Return geth's own first block for developers, with this project's chain id and rules, and coins for `holders`.

    It holds the deterministic deployer, as public chains do: geth takes no transaction that is of no chain.
    """
    made: dict[str, Any] = json.loads(_run(binary, "--dev", "dumpgenesis"))
    made["config"]["chainId"] = anvil.CHAIN_ID
    for fork in _AFTER_PRAGUE:
        made["config"].pop(fork, None)
    made["alloc"][contracts.DEPLOYER] = {"balance": "0x0", "code": contracts.DEPLOYERS_CODE}
    for address in holders:
        made["alloc"][address] = {"balance": hex(COINS_EACH * 10**18)}
    return made


def _run(binary: Path, *arguments: str | Path) -> str:
    done = subprocess.run([binary, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"geth {arguments[0]} failed: {done.stderr.strip()[-500:]}")
    return done.stdout
