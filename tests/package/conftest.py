"""Fixtures: the application packaged once, its templates read and its archive unpacked."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.commands.package import package
from infra.lint import linters
from infra.lint.__main__ import environment

STAGE = "dev"


@dataclass(frozen=True, slots=True)
class Packaged:
    """The packaged application."""

    path: Path
    template: dict[str, Any]
    data: dict[str, Any]
    names: frozenset[str]
    unpacked: Path
    # The templates of both stacks as CloudFormation expands them: `application` and `data`.
    expanded: dict[str, dict[str, Any]]

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the resources of a type in both stacks, by logical id."""
        resources = self.data["Resources"] | self.template["Resources"]
        return {name: body for name, body in resources.items() if body["Type"] == kind}

    @property
    def functions(self) -> dict[str, dict[str, Any]]:
        """Return each function's properties."""
        return {name: body["Properties"] for name, body in self.of("AWS::Serverless::Function").items()}


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    """Package the application for a deployed stage."""
    out = tmp_path_factory.mktemp("package")
    path = package(STAGE, out)
    unpacked = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(out / "deployment.zip") as archive:
        archive.extractall(unpacked)
        names = frozenset(archive.namelist())
    data = json.loads((out / "data.json").read_text())
    expanded = linters.expand(environment(), path, out / "expanded.json")
    both = {"application": json.loads(expanded.read_text()), "data": data}
    return Packaged(path, json.loads(path.read_text()), data, names, unpacked, both)
