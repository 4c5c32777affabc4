"""What is published: the wheel, and the words beside it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

import ctrip_client

CLIENT = Path(__file__).resolve().parents[2] / "clients" / "python"
README = (CLIENT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy, as a package index would get it."""
    folder = tmp_path_factory.mktemp("client")
    shutil.copytree(CLIENT, folder / "source", ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    command = [sys.executable, "-c", build, str(folder)]
    done = subprocess.run(command, cwd=folder / "source", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [built] = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_package_its_types_and_its_licence(wheel: Path) -> None:
    """Every module, the marker that says it is typed, and httpx as the only dependency."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        [metadata] = [archive.read(name) for name in names if name.endswith(".dist-info/METADATA")]
    modules = {f"ctrip_client/{path.name}" for path in (CLIENT / "src" / "ctrip_client").glob("*.py")}
    assert modules | {"ctrip_client/py.typed"} == {name for name in names if name.startswith("ctrip_client/")}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    about = message_from_bytes(metadata)
    assert (about["Name"], about["Version"]) == ("ctrip-client", ctrip_client.__version__)
    assert about.get_all("Requires-Dist") == ["httpx<1,>=0.27"]
    assert about["Requires-Python"] == ">=3.11"
    assert "From install to a paid webhook" in str(about.get_payload())


def test_the_wheel_works_without_the_gateways_code(wheel: Path) -> None:
    """Imported on its own, it brings httpx and nothing of this repository."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import ctrip_client; "
        "print(ctrip_client.__file__); print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code, str(wheel)], capture_output=True, text=True, check=True)
    where, loaded = done.stdout.splitlines()
    assert where.startswith(str(wheel))
    assert not {"ctrip", "functions", "infra", "boto3", "pydantic"} & set(loaded.split())


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_examples_name_what_there_is(example: str) -> None:
    """They parse, and import only what the package exports."""
    compile(example, "README.md", "exec")
    for names in re.findall(r"from ctrip_client import (.*)", example):
        assert set(names.split(", ")) <= set(ctrip_client.__all__)
    for resource, method in re.findall(r"client\.(payments|events|keys)\.(\w+)\(", example):
        with ctrip_client.Client("https://gateway.example", api_key="k") as client:
            assert callable(getattr(getattr(client, resource), method))


def test_both_clients_have_the_same_shape() -> None:
    """Whoever knows one knows the other: the same resources, methods and arguments."""

    def shape(kind: type) -> dict[str, list[str]]:
        made = kind("https://gateway.example", api_key="k")
        parts = {"": made, "payments": made.payments, "events": made.events, "keys": made.keys}
        return {
            f"{part}.{name}": list(getattr(type(target), name).__annotations__)
            for part, target in parts.items()
            for name in dir(target)
            if not name.startswith("_") and callable(getattr(target, name)) and name not in ("payments", "runner")
        }

    assert shape(ctrip_client.Client) == shape(ctrip_client.AsyncClient)
    assert len(shape(ctrip_client.Client)) == 15
