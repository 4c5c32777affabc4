"""A payment created by a fresh interpreter: what a cold start costs, from its first import to its first answer.

`measured` runs this file on a build whose gateway is running; of that build it imports nothing but `app`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

RUNS = 5
GOAL = 0.8
PATH = "/api/v1/payments"


def create(key: str) -> float:
    """Import the app and have it create a payment; return the CPU seconds that it took."""
    begun = time.process_time()
    import app

    answer = app.app(_event(key), None)
    spent = time.process_time() - begun
    if answer["statusCode"] != 201:
        raise RuntimeError(f"not created: {answer['body']}")
    return spent


def _event(key: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Host": "pay.example"}
    return {
        "resource": PATH,
        "path": PATH,
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": PATH,
            "httpMethod": "POST",
            "path": f"/api{PATH}",
            "stage": "api",
            "requestId": "bench",
            "identity": {"sourceIp": "127.0.0.1"},
        },
        "body": json.dumps({"chain": "anvil", "amount": 12_500_000, "asset": "USDC"}),
        "isBase64Encoded": False,
    }


def measured(build: Path, about: dict[str, Any]) -> list[float]:
    """Create a payment in so many fresh interpreters, beside a running gateway; the first one writes the bytecode."""
    from infra.bench.imports import fresh
    from infra.stack import wallet
    from infra.tools.awsenv import aws_env
    from infra.tools.errors import Failed

    stage = {"CTRIP_CHAINS": "anvil", "CTRIP_VERIFYING_KEY": wallet.verifying_key()}
    stage["CTRIP_TREASURY"] = about["chains"]["anvil"]["treasury"]
    taken = []
    with tempfile.TemporaryDirectory() as bytecode:
        env = fresh(build, bytecode) | aws_env(about["aws_endpoint_url"]) | stage
        for _ in range(1 + RUNS):
            command = [sys.executable, __file__, about["merchant"]["api_key"]]
            done = subprocess.run(command, cwd=build, env=env, capture_output=True, text=True, check=False)
            if done.returncode:
                raise Failed(f"a first payment could not be created in {build}:\n{done.stderr[-2000:]}")
            taken.append(float(done.stdout.splitlines()[-1]))
    return taken[1:]


def compared(ours: Sequence[float], theirs: Sequence[float]) -> Iterator[Any]:
    """Tell this build's least CPU, and against another's where there is one."""
    from infra.bench.figure import Figure

    name = "CPU of imports and a first creation"
    yield Figure(name, min(ours) * 1000, "ms", None, f"the least of {len(ours)} fresh interpreters")
    if theirs:
        detail = f"it was {min(theirs) * 1000:.0f} ms"
        yield Figure(f"{name}: ratio", min(ours) / min(theirs), "x", GOAL, detail)


if __name__ == "__main__":
    print(create(sys.argv[1]))
