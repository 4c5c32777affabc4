"""DynamoDB Local, built once from Maven's archive; needs a JDK and Maven."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from infra.tools.errors import Failed, Refused
from infra.tools.process import ROOT

PROJECT = ROOT / "infra" / "localstack" / "dynamodb-local"
OLDEST = 17
QUIET = {"DDB_LOCAL_TELEMETRY": "0"}


def jdk() -> Path:
    """The home of a JDK that is new enough."""
    given = os.environ.get("JAVA_HOME")
    compiler = shutil.which("javac", path=f"{given}/bin") if given else None
    compiler = compiler or shutil.which("javac")
    advice = f"a JDK {OLDEST} or later is needed for AWS=localstack (Debian: apt install default-jdk-headless)"
    if compiler is None:
        raise Refused(f"{advice}; no javac was found.")
    answer = subprocess.run([compiler, "-version"], capture_output=True, text=True, check=False)
    version = re.search(r"javac (\d+)", answer.stdout + answer.stderr)
    if not version or int(version[1]) < OLDEST:
        raise Refused(f"{advice}; javac says {(answer.stdout or answer.stderr).strip()[:60] or 'nothing'}.")
    if shutil.which("mvn") is None:
        raise Refused("Maven is needed for AWS=localstack (Debian: apt install maven); no mvn was found.")
    return Path(compiler).resolve().parents[1]


def command(tools: Path, port: int, say: Callable[[str], None]) -> list[str | Path]:
    """Return how DynamoDB Local is started on a port, in an environment that says `QUIET`; built if need be."""
    home = jdk()
    jars = dynamodb_local(tools, home, say)
    library, jar = jars / "DynamoDBLocal_lib", jars / "DynamoDBLocal.jar"
    options: list[str | Path] = [f"-Djava.library.path={library}", "-jar", jar, "-port", str(port), "-sharedDb"]
    return [home / "bin" / "java", "-Xmx512m", *options]


def dynamodb_local(tools: Path, home: Path, say: Callable[[str], None]) -> Path:
    """The folder with DynamoDBLocal.jar and DynamoDBLocal_lib, built if its source has changed since."""
    sources = sorted(path for path in PROJECT.rglob("*") if path.is_file() and "target" not in path.parts)
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    built = tools / f"dynamodb-local-{digest}"
    if built.exists():
        return built
    say("building DynamoDB Local with Maven (about half a minute the first time) ...")
    begun = time.monotonic()
    tools.mkdir(parents=True, exist_ok=True)
    # In a copy: Maven writes beside its pom, and the checkout stays clean.
    with tempfile.TemporaryDirectory(dir=tools) as folder:
        copy = Path(folder) / "project"
        shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns("target"))
        answer = subprocess.run(
            ["mvn", "--quiet", "--batch-mode", "package"],
            cwd=copy,
            env=os.environ | {"JAVA_HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode:
            raise Failed("Maven could not build DynamoDB Local:\n" + answer.stdout[-2000:])
        done = Path(folder) / "done"
        done.mkdir()
        for name in ("DynamoDBLocal.jar", "DynamoDBLocal_lib"):
            shutil.move(copy / "target" / name, done / name)
        done.rename(built)
    say(f"built DynamoDB Local in {time.monotonic() - begun:.0f} s")
    return built
