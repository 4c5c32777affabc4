"""`make localstack`: the store's tests on DynamoDB Local, then the packaged application on LocalStack."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from infra.stack.settings import check
from infra.tools import java
from infra.tools.awsenv import listening
from infra.tools.errors import Failed, Refused
from infra.tools.ports import HOST, free_ports
from infra.tools.process import ROOT, Interrupted, Interrupts, Supervisor, base_env

TOOLS = ROOT / ".tools"
STATE = ROOT / ".local-localstack"


def main() -> int:
    """Run both; return the first failure's exit code."""
    interrupts = Interrupts()
    interrupts.install()
    try:
        check()
        # Whatever is missing is said before anything is tested.
        java.jdk()
        return store(interrupts) or packaged()
    except Refused as refusal:
        print(f"make localstack: {refusal}", file=sys.stderr)
        return 2
    except (Failed, Interrupted) as failure:
        print(f"make localstack: {failure}", file=sys.stderr)
        return 1


def store(interrupts: Interrupts) -> int:
    """Run the store's tests against DynamoDB Local."""
    (port,) = free_ports(1)
    command = java.command(TOOLS, port, lambda line: print(f"  {line}", flush=True))
    with Supervisor(STATE, interrupts) as supervisor:
        child = supervisor.start("dynamodb-local", command, env=base_env() | java.QUIET)
        supervisor.await_ready(child, lambda: listening(port))
        tests = sorted((ROOT / "tests" / "contract").glob("test_store*.py"))
        return _pytest(*tests, env={"CTRIP_STORE_ENDPOINT": f"http://{HOST}:{port}"})


def packaged() -> int:
    """Run the flows of the packaged application; in the end they tell what went through which service."""
    return _pytest(ROOT / "tests" / "localstack")


def _pytest(*tests: Path, env: Mapping[str, str] | None = None) -> int:
    command = [sys.executable, "-m", "pytest", *map(str, tests)]
    return subprocess.run(command, cwd=ROOT, env=os.environ | dict(env or {}), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
