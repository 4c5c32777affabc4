"""The linters, each a function that returns what it found, a line each."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from infra.tools.errors import Failed
from infra.tools.process import ROOT, base_env

BASELINE = ROOT / "infra" / "lint" / "baseline.json"
# What nobody asked for: a linter that reports to its maker, or asks it for more rules.
_QUIET = {"LOG_LEVEL": "ERROR", "CHECKOV_RUN_SCA_PACKAGE_SCAN": "false", "AWS_DEFAULT_REGION": "us-east-1"}


def expand(python: Path, template: Path, target: Path) -> Path:
    """Write the template as CloudFormation expands it."""
    _run([python, "-m", "infra.lint.expand", template, target], allowed=(0,))
    return target


def cfn_lint(python: Path, templates: Iterable[Path]) -> list[str]:
    """Ask cfn-lint about templates: property types, references, circular dependencies."""
    out = _run([python.with_name("cfn-lint"), "--format", "parseable", *templates], allowed=(0, 2, 4, 6, 8, 10, 12, 14))
    return [f"cfn-lint: {line}" for line in out.splitlines()]


def parliament(python: Path, folder: Path) -> list[str]:
    """Ask parliament about the policies in a folder: actions, resources and conditions that fit each other."""
    out = _run([python.with_name("parliament"), "--directory", folder, "--json"], allowed=(0, 1))
    found = [json.loads(line) for line in out.splitlines()]
    return [
        f"parliament: {Path(each['location']['filepath']).stem}: {each['title']} {each['detail']}" for each in found
    ]


def checkov(python: Path, templates: Iterable[Path], baseline: Mapping[str, Any] | None = None) -> list[str]:
    """Ask checkov about templates; what the baseline excuses is left out, and an excuse for nothing is found itself."""
    files = [part for each in templates for part in ("-f", each)]
    command = [
        python.with_name("checkov"),
        *files,
        "--framework",
        "cloudformation",
        "--skip-download",
        "--output",
        "json",
    ]
    answer = json.loads(_run([*command, "--quiet", "--compact"], allowed=(0, 1)))
    failed = [each for run in _listed(answer) for each in run["results"]["failed_checks"]]
    broken = sum(run["summary"]["parsing_errors"] for run in _listed(answer))
    return [f"checkov: {broken} templates could not be read"] * bool(broken) + judged(
        [(each["check_id"], each["resource"], each["check_name"]) for each in failed],
        baseline if baseline is not None else json.loads(BASELINE.read_text()),
    )


def judged(failed: Iterable[tuple[str, str, str]], baseline: Mapping[str, Any]) -> list[str]:
    """Hold failed checks (check, resource as `type.name`, title) against the baseline."""
    used: set[tuple[str, str]] = set()
    found = []
    for check, resource, title in failed:
        kind, _, name = resource.rpartition(".")
        excused = baseline.get(check, {}).get("resources", {})
        known = next((each for each in (name, kind) if each in excused), None)
        if known is None:
            found.append(f"checkov: {check} {resource}: {title}")
        else:
            used.add((check, known))
    return found + [
        f"checkov: {check} {each}: the baseline excuses it, and nothing needs the excuse"
        for check, entry in baseline.items()
        for each in entry["resources"]
        if (check, each) not in used
    ]


def _listed(answer: Any) -> list[Any]:
    return answer if isinstance(answer, list) else [answer]


def _run(command: list[str | Path], allowed: tuple[int, ...]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=base_env() | _QUIET)
    if done.returncode not in allowed:
        raise Failed(f"{Path(command[0]).name} failed ({done.returncode}):\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout
