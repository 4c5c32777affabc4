"""What the archive leaves out: sources of compiled modules, tests, documentation, AWS services, other languages."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# The AWS services that the functions call. Of all others botocore needs no description.
SERVICES = frozenset({"dynamodb", "kms", "lambda", "secretsmanager", "sqs"})

# The locales whose names, numbers and times the pages write (`ctrip.pages.language`), and those that they build on.
LOCALES = frozenset({"ar", "de", "en", "en_001", "en_GB", "es", "fr", "ja", "pt", "root", "ru", "tr", "zh"})

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
# Under these of a service's description stand names of its own, each with its part.
_NAMED = frozenset({"operations", "shapes", "members"})
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
    _shorten(tree / "botocore" / "data")
    for locale in (tree / "babel" / "locale-data").glob("*.dat"):
        if locale.stem not in LOCALES:
            locale.unlink()


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


def _shorten(data: Path) -> None:
    """Leave out of what botocore reads at each start what no client asks for: other services' hosts, documentation.

    Half of the CPU of a first client went into reading these. Compressed they would be read no sooner.
    """
    hosts = data / "endpoints.json"
    if hosts.is_file():
        document = json.loads(hosts.read_bytes())
        for partition in document["partitions"]:
            partition["services"] = {name: it for name, it in partition["services"].items() if name in SERVICES}
        _write(hosts, document)
    for compressed in sorted(data.glob("*/*/service-2.json.gz")):
        _write(compressed.with_suffix(""), _undocumented(json.loads(gzip.decompress(compressed.read_bytes()))))
        compressed.unlink()


def _undocumented(node: Any, *, named: bool = False) -> Any:
    """Drop the text that describes a part; where parts are `named`, a name is the service's own, whatever it is."""
    if isinstance(node, list):
        return [_undocumented(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        name: _undocumented(held, named=not named and name in _NAMED)
        for name, held in node.items()
        if named or name != "documentation"
    }


def _write(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document, separators=(",", ":"), ensure_ascii=False), encoding="utf-8")
