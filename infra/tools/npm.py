"""What comes from npm: Anvil, dynoxide where it exists, what the pages load, and for `make check` solc and axe.

A lock file that lists every platform fails where the registry lacks one, and `npm install` runs the packages' scripts:
the platform's own archive is fetched, checked against the hash below and unpacked, and nothing else.
`python -m infra.tools.npm` fetches the compiler and prints its folder.
"""

from __future__ import annotations

import base64
import hashlib
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.tools.errors import Refused
from infra.tools.process import ROOT

ANVIL = "1.7.1"
DYNOXIDE = "1.2.1"
# What the dashboard loads: requests without a line of script, and charts; `infra.tools.vendored` puts it in its place.
HTMX, UPLOT = "2.0.11", "1.6.32"
# What finds faults of accessibility in a page, for the tests.
AXE = "4.14.1"
# What reads QR codes, for the tests: two of them, which have nothing in common.
JSQR, ZXING = "1.4.0", "0.23.0"
# The compiler, and what it requires when it is loaded.
SOLC = ("solc@0.8.37", "follow-redirects@1.16.3", "js-sha3@0.8.0", "memorystream@0.3.1", "semver@5.7.3")

# A platform without a hash here rests on the registry's own: add the hash when that platform is next at hand.
INTEGRITY = {
    "@foundry-rs/anvil-linux-amd64@1.7.1": (
        "+XmShybEaxfCrr0OUUZwYEy2OnYZt5pHH9TzBtLv3+VrK0O/ANuNSVEahqNhKHlgX7GRJ59383ofNhxkRWIYTg=="
    ),
    "@dynoxide/linux-x64@1.2.1": (
        "sBHqlxJ9ANkLluFkYRfd5r8Y0ApFew4FhOrlhgRAgD4XzEoFOukEo1nuBTQ1+jTtofqwn4NWQ2k0Tn5mNTjgUg=="
    ),
    "htmx.org@2.0.11": "Thx/WtpeOQqSrqBCw/A1cwGJGg4UrVa3+sW0GmrM3p4gJgO89ecH4qtbnyzDDWFvBTqjnIMCgELTNt636dtamA==",
    "uplot@1.6.32": "KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==",
    "axe-core@4.14.1": "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
    "jsqr@1.4.0": "dxLob7q65Xg2DvstYkRpkYtmKm2sPJ9oFhrhmudT1dZvNFFTlroai3AWSpLey/w5vMcLBXRgOJsbXpdN9HzU/A==",
    "@zxing/library@0.23.0": "6fkkoFwP8CHxl6ugnPsj74PLJgX2iRv5zczGAyt5OBzQgxFhuhF0NCEc4t4OvSr8xAv2MRLlI0Iu9ZGDZQ2urA==",
    "solc@0.8.37": "ieUYdPDRGNKMsZpCfi9tY64Q+ASoL8tyhLuvf9cFiqDs+6ijlx8Wn2CRi0N71AlCvRx0V092rlUYu3b3PuxWlA==",
    "follow-redirects@1.16.3": (
        "toOSoqN6d51Wjf1aOFJYcoVv1aND9rj/CwjLU0Vz40oDuSpWDayCeKe4JpL5NL0WdFvoOOCI3BRo69HahjbR1A=="
    ),
    "js-sha3@0.8.0": "gF1cRrHhIzNfToc802P800N8PpXS+evLLXfsVpowqmAFR9uwbi89WvXg2QspOmXL8QL86J4T1EpFu+yUkwJY3Q==",
    "memorystream@0.3.1": "S3UwM3yj5mtUSEfP41UZmt/0SCoVYUcU1rkXv+BQ5Ig8ndL4sPoJNBUJERafdPb5jjHJGuMgytgKvKIf58XNBw==",
    "semver@5.7.3": "kM18BPOqTi0+TB68703/GJRpAML5Me+IDQsR1J26YB3EFKKNEyHIVZuWDX7+WKQB3tHwDwgk24BfhdpWUbytvQ==",
}


@dataclass(frozen=True, slots=True)
class Package:
    """An npm package, and the path inside it of the file that it is fetched for; `folder` is where it is kept."""

    name: str
    version: str
    binary: str
    folder: str | None = None

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


def library(name: str, version: str, file: str, tools: Path, say: Callable[[str], None]) -> Path:
    """A file of a package that browsers run, fetched if it is not there yet."""
    package = Package(name, version, file)
    found = _installed(package, tools) or _fetch(package, tools, say)
    if found is None:
        raise Refused(f"npm could not fetch {package.spec} (the pages load it); check the network.")
    return found


def axe(tools: Path, say: Callable[[str], None]) -> Path:
    """The script that finds faults of accessibility in a page."""
    return library("axe-core", AXE, "axe.min.js", tools, say)


def decoders(tools: Path, say: Callable[[str], None]) -> tuple[Path, Path]:
    """The scripts of two decoders of QR codes."""
    first = library("jsqr", JSQR, "dist/jsQR.js", tools, say)
    return first, library("@zxing/library", ZXING, "umd/index.min.js", tools, say)


def solc(tools: Path, say: Callable[[str], None]) -> Path:
    """The folder in whose `node_modules` the Solidity compiler lies."""
    home = tools / f"solc-{hashlib.sha256(' '.join(SOLC).encode()).hexdigest()[:12]}"
    for spec in SOLC:
        name, version = spec.split("@")
        package = Package(name, version, "package.json", folder=name)
        if not (_installed(package, home / "node_modules") or _fetch(package, home / "node_modules", say)):
            raise Refused(f"npm could not fetch {spec} (the Solidity compiler's); check the network.")
    return home


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
    return tools / (package.folder or package.spec.lstrip("@").replace("/", "-"))


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


def main() -> int:
    """Fetch the compiler and print its folder, for the Makefile."""
    try:
        print(solc(ROOT / ".tools", lambda line: print(line, file=sys.stderr, flush=True)))
    except Refused as refusal:
        print(f"solc: {refusal}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
