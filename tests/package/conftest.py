"""Fixtures: the application packaged once, its template read and its archive unpacked."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.commands.package import package
from infra.package import runtime

STAGE = "dev"


@dataclass(frozen=True, slots=True)
class Packaged:
    """The packaged application."""

    path: Path
    template: dict[str, Any]
    names: frozenset[str]
    unpacked: Path

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the resources of a type, by logical id."""
        return {name: body for name, body in self.template["Resources"].items() if body["Type"] == kind}

    @property
    def functions(self) -> dict[str, dict[str, Any]]:
        """Return each function's properties."""
        return {name: body["Properties"] for name, body in self.of("AWS::Serverless::Function").items()}


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    """Package the application for a deployed stage, and for this machine, which runs it."""
    out = tmp_path_factory.mktemp("package")
    path = package(STAGE, out, runtime.here())
    unpacked = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(out / "deployment.zip") as archive:
        archive.extractall(unpacked)
        return Packaged(path, json.loads(path.read_text()), frozenset(archive.namelist()), unpacked)
