"""`make lint`: lints both templates of a packaged stage as CloudFormation expands them, and every policy."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from infra.lint import linters, policies
from infra.stack import template as templates
from infra.tools import environments
from infra.tools.errors import Failed, Refused
from infra.tools.process import ROOT

TOOLS = ROOT / ".tools"
REQUIREMENTS = ROOT / "infra" / "lint" / "requirements.txt"
STAGE = "dev"


def environment(tools: Path = TOOLS) -> Path:
    """Return the Python of the linters' environment, made if need be."""
    return environments.made(tools, "lint", REQUIREMENTS, lambda line: print(f"  {line}", file=sys.stderr, flush=True))


def lint(package: Path, stage: str, folder: Path) -> list[str]:
    """Lint a package; return what was found, a line each. Files go into `folder`."""
    python = environment()
    others = (package / "data.json", *sorted((ROOT / "infra" / "deploy").glob("*.yaml")))
    files = [linters.expand(python, package / "sam.json", folder / "application.json")]
    files += [_as_json(source, folder) for source in others]
    every = [json.loads(path.read_text()) for path in files]
    (folder / "policies").mkdir()
    if not policies.write(folder / "policies", policies.inline(stage, *every)):
        raise Failed("the packaged templates have no policy: they were not read right")
    # One thread each: they are programs of their own, and checkov takes as long as the others together.
    with ThreadPoolExecutor() as pool:
        asked = [
            pool.submit(linters.checkov, python, files),
            pool.submit(linters.cfn_lint, python, files),
            pool.submit(linters.parliament, python, folder / "policies"),
        ]
        return [line for each in asked for line in each.result()]


def _as_json(source: Path, folder: Path) -> Path:
    target = folder / f"{source.stem}.json"
    target.write_text(json.dumps(templates.load(source), indent=1))
    return target


def main() -> int:
    """Run from the command line; return 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m infra.lint", description=__doc__)
    parser.add_argument("--package", type=Path, help="a packaged stage; without it its templates are made")
    parser.add_argument("--stage", default=STAGE)
    given = parser.parse_args()
    begun = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as work:
            found = _linted(given.package, given.stage, Path(work))
    except (Failed, Refused) as problem:
        print(f"make lint: {problem}", file=sys.stderr)
        return 2 if isinstance(problem, Refused) else 1
    print("\n".join(found) or f"Nothing was found in the templates and policies ({time.monotonic() - begun:.0f} s).")
    return int(bool(found))


def _linted(package: Path | None, stage: str, work: Path) -> list[str]:
    if package is None:
        from infra.commands.package import write_templates

        package = work / "package"
        package.mkdir()
        write_templates(stage, package)
    (work / "lint").mkdir()
    return lint(package.resolve(), stage, work / "lint")


if __name__ == "__main__":
    sys.exit(main())
