"""The embedded AWS: moto for the services, dynoxide for DynamoDB, or DynamoDB Local in its place."""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

from infra.emulator.moto_front import HANDOVER
from infra.tools import java, npm
from infra.tools.awsenv import aws_env, listening
from infra.tools.ports import HOST, Ports
from infra.tools.process import Supervisor, base_env


def start(
    supervisor: Supervisor, ports: Ports, tools: Path, say: Callable[[str], None], dynamodb: str = "dynoxide"
) -> dict[str, str]:
    """Start it, and return the environment that leads there."""
    command = java.command(tools, ports.dynamodb, say) if dynamodb == "java" else _dynoxide(tools, ports.dynamodb, say)
    moto = supervisor.start("aws", [sys.executable, "-m", "infra.emulator.moto_front", str(ports.aws)], env=_moto_env())
    env = aws_env(f"http://{HOST}:{ports.aws}")
    if command:
        child = supervisor.start("dynamodb", command, env=base_env() | java.QUIET)
        env["AWS_ENDPOINT_URL_DYNAMODB"] = f"http://{HOST}:{ports.dynamodb}"
        supervisor.await_ready(child, lambda: listening(ports.dynamodb))
    supervisor.await_ready(moto, lambda: listening(ports.aws))
    return env


def _dynoxide(tools: Path, port: int, say: Callable[[str], None]) -> list[str | Path]:
    """Return how it is started; nothing where it has no binary, and moto serves DynamoDB too."""
    binary = npm.dynoxide(tools, say)
    return [binary, "--host", HOST, "--port", str(port)] if binary else []


def hand_over_dynamodb(env: dict[str, str]) -> None:
    """Have the one AWS port answer DynamoDB from dynoxide as well."""
    request = urllib.request.Request(
        env["AWS_ENDPOINT_URL"] + HANDOVER, data=env["AWS_ENDPOINT_URL_DYNAMODB"].encode(), method="PUT"
    )
    with urllib.request.urlopen(request, timeout=10):
        pass


def _moto_env() -> dict[str, str]:
    # The account that LocalStack uses too, so that no ARN differs between the two.
    return base_env() | {"MOTO_ACCOUNT_ID": "000000000000", "AWS_DEFAULT_REGION": "us-east-1"}
