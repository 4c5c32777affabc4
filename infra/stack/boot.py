"""Starts the whole local stack, or parts of it, as context managers."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from infra.stack import anvil, aws_embedded, exchange, stack, tron
from infra.stack.settings import Settings
from infra.tools import npm, vendored
from infra.tools.awsenv import listening
from infra.tools.errors import Refused
from infra.tools.ports import HOST
from infra.tools.process import Child, Interrupts, Supervisor, base_env

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Running:
    """A stack that answers."""

    supervisor: Supervisor
    gateway: dict[str, Any]
    env: dict[str, str]
    resources: dict[str, str]


@contextlib.contextmanager
def running(settings: Settings, say: Say, interrupts: Interrupts | None = None) -> Iterator[Running]:
    """The whole gateway, seeded and ready, with `gateway.json` in its state folder; all of it ends with the block."""
    npm.check_node()
    vendored.lay(say, tools=settings.tools)
    with _locked(settings), Supervisor(settings.state, interrupts or Interrupts()) as supervisor:
        aws = start_aws(supervisor, settings, say)
        rpc_url = settings.node_url or anvil.start(
            supervisor,
            settings.ports,
            settings.tools,
            say,
            block_time=settings.block_time,
            extra=settings.anvil_options,
        )
        tron_url = tron.start(supervisor, settings.ports, settings.tools, say) if settings.tron else ""
        say("applying data.yaml and template.yaml ...")
        resources = stack.apply(settings.templates, aws)
        api_url = f"http://{HOST}:{settings.ports.api}"
        say("seeding a merchant, an admin and test tokens ...")
        from infra.stack.seed import seed

        # Functions call one another through the runner, which is not up yet; its address is known before.
        aws = aws | {"AWS_ENDPOINT_URL_LAMBDA": f"http://{HOST}:{settings.ports.functions}"}
        gateway = dict(seed(aws, rpc_url=rpc_url, api_url=api_url, tron_url=tron_url))
        env = aws | gateway.pop("_env", {}) | exchange.start(supervisor, settings) | settings.runner_env
        api = start_app(supervisor, settings, env)
        supervisor.await_ready(api, lambda: answers(f"{api_url}/health/ready"), seconds=60)
        supervisor.remove_at_the_end(settings.state / "gateway.json")
        with _announced(settings, gateway):
            yield Running(supervisor, gateway, env, resources)


def start_aws(supervisor: Supervisor, settings: Settings, say: Say) -> dict[str, str]:
    """The AWS that the settings ask for, empty; returns the environment that leads there."""
    if settings.aws == "localstack":
        from infra.stack import aws_localstack

        return aws_localstack.start(supervisor, settings.ports, settings.tools, say)
    return aws_embedded.start(supervisor, settings.ports, settings.tools, say, settings.dynamodb)


def start_app(supervisor: Supervisor, settings: Settings, env: dict[str, str]) -> Child:
    """The triggers of the project's app.py, and its API, which is returned."""
    own = {
        "CTRIP_STAGE": "local",
        "CTRIP_PROJECT": str(settings.project),
        "CTRIP_API_PORT": str(settings.ports.api),
        "CTRIP_LAMBDA_PORT": str(settings.ports.functions),
        "AWS_ENDPOINT_URL_LAMBDA": f"http://{HOST}:{settings.ports.functions}",
        "PYTHONUNBUFFERED": "1",
    }
    shared = base_env() | env | own
    runner = supervisor.start("runner", [sys.executable, "-m", "infra.emulator.runner"], env=shared)
    api = supervisor.start("api", [sys.executable, "-m", "infra.emulator.api"], env=shared)
    # The first payment on a chain calls its scanner, which is there.
    supervisor.await_ready(runner, lambda: listening(settings.ports.functions))
    return api


def answers(url: str) -> bool:
    """Whether the address answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextlib.contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    """One stack for each state folder: a second would write over the first one's files."""
    settings.state.mkdir(parents=True, exist_ok=True)
    with (settings.state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Refused(
                f"a gateway already runs with {settings.state.name}/; stop it, or set CTRIP_LOCAL_DIR to another one."
            ) from error
        (settings.state / "gateway.json").unlink(missing_ok=True)
        shutil.rmtree(settings.state / "logs", ignore_errors=True)
        yield


@contextlib.contextmanager
def _announced(settings: Settings, gateway: dict[str, Any]) -> Iterator[None]:
    path = settings.state / "gateway.json"
    draft = path.with_suffix(".part")
    # It holds keys, though only local ones.
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(gateway, file, indent=2)
        file.write("\n")
    draft.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
