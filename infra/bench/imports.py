"""What a fresh interpreter spends on importing the functions, beside boto3 with its DynamoDB client.

Figures are CPU time, the least of several runs: what else a machine does only adds to it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from infra.bench.figure import Figure
from infra.tools.process import ROOT, base_env

RUNS = 9
GOAL = 1.5
APP = "import app"
READY = f"{APP}; from ctrip.bootstrap import stage; stage().merchants.authenticator; stage().payments.creator"
BOTO3 = "import boto3; boto3.client('dynamodb', region_name='us-east-1')"


def figures(against: Path | None) -> Iterator[Figure]:
    """Measure all by turns, so that a busy machine slows each; with bytecode, as in a deployed archive."""
    wanted = {"boto3": (ROOT, BOTO3), "app": (ROOT, APP), "ready": (ROOT, READY)}
    if against:
        wanted["other"] = (against, _ready_of(against))
    taken = least(wanted)
    yield Figure("import boto3 and build its DynamoDB client", taken["boto3"] * 1000, "ms")
    yield Figure("import app", taken["app"] * 1000, "ms")
    yield Figure("import app and wire what creates payments", taken["ready"] * 1000, "ms")
    detail = f"CPU, the least of {RUNS} alternating runs"
    yield Figure("the same, against boto3", taken["ready"] / taken["boto3"], "times", GOAL, detail)
    if against:
        other = f"it was {taken['other'] * 1000:.0f} ms"
        yield Figure("the same, against the other build", taken["ready"] / taken["other"], "x", None, other)


def least(wanted: dict[str, tuple[Path, str]]) -> dict[str, float]:
    """Run each code in its checkout, by turns; return the least CPU seconds of each."""
    with tempfile.TemporaryDirectory() as bytecode:
        for root, code in wanted.values():
            _seconds(root, code, bytecode)  # writes it
        turns = [{name: _seconds(root, code, bytecode) for name, (root, code) in wanted.items()} for _ in range(RUNS)]
    return {name: min(turn[name] for turn in turns) for name in wanted}


def fresh(root: Path, bytecode: str) -> dict[str, str]:
    """Return the environment of a fresh interpreter that imports one checkout and keeps its bytecode elsewhere."""
    path = os.pathsep.join((str(root / "layers" / "core"), str(root)))
    env = base_env() | {"PYTHONPATH": path, "CTRIP_STAGE": "local", "AWS_DEFAULT_REGION": "us-east-1"}
    # Whatever the environment says of writing bytecode: here it is written, and nowhere near the sources.
    return env | {"PYTHONPYCACHEPREFIX": bytecode, "PYTHONDONTWRITEBYTECODE": ""}


def _seconds(root: Path, code: str, bytecode: str) -> float:
    timed = f"import time; begun = time.process_time(); {code}; print(time.process_time() - begun)"
    done = subprocess.run(
        [sys.executable, "-c", timed], cwd=root, env=fresh(root, bytecode), capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def _ready_of(checkout: Path) -> str:
    """Return what another build's own benchmark wires for a creation: its parts may have other names."""
    code = "from infra.bench.imports import READY; print(READY)"
    done = subprocess.run([sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=True)
    return done.stdout.strip()
