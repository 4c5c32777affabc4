"""A gateway of its own for tests: `python -m infra.commands.up` on free ports, watched from outside."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from infra.emulator.events import scheduled_event
from infra.stack.handle import Gateway
from infra.tools.awsenv import aws_env
from infra.tools.ports import HOST, free_ports
from infra.tools.process import ROOT, base_env
from infra.tools.reaper import descendants

START_SECONDS = 120


@dataclass
class Up:
    """A `make up` that was started; `about` is its gateway.json, once it is there."""

    process: subprocess.Popen[bytes]
    state: Path
    output: Path
    lambda_port: int
    family: set[int] = field(default_factory=set)

    @property
    def about(self) -> dict[str, Any]:
        """Wait for gateway.json, and read it."""
        path = self.state / "gateway.json"

        def there() -> bool:
            assert self.process.poll() is None, f"make up ended with {self.process.returncode}:\n{self.said()}"
            return path.exists()

        eventually(there, START_SECONDS)
        self.family |= descendants({self.process.pid})
        return dict(json.loads(path.read_text()))

    def gateway(self) -> Gateway:
        """Speak to it."""
        return Gateway.of(self.about)

    def run(self, function: str) -> Any:
        """Run a scheduled function now, as its schedule would, and return what it answers."""
        answer = self.invoke(function, scheduled_event("local", function))
        assert "X-Amz-Function-Error" not in answer.headers, answer.text
        return answer.json()

    def invoke(self, function: str, event: Any) -> httpx.Response:
        """Call a function as Lambda's API would."""
        url = f"http://{HOST}:{self.lambda_port}/2015-03-31/functions/ctrip-local-{function}/invocations"
        return httpx.post(url, json=event, timeout=60, trust_env=False)

    def said(self) -> str:
        """Read what it printed, both streams."""
        return self.output.read_text()

    def environment(self) -> dict[str, str]:
        """Return the environment of a process that works on its tables and queues."""
        about = self.about
        names = {"AWS_ENDPOINT_URL": about["aws_endpoint_url"], "AWS_ENDPOINT_URL_LAMBDA": about["lambda_endpoint_url"]}
        nodes = {name: [chain["rpc_url"]] for name, chain in about["chains"].items()}
        names |= {"CTRIP_STAGE": "local", "CTRIP_RPC": json.dumps(nodes), "CTRIP_LOCAL_DIR": self.state.name}
        return base_env() | aws_env(about["aws_endpoint_url"]) | names

    def ctrip_said(self, *arguments: str) -> tuple[int, str, str]:
        """Run the operator's command line against it; return its exit code and what it said on both streams."""
        command = [sys.executable, "-m", "infra.cli", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment(), capture_output=True, text=True, check=False, timeout=90
        )
        return done.returncode, done.stdout, done.stderr

    def ctrip(self, *arguments: str) -> Any:
        """Run the operator's command line, and return what it printed as JSON."""
        code, said, problem = self.ctrip_said("--json", *arguments)
        assert code == 0, problem
        return json.loads(said)

    def ended(self, seconds: float = 20) -> int:
        """Wait for its end and return its exit code."""
        return self.process.wait(seconds)

    def left_behind(self) -> set[int]:
        """Return those of its processes that still run."""
        return {pid for pid in self.family if _runs(pid)}


@contextlib.contextmanager
def make_up(name: str, **env: str) -> Iterator[Up]:
    """Start `make up` with a state folder and ports of its own; stop it on leaving."""
    state = ROOT / name
    state.mkdir(exist_ok=True)
    (state / "gateway.json").unlink(missing_ok=True)
    output = state / "up.txt"
    [lambda_port] = free_ports(1)
    ports = {f"CTRIP_{each}_PORT": "0" for each in ("API", "ANVIL", "AWS")} | {"CTRIP_LAMBDA_PORT": str(lambda_port)}
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "PYTEST_", "MAKE"))}
    # Under make it ends by itself once its parent is gone, and a killed pytest is such a parent.
    inherited["MAKELEVEL"] = "1"
    with output.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.commands.up"],
            cwd=ROOT,
            env=inherited | ports | {"CTRIP_LOCAL_DIR": name} | env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Up(process, state, output, lambda_port)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def ports_of(about: dict[str, Any]) -> list[int]:
    """Return the ports that a gateway announced."""
    urls = [about["api_url"], about["aws_endpoint_url"], *(chain["rpc_url"] for chain in about["chains"].values())]
    return [urlsplit(url).port or 0 for url in urls]


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    with contextlib.closing(socket.socket()) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def eventually(condition: Callable[[], Any], seconds: float = 30, what: str = "it") -> Any:
    """Wait until the condition holds, and return what it returned."""
    until = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < until, f"{what} did not happen within {seconds:.0f} s"
        time.sleep(0.05)
    return value


def _runs(pid: int) -> bool:
    # A process whose parent is gone may stay as a zombie where nobody reaps.
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(shown.strip()) and not shown.startswith("Z")
