"""Builds geth at a pinned version through the Go module proxy, once."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from infra.tools.errors import Failed, Refused

VERSION = "1.17.10"
PACKAGE = f"github.com/ethereum/go-ethereum/cmd/geth@v{VERSION}"
OLDEST_GO, OLDEST_SWITCHING_GO = (1, 25), (1, 21)
"""What geth's go.mod asks for; and the first Go that downloads a newer one by itself."""

_SAY_SECONDS = 10.0
_KEPT_LINES = 20


def geth(tools: Path, say: Callable[[str], None]) -> Path:
    """Return the geth of the pinned version, built if it is not there; raises `Refused` without a Go that can."""
    built = tools / f"geth-{VERSION}"
    if not built.exists():
        go = find_go()
        say(f"building geth {VERSION} (some minutes the first time) ...")
        begun = time.monotonic()
        tools.mkdir(parents=True, exist_ok=True)
        # Built in a folder of its own and moved whole: an interrupted build leaves nothing that looks like one.
        with tempfile.TemporaryDirectory(dir=tools) as folder:
            _install(go, Path(folder) / "bin", say)
            if not built.exists():
                (Path(folder) / "bin").rename(built)
        say(f"built geth {VERSION} in {time.monotonic() - begun:.0f} s")
    return built / "geth"


def find_go() -> str:
    """Return the path of a Go that can build geth. Raises `Refused` with what to install."""
    advice = f"geth is built with Go {OLDEST_GO[0]}.{OLDEST_GO[1]} or later; install it from https://go.dev/dl"
    go = shutil.which("go")
    if go is None:
        raise Refused(f"{advice} (no go was found).")
    asked = [go, "env", "GOVERSION", "GOTOOLCHAIN"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()
    version = re.match(r"go(\d+)\.(\d+)", answer[0] if answer else "")
    found = (int(version[1]), int(version[2])) if version else (0, 0)
    switches = found >= OLDEST_SWITCHING_GO and "local" not in answer[1:]
    if found < OLDEST_GO and not switches:
        raise Refused(f"{advice} (here is {answer[0] if answer else 'one that does not answer'}).")
    return go


def _install(go: str, target: Path, say: Callable[[str], None]) -> None:
    """Run `go install`, with a line every few seconds on how far it is."""
    command = [go, "install", "-v", PACKAGE]
    # From a folder without a go.mod, whose versions would be preferred to geth's own.
    with (
        tempfile.TemporaryDirectory() as nowhere,
        subprocess.Popen(
            command,
            cwd=nowhere,
            env=os.environ | {"GOBIN": str(target)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        try:
            lines = _follow(process, say)
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise Failed("geth could not be built:\n" + "\n".join(lines))


def _follow(process: subprocess.Popen[str], say: Callable[[str], None]) -> list[str]:
    """Read what Go prints until it ends; return the last lines."""
    lines: list[str] = []
    downloaded = compiled = 0
    last = time.monotonic()
    assert process.stdout is not None
    for line in process.stdout:
        lines = [*lines[1 - _KEPT_LINES :], line.rstrip()]
        if line.startswith("go: "):
            downloaded += 1
        else:
            compiled += 1
        if time.monotonic() - last > _SAY_SECONDS:
            last = time.monotonic()
            say(f"  {downloaded} modules downloaded, {compiled} packages compiled")
    return lines
