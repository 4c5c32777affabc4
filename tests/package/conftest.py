"""Fixtures: the application packaged once, its templates read and its archive unpacked."""

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.commands.package import package
from infra.lint import linters
from infra.lint.__main__ import environment
from infra.package import archive, runtime

STAGE = "dev"


@dataclass(frozen=True, slots=True)
class Archive:
    """A deployment archive and the folder that it was unpacked to."""

    path: Path
    entries: tuple[zipfile.ZipInfo, ...]
    unpacked: Path

    @classmethod
    def of(cls, path: Path, unpacked: Path) -> "Archive":
        """Unpack an archive."""
        with zipfile.ZipFile(path) as held:
            held.extractall(unpacked)
            return cls(path, tuple(held.infolist()), unpacked)

    @property
    def names(self) -> frozenset[str]:
        """Return the names of its files."""
        return frozenset(entry.filename for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Packaged:
    """The packaged application."""

    path: Path
    template: dict[str, Any]
    data: dict[str, Any]
    archive: Archive
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

    def in_lambda(self, code: str, *arguments: str, **variables: str) -> str:
        """Run code as Lambda would: a fresh interpreter that sees the archive and not the repository."""
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(self.archive.unpacked),
            "CTRIP_STAGE": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_LAMBDA_FUNCTION_NAME": "ctrip-local-test",
        }
        done = subprocess.run(
            # No site packages: what the archive lacks, Lambda lacks.
            [sys.executable, "-S", "-c", code, *arguments],
            cwd=self.archive.unpacked,
            env=environment | variables,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    """Package the application for a deployed stage, and for this machine, which runs it."""
    out = tmp_path_factory.mktemp("package")
    path = package(STAGE, out, runtime.here())
    held = Archive.of(out / "deployment.zip", tmp_path_factory.mktemp("unpacked"))
    data = json.loads((out / "data.json").read_text())
    expanded = linters.expand(environment(), path, out / "expanded.json")
    both = {"application": json.loads(expanded.read_text()), "data": data}
    return Packaged(path, json.loads(path.read_text()), data, held, both)


@pytest.fixture(scope="session")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Build the archive for the architecture that this machine does not have."""
    (arch,) = set(runtime.ARCHITECTURES) - {runtime.here()}
    path = archive.build(tmp_path_factory.mktemp("foreign"), arch=arch)
    return Archive.of(path, tmp_path_factory.mktemp("unpacked-foreign"))
