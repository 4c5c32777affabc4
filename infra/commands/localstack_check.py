"""`make localstack`: the demo on LocalStack with DynamoDB Local, then the store's contract on DynamoDB Local alone."""

from __future__ import annotations

import os
import subprocess
import sys

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
        return demo() or store(interrupts)
    except Refused as refusal:
        print(f"make localstack: {refusal}", file=sys.stderr)
        return 2
    except (Failed, Interrupted) as failure:
        print(f"make localstack: {failure}", file=sys.stderr)
        return 1


def demo() -> int:
    """Pay for itself on LocalStack, on ports of its own."""
    ports = {f"CTRIP_{name}_PORT": "0" for name in ("API", "ANVIL", "AWS")}
    own = {"CTRIP_AWS": "localstack", "CTRIP_LOCAL_DIR": STATE.name}
    command = [sys.executable, "-m", "infra.commands.demo"]
    return subprocess.run(command, cwd=ROOT, env=os.environ | ports | own, check=False).returncode


def store(interrupts: Interrupts) -> int:
    """Run the store's tests against DynamoDB Local."""
    (port,) = free_ports(1)
    command = java.command(TOOLS, port, lambda line: print(f"  {line}", flush=True))
    with Supervisor(STATE, interrupts) as supervisor:
        child = supervisor.start("dynamodb-local", command, env=base_env() | java.QUIET)
        supervisor.await_ready(child, lambda: listening(port))
        tests = sorted(str(path) for path in (ROOT / "tests" / "contract").glob("test_store*.py"))
        return subprocess.run(
            [sys.executable, "-m", "pytest", *tests],
            cwd=ROOT,
            env=os.environ | {"CTRIP_STORE_ENDPOINT": f"http://{HOST}:{port}"},
            check=False,
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
