"""The native binaries that come from npm: Anvil, and dynoxide where it exists.

A lock file that lists every platform fails where the registry lacks one, and `npm install` runs the packages' scripts:
the platform's own archive is fetched, checked against the hash below and unpacked, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import platform
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.local.errors import Refused

ANVIL = "1.7.1"
DYNOXIDE = "1.2.1"

# A platform without a hash here rests on the registry's own: add the hash when that platform is next at hand.
INTEGRITY = {
    "@foundry-rs/anvil-linux-amd64@1.7.1": (
        "+XmShybEaxfCrr0OUUZwYEy2OnYZt5pHH9TzBtLv3+VrK0O/ANuNSVEahqNhKHlgX7GRJ59383ofNhxkRWIYTg=="
    ),
    "@dynoxide/linux-x64@1.2.1": (
        "sBHqlxJ9ANkLluFkYRfd5r8Y0ApFew4FhOrlhgRAgD4XzEoFOukEo1nuBTQ1+jTtofqwn4NWQ2k0Tn5mNTjgUg=="
    ),
}


@dataclass(frozen=True, slots=True)
class Package:
    """An npm package that holds one native binary, and the binary's path inside it."""

    name: str
    version: str
    binary: str

    @property
    def spec(self) -> str:
        """The package as npm names it."""
        return f"{self.name}@{self.version}"


def anvil(tools: Path, say: Callable[[str], None]) -> Path:
    """Anvil's binary for this machine, fetched if it is not there yet."""
    package = Package(f"@foundry-rs/anvil-{_system()}-{_machine('amd64')}", ANVIL, "bin/anvil")
    found = _installed(package, tools) or _fetch(package, tools, say)
    if found is None:
        raise Refused(f"npm could not fetch {package.spec} (Anvil); check the network and npm's registry setting.")
    return found


def dynoxide(tools: Path, say: Callable[[str], None]) -> Path | None:
    """The binary of dynoxide for this machine, or None where there is none."""
    package = Package(f"@dynoxide/{_system()}-{_machine('x64')}", DYNOXIDE, "dynoxide")
    found = _installed(package, tools) or _fetch(package, tools, say)
    if found is None:
        say(f"{package.spec} is not to be had: moto serves DynamoDB too, slower and less strict.")
    return found


def check_node() -> None:
    """Refuse a machine without Node 20 and npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise Refused("Node 20 or later (with npm) is needed and not on the path; install it, then run this again.")
    try:
        version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        version = ""
    match = re.match(r"v(\d+)\.", version)
    if not match or int(match[1]) < 20:
        raise Refused(
            f"Node 20 or later is needed, and `node --version` says {version.strip() or 'nothing'}; update it."
        )


def _installed(package: Package, tools: Path) -> Path | None:
    path = _home(package, tools) / package.binary
    return path if path.exists() else None


def _home(package: Package, tools: Path) -> Path:
    return tools / package.spec.lstrip("@").replace("/", "-")


def _fetch(package: Package, tools: Path, say: Callable[[str], None]) -> Path | None:
    check_node()
    tools.mkdir(parents=True, exist_ok=True)
    say(f"fetching {package.spec} ...")
    begun = time.monotonic()
    # Beside its final place, so that the last step is a rename and an interrupted fetch leaves nothing half done.
    with tempfile.TemporaryDirectory(dir=tools) as folder:
        packed = subprocess.run(
            ["npm", "pack", "--silent", "--pack-destination", folder, package.spec],
            cwd=folder,
            check=False,
            capture_output=True,
        )
        archives = list(Path(folder).glob("*.tgz"))
        if packed.returncode or len(archives) != 1:
            return None
        _check_integrity(package, archives[0])
        with tarfile.open(archives[0]) as archive:
            if hasattr(tarfile, "data_filter"):  # from 3.11.4 on
                archive.extraction_filter = tarfile.data_filter
            archive.extractall(folder)  # noqa: S202 - the archive's hash was checked
        binary = Path(folder) / "package" / package.binary
        if not binary.exists():
            raise Refused(f"{package.spec} does not hold {package.binary}; its layout has changed.")
        binary.chmod(0o755)
        home = _home(package, tools)
        shutil.rmtree(home, ignore_errors=True)
        (Path(folder) / "package").rename(home)
        size = archives[0].stat().st_size / 1e6
    say(f"fetched {package.spec}: {size:.1f} MB in {time.monotonic() - begun:.1f} s")
    return home / package.binary


def _check_integrity(package: Package, archive: Path) -> None:
    wanted = INTEGRITY.get(package.spec)
    got = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if wanted and got != wanted:
        raise Refused(
            f"{package.spec} is not the archive that was pinned (sha512 {got[:16]}...); nothing was installed."
        )


def _system() -> str:
    system = {"Linux": "linux", "Darwin": "darwin"}.get(platform.system())
    if system is None:
        raise Refused(f"{platform.system()} is not supported; on Windows, run this inside WSL2.")
    return system


def _machine(intel: str) -> str:
    return "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else intel
