"""The packaged application, deployed to LocalStack by `make deploy`'s own command."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.commands.package import package
from infra.package import runtime
from infra.stack import anvil, aws_localstack, stack, wallet
from infra.stack.handle import Gateway
from infra.stack.seed import seed
from infra.tools.ports import Ports, choose
from infra.tools.process import ROOT, Supervisor, base_env

STATE = ROOT / ".local-localstack"
TOOLS = ROOT / ".tools"
RECORD = STATE / "functions.jsonl"
# The stage that the gateway lets speak to this machine itself, where Anvil and the receiver of webhooks are.
STAGE = "local"


@dataclass(frozen=True, slots=True)
class Cloud:
    """LocalStack and Anvil, and what was packaged for them."""

    env: Mapping[str, str]
    rpc_url: str
    package: Path

    def client(self, service: str) -> Any:
        """Return a client of one of LocalStack's services."""
        return stack.client(service, self.env)

    def deploy(
        self, *options: str, package: Path | None = None, approve: bool = True, stage: str = STAGE, api_key: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run what `make deploy` runs; by a merchant's key its smoke test makes a payment and sends a test event."""
        return self._run("deploy", stage, approve, "--package", str(package or self.package), *options, api_key=api_key)

    def roll_back(self, api_key: str = "") -> subprocess.CompletedProcess[str]:
        """Run what `make rollback` runs."""
        return self._run("rollback", STAGE, True, api_key=api_key)

    def _run(
        self, command: str, stage: str, approve: bool, *options: str, api_key: str = ""
    ) -> subprocess.CompletedProcess[str]:
        given = ({"APPROVE": "1"} if approve else {}) | ({"CTRIP_API_KEY": api_key} if api_key else {})
        return subprocess.run(
            [sys.executable, "-m", "infra.deploy", command, "--stage", stage, *options],
            cwd=ROOT,
            env=base_env() | self.env | given,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )

    @property
    def api_url(self) -> str:
        """Return where LocalStack's API Gateway has the API."""
        resources = self.client("cloudformation").describe_stack_resources(StackName=f"ctrip-{STAGE}")["StackResources"]
        api = next(each for each in resources if each["LogicalResourceId"] == "RestAPI")["PhysicalResourceId"]
        return f"{self.env['AWS_ENDPOINT_URL']}/_aws/execute-api/{api}/api"


@contextlib.contextmanager
def started(say: Any) -> Iterator[Cloud]:
    """Package the application for this machine's processor while LocalStack and Anvil start, empty."""
    ports = choose({f"CTRIP_{name}_PORT": "0" for name in ("API", "ANVIL", "AWS")})
    out = STATE / "package"
    out.mkdir(parents=True, exist_ok=True)
    RECORD.unlink(missing_ok=True)
    with ThreadPoolExecutor(1) as beside, Supervisor(STATE) as supervisor:
        packaging = beside.submit(package, STAGE, out, runtime.here())
        env, rpc_url = _backends(supervisor, ports, say)
        packaging.result()
        yield Cloud(env, rpc_url, out)


def _backends(supervisor: Supervisor, ports: Ports, say: Any) -> tuple[dict[str, str], str]:
    extra = {"LAMBDA_PROCESS_RECORD": str(RECORD)}
    env = aws_localstack.start(supervisor, ports, TOOLS, say, extra, functions=True)
    return env, anvil.start(supervisor, ports, TOOLS, say)


def deployed(cloud: Cloud) -> Gateway:
    """Deploy as docs say: the data, the secrets' values, the application; then make a merchant and its key."""
    data = cloud.deploy("--data-only")
    assert data.returncode == 0, data.stdout
    secrets = cloud.client("secretsmanager")
    secrets.put_secret_value(SecretId=f"ctrip/{STAGE}/mnemonic", SecretString=wallet.LOCAL_MNEMONIC)
    secrets.put_secret_value(SecretId=f"ctrip/{STAGE}/rpc", SecretString=json.dumps({"anvil": [cloud.rpc_url]}))
    settings = {"Treasury": wallet.treasury().address, "VerifyingKey": wallet.verifying_key()}
    application = cloud.deploy(*(part for name, value in settings.items() for part in ("--set", f"{name}={value}")))
    assert application.returncode == 0, application.stdout
    env = {**cloud.env, "AWS_ENDPOINT_URL_LAMBDA": cloud.env["AWS_ENDPOINT_URL"]}
    return Gateway.of(seed(env, rpc_url=cloud.rpc_url, api_url=cloud.api_url))
