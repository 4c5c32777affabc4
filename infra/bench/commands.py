"""How long the commands take that a newcomer types first."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from infra.bench.figure import Figure
from infra.tools.errors import Failed
from infra.tools.process import ROOT

AGAIN_GOAL, FIRST_GOAL, DEMO_GOAL = 15.0, 120.0, 30.0
START_SECONDS = 600
STATE = ".local-bench"
UP = re.compile(r"^up:.*\n\t.* -m (\S+)$", re.MULTILINE)
FREE = {"CTRIP_API_PORT": "0", "CTRIP_ANVIL_PORT": "0", "CTRIP_AWS_PORT": "0"}


@contextlib.contextmanager
def started(command: Sequence[str], where: Path, **env: str) -> Iterator[tuple[dict[str, Any], float]]:
    """Run `make up`, or what it runs, in a checkout; yield gateway.json and the seconds until it was there."""
    state = where / STATE
    state.mkdir(exist_ok=True)
    (state / "gateway.json").unlink(missing_ok=True)
    with (state / "up.txt").open("wb") as out:
        begun = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=where,
            # Under make it ends by itself once its parent is gone, and a killed benchmark is such a parent.
            env=inherited() | FREE | {"CTRIP_LOCAL_DIR": STATE, "MAKELEVEL": "1"} | env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        while not (state / "gateway.json").exists():
            if process.poll() is not None or time.monotonic() - begun > START_SECONDS:
                raise Failed(f"make up did not get ready:\n{(state / 'up.txt').read_text()}")
            time.sleep(0.02)
        yield json.loads((state / "gateway.json").read_text()), time.monotonic() - begun
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(60)


def up_of(checkout: Path) -> list[str]:
    """Return what `make up` runs in a checkout: another build's modules may have other names."""
    found = UP.search((checkout / "Makefile").read_text())
    if found is None:
        raise Failed(f"{checkout / 'Makefile'} does not say which module `make up` runs.")
    return [sys.executable, "-m", found[1]]


def first() -> Iterator[Figure]:
    """Start from a clone: a copy of what git tracks, which has to install everything."""
    copy = ROOT / STATE / "clone"
    shutil.rmtree(copy, ignore_errors=True)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        source, target = ROOT / name, copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)
    with started(["make", "up"], copy) as (_, seconds):
        yield Figure("make up, the first time", seconds, "s", FIRST_GOAL, "with whatever the package caches hold")
    shutil.rmtree(copy, ignore_errors=True)


def demo() -> Iterator[Figure]:
    """Run `make demo` on the running gateway."""
    begun = time.monotonic()
    env = inherited() | {"CTRIP_LOCAL_DIR": STATE}
    done = subprocess.run(
        [sys.executable, "-m", "infra.commands.demo"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Failed(f"make demo failed:\n{done.stdout}{done.stderr}")
    yield Figure("make demo on a running gateway, to settled", time.monotonic() - begun, "s", DEMO_GOAL)


def inherited() -> dict[str, str]:
    """Return this process's environment without what settings, AWS and make put there."""
    left = ("AWS_", "CTRIP_", "MAKE", "PYTHONPATH")
    return {name: value for name, value in os.environ.items() if not name.startswith(left)}
