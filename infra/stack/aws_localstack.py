"""LocalStack with DynamoDB Local in it, without Docker."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from infra.tools import environments, java
from infra.tools.awsenv import aws_env, listening
from infra.tools.errors import Refused
from infra.tools.ports import HOST, Ports
from infra.tools.process import ROOT, Supervisor, base_env

FOLDER = ROOT / "infra" / "localstack"
REQUIREMENTS, RUNTIME, PLUGIN = FOLDER / "requirements.txt", FOLDER / "runtime.txt", FOLDER / "plugin"
# What the pinned LocalStack runs on: it imports `warnings.deprecated`, which is new in 3.13, although older ones may
# install it; the LocalStack that would do for those breaks in DescribeTable.
PYTHON = (3, 13)
NAME = "python{}.{}".format(*PYTHON)


def start(
    supervisor: Supervisor,
    ports: Ports,
    tools: Path,
    say: Callable[[str], None],
    extra: Mapping[str, str] | None = None,
    *,
    functions: bool = False,
) -> dict[str, str]:
    """Start it, and return the environment that leads there; with `functions`, it also runs Lambda's."""
    home = java.jdk()
    python = environment(tools, say)
    jars = java.dynamodb_local(tools, home, say)
    root = supervisor.state / "localstack"
    shutil.rmtree(root, ignore_errors=True)
    _lay_out(root, jars, home)
    settings = _settings(ports, root, home) | (process_executor(root, tools, say) if functions else {})
    endpoint = f"http://{HOST}:{ports.aws}"
    say("starting LocalStack ...")
    child = supervisor.start(
        "aws",
        [python, "-m", "localstack.runtime.main"],
        env=base_env() | settings | dict(extra or {}),
        cwd=root,
    )
    supervisor.await_ready(child, lambda: listening(ports.aws) and "Ready." in child.tail(200), seconds=120)
    return aws_env(endpoint)


def environment(tools: Path, say: Callable[[str], None]) -> Path:
    """The Python of LocalStack's own virtual environment, made if its requirements have changed since."""
    return environments.made(tools, "localstack", REQUIREMENTS, say, find_python())


def process_executor(root: Path, tools: Path, say: Callable[[str], None]) -> dict[str, str]:
    """Have LocalStack run functions as processes of this very Python; returns its settings for that."""
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return {
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        "LAMBDA_PROCESS_PYTHON": str(environments.made(tools, "lambda-runtime", RUNTIME, say)),
        "LAMBDA_PROCESS_RUNTIME": name,
        # Many start at once here, and have no processor each.
        "LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT": "60",
        # AWS polls without a break; LocalStack pauses for up to ten seconds, and for a minute after an error.
        "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0.2",
        "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "1",
        "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_ERROR_SEC": "1",
        "PYTHONPATH": f"{plugged_in(root)}{os.pathsep}{PLUGIN}",
    }


def plugged_in(root: Path) -> Path:
    """Write the plugin's entry point as its installation would; the environment itself is shared by checkouts."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    folder = root / "plugins"
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = [
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in named.items())
        for group, named in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(points))
    return folder


def find_python() -> Path:
    """A Python that LocalStack runs on: this one, one on the path, or one of pyenv's."""
    if sys.version_info[:2] == PYTHON:
        return Path(sys.base_prefix) / "bin" / NAME
    for candidate in _candidates():
        if _runs(candidate):
            return candidate
    raise Refused("Python 3.13 is needed for AWS=localstack and make localstack; neither the path nor pyenv has one.")


def _candidates() -> Iterator[Path]:
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    if on_path := shutil.which(NAME):
        yield Path(on_path)
    yield from sorted(pyenv.glob(f"{NAME.removeprefix('python')}*/bin/{NAME}"), reverse=True)


def _runs(python: Path) -> bool:
    # pyenv leaves shims on the path that run nothing.
    answer = subprocess.run([python, "-c", "import ensurepip, venv"], capture_output=True, check=False)
    return answer.returncode == 0


def _lay_out(root: Path, jars: Path, jdk: Path) -> None:
    """Put the jars and the JDK where LocalStack would have downloaded them to."""
    library = root / "var" / "lib" / "localstack" / "lib"
    dynamodb = library / "dynamodb-local" / "2"
    dynamodb.mkdir(parents=True)
    for name in ("DynamoDBLocal.jar", "DynamoDBLocal_lib"):
        (dynamodb / name).symlink_to(jars / name)
    # The agent LocalStack starts it with: ours does nothing.
    (dynamodb / "ddb-local-loader-0.1.jar").symlink_to(jars / "DynamoDBLocal.jar")
    (library / "java").mkdir()
    (library / "java" / "21").symlink_to(jdk)


def _settings(ports: Ports, root: Path, jdk: Path) -> dict[str, str]:
    temporary = root / "tmp"
    temporary.mkdir(exist_ok=True)
    return {
        "GATEWAY_LISTEN": f"{HOST}:{ports.aws}",
        # The default server ignores the host and binds every interface.
        "GATEWAY_SERVER": "hypercorn",
        # Queue addresses that need no name server.
        "LOCALSTACK_HOST": f"{HOST}:{ports.aws}",
        "SQS_ENDPOINT_STRATEGY": "path",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DISABLE_EVENTS": "1",
        "OVERRIDE_IN_DOCKER": "0",
        "FILESYSTEM_ROOT": str(root),
        "TMPDIR": str(temporary),
        # It writes an index of its plugins there for each path that it is started with.
        "XDG_CACHE_HOME": str(root / "cache"),
        "JAVA_HOME": str(jdk),
        "DYNAMODB_IN_MEMORY": "1",
        "DYNAMODB_SHARE_DB": "1",
        "PROVIDER_OVERRIDE_DYNAMODB": "v2",
        "PROVIDER_OVERRIDE_DYNAMODBSTREAMS": "v2",
        "DDB_LOCAL_TELEMETRY": "0",
        "PYTHONUNBUFFERED": "1",
    }
