"""`make localstack`: the demo on LocalStack with DynamoDB Local, then the store's contract on DynamoDB Local alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from infra.local import java
from infra.local.awsenv import listening
from infra.local.errors import Failed, Refused
from infra.local.ports import HOST, free_ports
from infra.local.process import ROOT, Interrupted, Interrupts, Supervisor, base_env

TOOLS = ROOT / ".tools"
STATE = ROOT / ".local-localstack"
# DynamoDB Local counts the units of transactions otherwise than AWS does; dynoxide, which agrees, has the figure.
NOT_HERE = "tests/contract/test_store_layout.py::test_a_payments_life_costs_what_it_did"


def main() -> int:
    """Run both; return the first failure's exit code."""
    interrupts = Interrupts()
    interrupts.install()
    try:
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
    command = [sys.executable, "-m", "infra.demo"]
    return subprocess.run(command, cwd=ROOT, env=os.environ | ports | own, check=False).returncode


def store(interrupts: Interrupts) -> int:
    """Run the store's tests against DynamoDB Local."""
    home = java.jdk()
    jars = java.dynamodb_local(TOOLS, home, lambda line: print(f"  {line}", flush=True))
    (port,) = free_ports(1)
    with Supervisor(STATE, interrupts) as supervisor:
        library, jar = jars / "DynamoDBLocal_lib", jars / "DynamoDBLocal.jar"
        options: list[str | Path] = [f"-Djava.library.path={library}", "-jar", jar, "-port", str(port), "-sharedDb"]
        command = [home / "bin" / "java", "-Xmx512m", *options]
        child = supervisor.start("dynamodb-local", command, env=base_env() | {"DDB_LOCAL_TELEMETRY": "0"})
        supervisor.await_ready(child, lambda: listening(port))
        tests = sorted(str(path) for path in (ROOT / "tests" / "contract").glob("test_store*.py"))
        return subprocess.run(
            [sys.executable, "-m", "pytest", *tests, "--deselect", NOT_HERE],
            cwd=ROOT,
            env=os.environ | {"CTRIP_STORE_ENDPOINT": f"http://{HOST}:{port}"},
            check=False,
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
