"""How `make up` begins and ends."""

from __future__ import annotations

import contextlib
import itertools
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from infra.tools.process import ROOT
from tests.e2e.shop import Shop
from tests.e2e.stack import Up, eventually, listens, make_up, ports_of


@dataclass
class Doomed:
    """A gateway that is there to be ended, and what it announced."""

    up: Up
    about: dict[str, Any]

    def gone(self) -> None:
        """Wait until no process, no port and no gateway.json is left of it."""
        eventually(lambda: not self.up.left_behind(), 15, "the end of every process")
        assert not [port for port in ports_of(self.about) if listens(port)]
        assert not (self.up.state / "gateway.json").exists()


@pytest.fixture(scope="module")
def doomed(shop: Shop) -> Iterator[dict[str, Doomed]]:
    """Gateways that start beside one another, to be ended in different ways."""
    del shop  # the session's own is up before the machine gets busy with these
    with contextlib.ExitStack() as stack:
        ups = {name: stack.enter_context(make_up(f".local-e2e-{name}")) for name in ("interrupt", "runner", "killed")}
        yield {name: Doomed(up, up.about) for name, up in ups.items()}


def runner_of(up: Up) -> int:
    """Find the process that runs the gateway's functions."""
    pids = ",".join(str(pid) for pid in up.family)
    listing = subprocess.run(["ps", "-o", "pid=,args=", "-p", pids], capture_output=True, text=True, check=True).stdout
    [pid] = [int(line.split()[0]) for line in listing.splitlines() if "infra.emulator.runner" in line]
    return pid


def test_what_is_printed_works(doomed: dict[str, Doomed]) -> None:
    """The addresses are there, and the example can be pasted into a shell as it stands."""
    up, about = doomed["interrupt"].up, doomed["interrupt"].about
    said = eventually(lambda: "Ctrl-C stops it" in up.said() and up.said())
    assert about["merchant"]["api_key"] in said
    assert about["merchant"]["webhook_secret"] in said
    assert "None" not in said
    assert "CTRIP_LOCAL_DIR=.local-e2e-interrupt make pay" in said
    example = said[said.index("curl") :].split("\n\n")[0]
    _, _, url, *options = shlex.split(example)
    headers = dict(value.split(": ", 1) for flag, value in itertools.pairwise(options) if flag == "-H")
    answer = httpx.post(url, content=options[options.index("-d") + 1], headers=headers, trust_env=False)
    assert answer.status_code == 201, answer.text
    assert answer.json()["amount"] == 10**15


def test_ctrl_c_leaves_nothing(doomed: dict[str, Doomed]) -> None:
    """Ctrl-C ends everything within seconds, says so in a word, and is no failure."""
    up = doomed["interrupt"].up
    begun = time.monotonic()
    up.process.send_signal(signal.SIGINT)
    assert up.ended() == 0
    assert time.monotonic() - begun < 10
    assert up.said().rstrip().endswith("stopped")
    assert "Traceback" not in up.said()
    doomed["interrupt"].gone()


def test_a_child_that_dies_ends_the_gateway(doomed: dict[str, Doomed]) -> None:
    """When the runner is killed in the middle of a payment, `make up` says that it was the runner, and fails."""
    up, gateway = doomed["runner"].up, doomed["runner"].up.gateway()
    gateway.create(chain="anvil", amount=10**15)
    os.kill(runner_of(up), signal.SIGKILL)
    assert up.ended() == 1
    [line] = [line for line in up.said().splitlines() if line.startswith("make up: ")]
    assert line.startswith("make up: runner stopped (exit -9)")
    assert "Traceback" not in up.said()
    doomed["runner"].gone()


def test_nothing_outlives_a_killed_make_up(doomed: dict[str, Doomed]) -> None:
    """A SIGKILL, which nothing can catch, leaves no process, no port and no gateway.json behind either."""
    up = doomed["killed"].up
    assert up.left_behind()
    up.process.kill()
    assert up.ended() == -signal.SIGKILL
    doomed["killed"].gone()


def command(module: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run one of the commands to its end."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "PYTEST_", "MAKE"))}
    return subprocess.run(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env=inherited | env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", ["API", "ANVIL", "AWS"])
def test_a_taken_port_is_one_clear_line(name: str) -> None:
    """A port that somebody listens on is refused with what to do about it, and exit code 2."""
    ports = {f"CTRIP_{each}_PORT": "0" for each in ("API", "ANVIL", "AWS")}
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        done = command(
            "infra.commands.up", **ports | {f"CTRIP_{name}_PORT": port, "CTRIP_LOCAL_DIR": ".local-e2e-taken"}
        )
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith(f"make up: port {port} is taken")
    assert f"CTRIP_{name}_PORT" in line
    assert done.stdout == ""


def test_a_second_gateway_in_the_same_folder_is_refused(shop: Shop) -> None:
    """Two gateways do not write over one another's files."""
    ports = {f"CTRIP_{each}_PORT": "0" for each in ("API", "ANVIL", "AWS")}
    done = command("infra.commands.up", **ports, CTRIP_LOCAL_DIR=".local-e2e")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "already runs" in done.stderr
    assert shop.http.get("/health").status_code == 200


def test_paying_from_the_command_line(shop: Shop) -> None:
    """`make pay` pays a part or all; an unknown payment, and no gateway, are one line and exit code 2."""
    here = {"CTRIP_LOCAL_DIR": ".local-e2e"}
    payment = shop.ask(amount=2_000_000, asset="DAI")
    part = command("infra.commands.pay", **here, ID=payment["id"], AMOUNT="500000")
    assert part.returncode == 0, part.stderr
    assert "500000" in part.stdout
    assert payment["checkout_url"] in part.stdout
    assert shop.told(payment, "underpaid")["amount_received"] == 500_000
    amounts = [{"ID": payment["id"], "AMOUNT": amount} for amount in ("1.5", "0", "-1", "9" * 70, "9" * 99)]
    for wrong in ({"ID": "nobody"}, {"ID": ""}, {"ID": "../payments"}, {"ID": "?limit=1"}, *amounts):
        done = command("infra.commands.pay", **here | wrong)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert shop.read(payment)["amount_received"] == 500_000
    nowhere = command("infra.commands.pay", CTRIP_LOCAL_DIR=".local-e2e-nowhere", ID=payment["id"])
    assert (nowhere.returncode, len(nowhere.stderr.splitlines())) == (2, 1)
    assert "make up" in nowhere.stderr


def test_the_demo_sees_everything(shop: Shop) -> None:
    """`make demo` on the running gateway exits 0 and tells every step of both payments, in order."""
    done = command("infra.commands.demo", CTRIP_LOCAL_DIR=".local-e2e")
    assert done.returncode == 0, done.stdout + done.stderr
    told = [line.split()[2:4] for line in done.stdout.splitlines() if " s  " in line]
    life = ["sent", "created", "detected", "confirmed", "paid", "swept", "settled"]
    for symbol in ("ETH", "USDC"):
        assert [what for who, what in told if who == symbol and what != "asked"] == life
    seconds = [float(line.split()[0]) for line in done.stdout.splitlines() if " s  " in line]
    assert seconds == sorted(seconds)
    assert "HTTP Request" not in done.stdout + done.stderr
    assert shop.http.get("/health").status_code == 200
