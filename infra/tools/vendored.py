"""What the dashboard's pages load that is not ours, laid beside them, each file held to its recorded hash.

The files are not committed: whatever serves the pages or packages them has them laid first, and no build step follows.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.tools import npm
from infra.tools.errors import Refused
from infra.tools.process import ROOT

FOLDER = ROOT / "layers" / "core" / "ctrip" / "pages" / "vendored"


@dataclass(frozen=True, slots=True)
class File:
    """A file of an npm package, the name that the pages load it by, and its SHA-256."""

    package: str
    version: str
    path: str
    name: str
    sha256: str


FILES = (
    File(
        "htmx.org",
        npm.HTMX,
        "dist/htmx.min.js",
        "htmx.min.js",
        "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
    ),
    File(
        "uplot",
        npm.UPLOT,
        "dist/uPlot.iife.min.js",
        "uplot.min.js",
        "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    ),
    File(
        "uplot",
        npm.UPLOT,
        "dist/uPlot.min.css",
        "uplot.min.css",
        "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    ),
    # Its licence asks for this beside it; htmx's asks for nothing.
    File(
        "uplot",
        npm.UPLOT,
        "LICENSE",
        "uplot.LICENSE",
        "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
    ),
)


def lay(say: Callable[[str], None], folder: Path = FOLDER, tools: Path = ROOT / ".tools") -> list[Path]:
    """Lay each file in its place that is not there as recorded; raises `Refused` where npm's is another."""
    return [_laid(file, folder, tools, say) for file in FILES]


def _laid(file: File, folder: Path, tools: Path, say: Callable[[str], None]) -> Path:
    place = folder / file.name
    if place.is_file() and _hash(place.read_bytes()) == file.sha256:
        return place
    body = npm.library(file.package, file.version, file.path, tools, say).read_bytes()
    if _hash(body) != file.sha256:
        raise Refused(f"{file.path} of {file.package}@{file.version} is not the file whose hash is recorded.")
    folder.mkdir(parents=True, exist_ok=True)
    # Renamed into its place: several processes may lay it at once.
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".", delete=False) as half:
        half.write(body)
    os.chmod(half.name, 0o644)
    os.replace(half.name, place)
    return place


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
