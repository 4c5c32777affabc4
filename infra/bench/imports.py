"""How long a fresh interpreter takes to import the functions, beside boto3 with its DynamoDB client."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from infra.bench.figure import Figure
from infra.tools.process import ROOT, base_env

RUNS = 7
GOAL = 1.5
APP = "import app"
READY = f"{APP}; from ctrip.bootstrap import stage; stage().merchants.authenticator; stage().payments.creator"
BOTO3 = "import boto3; boto3.client('dynamodb', region_name='us-east-1')"


def figures() -> Iterator[Figure]:
    """Measure all by turns, so that a busy machine slows both; with bytecode, as in a deployed archive."""
    taken: dict[str, list[float]] = {APP: [], READY: [], BOTO3: []}
    with tempfile.TemporaryDirectory() as bytecode:
        for code in taken:
            _seconds(code, bytecode)  # writes it
        for _ in range(RUNS):
            for code, values in taken.items():
                values.append(_seconds(code, bytecode))
    app, ready, boto3 = (statistics.median(values) for values in taken.values())
    yield Figure("import boto3 and build its DynamoDB client", boto3 * 1000, "ms")
    yield Figure("import app", app * 1000, "ms")
    yield Figure("import app and wire what creates payments", ready * 1000, "ms")
    yield Figure("the same, against boto3", ready / boto3, "times", GOAL, f"median of {RUNS} alternating runs")


def _seconds(code: str, bytecode: str) -> float:
    timed = f"import time; begun = time.perf_counter(); {code}; print(time.perf_counter() - begun)"
    path = os.pathsep.join((str(ROOT / "layers" / "core"), str(ROOT)))
    env = base_env() | {"PYTHONPATH": path, "CTRIP_STAGE": "local", "AWS_DEFAULT_REGION": "us-east-1"}
    # Whatever the environment says of writing bytecode: here it is written, and nowhere near the sources.
    env = env | {"PYTHONPYCACHEPREFIX": bytecode, "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run([sys.executable, "-c", timed], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    return float(done.stdout)
