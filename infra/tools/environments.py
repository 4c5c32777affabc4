"""Virtual environments beside our own, for programs whose libraries cannot live with ours."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from infra.tools.errors import Failed
from infra.tools.process import base_env


def made(tools: Path, name: str, requirements: Path, say: Callable[[str], None], base: Path | None = None) -> Path:
    """Return the Python of an environment with the locked requirements, made if they have changed since.

    `base` is the Python to make it with; by default this one.
    """
    base = base or Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    digest = hashlib.sha256(requirements.read_bytes() + base.as_posix().encode()).hexdigest()[:12]
    venv = tools / f"{name}-{digest}"
    python = venv / "bin" / "python"
    tools.mkdir(parents=True, exist_ok=True)
    # Two that start at the same time would install into one folder.
    with (tools / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (venv / ".installed").exists():
            say(f"installing {name} in an environment of its own ...")
            begun = time.monotonic()
            _install(venv, base, requirements)
            say(f"installed {name} in {time.monotonic() - begun:.0f} s")
    return python


def _install(venv: Path, base: Path, requirements: Path) -> None:
    shutil.rmtree(venv, ignore_errors=True)
    uv = Path(sys.executable).with_name("uv")
    _run([base, "-m", "venv", "--without-pip", venv])
    _run([uv, "pip", "install", "--quiet", "--python", venv / "bin" / "python", "--require-hashes", "-r", requirements])
    (venv / ".installed").touch()


def _run(command: list[str | Path]) -> None:
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=base_env())
    if answer.returncode:
        raise Failed(f"{Path(command[0]).name} failed:\n{(answer.stdout + answer.stderr)[-2000:]}")
