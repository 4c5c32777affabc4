"""The archive that Lambda runs: the locked requirements, the gateway and Chalice's runtime, slimmed and precompiled.

Its bytes follow from the commit, the architecture and the Python alone: files are sorted, their times and rights fixed,
and bytecode names the folder that Lambda unpacks to.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from infra.package import runtime
from infra.package.slim import slim
from infra.tools import vendored
from infra.tools.errors import Failed
from infra.tools.process import ROOT

TASK_ROOT = "/var/task"
# glibc of Lambda's Amazon Linux 2023.
_PLATFORM = "manylinux_2_34"
# The kinds of files that the gateway consists of: an editor's copy or a forgotten dump beside them is not packaged.
OURS = frozenset({".py", ".json", ".yaml", ".html", ".css", ".js", ".svg", ".LICENSE"})
LOCK = ROOT / "requirements.txt"
_TREES = {"functions": ROOT / "functions", "ctrip": ROOT / "layers" / "core" / "ctrip"}
# The two modules of Chalice that its own packager takes.
_CHALICE = ("__init__.py", "app.py")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_FILE = 0o100644 << 16


def build(out: Path, *, arch: str) -> Path:
    """Write `deployment.zip` into `out` for the running Python and an architecture of Lambda; return its path."""
    runtime.check_architecture(arch)
    vendored.lay(lambda line: print(line, file=sys.stderr, flush=True))
    with tempfile.TemporaryDirectory(prefix="ctrip-package-") as folder:
        tree = Path(folder).resolve() / "tree"
        _install(tree, runtime.ARCHITECTURES[arch])
        slim(tree)
        for source, name in gateway():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, tree / name)
        _write_catalogues(tree / "ctrip" / "pages" / "catalogues")
        _compile(tree)
        return _zip(tree, out / "deployment.zip")


def gateway() -> Iterator[tuple[Path, str]]:
    """Yield the files that are not from the lock file, each with its name in the archive."""
    yield ROOT / "app.py", "app.py"
    for top, folder in _TREES.items():
        for path in folder.rglob("*"):
            if path.suffix in OURS and path.is_file() and not path.is_symlink() and not path.name.startswith("."):
                yield path, f"{top}/{path.relative_to(folder).as_posix()}"
    import chalice

    for name in _CHALICE:
        yield Path(chalice.__file__).with_name(name), f"chalice/{name}"


def _install(tree: Path, machine: str) -> None:
    python = ".".join(map(str, sys.version_info[:2]))
    target = ["--python-platform", f"{machine}-{_PLATFORM}", "--python-version", python, "--target", str(tree)]
    # Not from the cache by links: the tree is changed afterwards.
    strict = ["--require-hashes", "--only-binary", ":all:", "--link-mode", "copy", "--quiet"]
    _run("uv", "pip", "install", *strict, *target, "--requirements", str(LOCK))


def _compile(tree: Path) -> None:
    # Lambda's file system cannot be written to, and the times of an archive mean nothing: bytecode is used unchecked.
    paths = ["-s", str(tree), "-p", TASK_ROOT]
    _run("compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash", *paths, str(tree), isolated=True)


def _write_catalogues(folder: Path) -> None:
    """Compile the words of the pages, which are read from their sources where nothing was packaged."""
    from ctrip.pages.language import CATALOGUES, compile_catalogue

    folder.mkdir(parents=True)
    for source in CATALOGUES.glob("*.po"):
        (folder / f"{source.stem}.mo").write_bytes(compile_catalogue(source.stem))


def _run(module: str, *arguments: str, isolated: bool = False) -> None:
    command = [sys.executable, *(["-I", "-B"] if isolated else []), "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"{module} failed with {done.returncode}:\n{(done.stdout + done.stderr).strip()}")


def _zip(tree: Path, path: Path) -> Path:
    files = sorted((file.relative_to(tree).as_posix(), file) for file in tree.rglob("*") if file.is_file())
    with zipfile.ZipFile(path, "w") as archive:
        for name, file in files:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = 3, _FILE
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes(), compresslevel=6)
    return path
