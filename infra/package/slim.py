"""What the archive leaves out: sources of compiled modules, tests, documentation, descriptions of AWS services."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

# The AWS services that the functions call. Of all others botocore needs no description.
SERVICES = frozenset({"dynamodb", "kms", "lambda", "secretsmanager", "sqs"})

# Several wheels install these beside their packages: whichever comes last wins, so that two installations differ.
STRAYS = frozenset({"bin", "docs", "examples", "include", "newsfragments", "share"})

FOLDERS = frozenset(
    {
        "aws_lambda_powertools/event_handler",  # a web framework with its own documentation pages; ours is Chalice
        "cytoolz",  # toolz again, compiled: 14 MB that eth_utils replaces by toolz itself where it is missing
    }
)
_TESTS = frozenset({"tests", "test", "SelfTest"})
_SOURCES = frozenset({".pyi", ".pyx", ".pxd", ".c", ".cc", ".cpp", ".h", ".hpp", ".rs", ".a", ".pyc"})
# What an installer notes for itself; RECORD names each file, those that are left out here too.
_INSTALLERS = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"})


def slim(tree: Path) -> None:
    """Remove from an installed tree what no function reads."""
    for folder, folders, files in os.walk(tree):
        here = Path(folder)
        for name in [name for name in folders if _left_out(here.relative_to(tree) / name)]:
            shutil.rmtree(here / name)
            folders.remove(name)
        for name in files:
            if _needless(here / name):
                (here / name).unlink()
    for path in _descriptions(tree):
        shutil.rmtree(path)


def _left_out(folder: Path) -> bool:
    top = len(folder.parts) == 1
    return (top and folder.name in STRAYS) or folder.name in _TESTS or folder.as_posix() in FOLDERS


def _needless(file: Path) -> bool:
    installers = file.parent.name.endswith(".dist-info") and file.name in _INSTALLERS
    tests = file.name == "conftest.py" or (file.name.startswith("test_") and file.suffix == ".py")
    return installers or tests or file.name.startswith(".") or (file.suffix in _SOURCES)


def _descriptions(tree: Path) -> Iterator[Path]:
    """Yield botocore's and boto3's folders of services that are not called, and of versions that are not the newest."""
    for library in ("botocore", "boto3"):
        for service in sorted((tree / library / "data").glob("*/")):
            versions = sorted(service.glob("*/"))
            yield from versions[:-1] if service.name in SERVICES else [service]
