"""The Python and the processors that the functions are deployed on."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

from infra.tools.errors import Refused

PYTHON = (3, 13)
# The names of AWS, and those of wheels.
ARCHITECTURES = {"arm64": "aarch64", "x86_64": "x86_64"}
DEFAULT = "arm64"
_VERSION = "import sys; print(*sys.version_info[:2])"


def check_architecture(arch: str) -> str:
    """Return the architecture; raises `Refused` for one that Lambda does not have."""
    if arch not in ARCHITECTURES:
        raise Refused(f"no architecture {arch!r} in Lambda; there are {' and '.join(ARCHITECTURES)}")
    return arch


def check_python() -> None:
    """Raise `Refused` unless this Python, and the one that `PYTHON` asks for, is the deployed one.

    Bytecode is read by the minor version that wrote it, and Chalice names the version that runs it as the runtime.
    """
    running = sys.version_info[:2]
    if running != PYTHON:
        raise Refused(f"{_needed()}, and .venv has {_text(running)}; {_remedy()}")
    if (asked := os.environ.get("PYTHON")) and (found := _version_of(asked)) != PYTHON:
        raise Refused(f"{_needed()}, and PYTHON={asked} is {_text(found) if found else 'no Python'}")


def here() -> str:
    """Return the architecture of this machine by AWS's name."""
    machine = {"amd64": "x86_64", "aarch64": "arm64"}.get(platform.machine().lower(), platform.machine().lower())
    return check_architecture(machine)


def _needed() -> str:
    return f"the functions run on Python {_text(PYTHON)} and are packaged by it"


def _remedy() -> str:
    return f"rm -rf .venv, then PYTHON=<path of python{_text(PYTHON)}> make package ..."


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _version_of(python: str) -> tuple[int, ...] | None:
    try:
        done = subprocess.run([python, "-c", _VERSION], capture_output=True, text=True, check=True, timeout=60)
        return tuple(map(int, done.stdout.split()))
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
