"""Packages the gateway for one stage: its two templates and its archive.

`chalice package` makes the application's template; what Chalice leaves open is fixed here.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from infra.stack import links, names
from infra.stack import template as templates

ROOT = Path(__file__).resolve().parents[2]
_CHALICE = "import sys; from chalice.cli import main; sys.exit(main())"


def package(stage: str, out: Path) -> Path:
    """Write `sam.json` (the application), `data.json` and `deployment.zip` into `out`; return the first one's path."""
    if stage not in stages():
        raise SystemExit(f"no stage {stage!r} in .chalice/config.json; there are {', '.join(stages())}")
    _check_settings(stage)
    _run_chalice(stage, out)
    made = out / "sam.yaml"
    data = templates.load(ROOT / "data.yaml")
    application = _with_defaults(links.linked(yaml.safe_load(made.read_text()), data), _settings(stage))
    made.unlink()
    _write(out / "data.json", _for_stage(data, stage))
    return _write(out / "sam.json", _for_stage(application, stage))


def stages() -> list[str]:
    """Name the stages that can be packaged."""
    return list(json.loads((ROOT / ".chalice" / "config.json").read_text())["stages"])


def _settings(stage: str) -> dict[str, str]:
    """Read what `.chalice/config.json` sets for a stage."""
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    return dict(config["stages"][stage]["environment_variables"])


def _check_settings(stage: str) -> None:
    """Refuse a stage whose functions would refuse their settings at their start."""
    from ctrip import config, startup
    from ctrip.domain.errors import ConfigurationError

    given = _settings(stage)
    try:
        if wrong := names.unknown(given):
            raise ConfigurationError(wrong)
        startup.check(config.load(given))
    except ConfigurationError as problem:
        print(f"make package: .chalice/config.json, stage {stage}: {problem}", file=sys.stderr)
        raise SystemExit(2) from problem


def _run_chalice(stage: str, out: Path) -> None:
    command = [
        sys.executable,
        "-c",
        _CHALICE,
        "package",
        "--stage",
        stage,
        "--merge-template",
        "template.yaml",
        str(out),
    ]
    # Chalice insists on some region, although the template names none.
    region = os.environ.get("AWS_DEFAULT_REGION") or os.environ.get("AWS_REGION") or "us-east-1"
    # Chalice assembles in one folder of the checkout; a second at the same time would take the first one's archive.
    with (ROOT / ".chalice" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, "AWS_DEFAULT_REGION": region}, check=False)
    if done.returncode:
        raise SystemExit(f"chalice package failed with {done.returncode}")


def _for_stage(template: dict[str, Any], stage: str) -> dict[str, Any]:
    """Fix the stage, so that a package cannot be deployed over another stage's names."""
    parameter = template["Parameters"]["Stage"]
    fixed = {**parameter, "Default": stage, "AllowedValues": [stage]}
    return {**template, "Parameters": {**template["Parameters"], "Stage": fixed}}


def _with_defaults(template: dict[str, Any], given: dict[str, str]) -> dict[str, Any]:
    """Make what `config.json` sets the default of its parameter: in a function it would go before the parameter."""
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    parameters = dict(template["Parameters"])
    resources = json.loads(json.dumps(template["Resources"]))
    for name in set(given) & set(variables):
        parameter = variables[name]["Ref"]
        parameters[parameter] = {**parameters[parameter], "Default": given[name]}
        for body in resources.values():
            body["Properties"].get("Environment", {}).get("Variables", {}).pop(name, None)
    return {**template, "Parameters": parameters, "Resources": resources}


def _write(path: Path, template: dict[str, Any]) -> Path:
    # JSON has no anchors, which Chalice's YAML is full of and CloudFormation's own readers trip over.
    path.write_text(json.dumps(template, indent=1) + "\n")
    return path


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m infra.commands.package", description=__doc__)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--out", required=True, type=Path)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    print(package(given.stage, given.out.resolve()))


if __name__ == "__main__":
    main()
