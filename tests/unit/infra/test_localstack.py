"""What LocalStack is started with."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from infra.stack import aws_localstack
from infra.tools.errors import Refused


def test_a_python_on_which_localstack_does_not_start_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """On 3.12 it is installed and then finds none of its plugins: only 3.13 will do, and a missing one is named."""
    monkeypatch.setattr(sys, "version_info", (3, 12, 9, "final", 0))
    for folder in ("bin", "pyenv/versions/3.12.9/bin"):
        (tmp_path / folder).mkdir(parents=True)
        older = tmp_path / folder / "python3.12"
        older.write_text("#!/bin/sh\nexit 0\n")
        older.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    with pytest.raises(Refused, match=r"Python 3\.13 is needed"):
        aws_localstack.find_python()


def test_the_executor_is_found_by_its_entry_point(tmp_path: Path) -> None:
    """The metadata that is written for it is what an installation would have left."""
    from importlib.metadata import distributions

    folder = aws_localstack.plugged_in(tmp_path)
    (found,) = distributions(path=[str(folder)])
    (point,) = found.entry_points
    assert (point.group, point.name) == ("localstack.lambda.runtime_executor", "process")
    assert (aws_localstack.PLUGIN / point.module.replace(".", "/")).with_suffix(".py").exists()
