"""Packages the gateway for one stage: the two templates, and the archive that Lambda runs.

Chalice makes the application's template; what Chalice leaves open is fixed here.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from infra.package import archive, policies, runtime
from infra.stack import links, names
from infra.stack import template as templates
from infra.tools.errors import Failed, Refused

ROOT = Path(__file__).resolve().parents[2]


def package(stage: str, out: Path, arch: str = runtime.DEFAULT) -> Path:
    """Write `sam.json` (the application), `data.json` and `deployment.zip` into `out`; return the first one's path."""
    if stage not in stages():
        raise Refused(f"no stage {stage!r} in .chalice/config.json; there are {', '.join(stages())}")
    runtime.check_architecture(arch)
    _check_settings(stage)
    data = templates.load(ROOT / "data.yaml")
    application = _with_defaults(links.linked(_chalice(stage, arch), data), _settings(stage))
    archive.build(out, arch=arch)
    application = policies.with_fallback(application)
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
        raise Refused(f".chalice/config.json, stage {stage}: {problem}") from problem


def _chalice(stage: str, arch: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "infra.package.chalice_template", stage, arch, "template.yaml"]
    # Chalice insists on some region, although the template names none.
    region = os.environ.get("AWS_DEFAULT_REGION") or os.environ.get("AWS_REGION") or "us-east-1"
    env = {**os.environ, "AWS_DEFAULT_REGION": region}
    done = subprocess.run(command, cwd=ROOT, env=env, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise Failed(f"Chalice could not read app.py or template.yaml ({done.returncode}); what it said stands above")
    made: dict[str, Any] = json.loads(done.stdout)
    return made


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


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m infra.commands.package", description=__doc__)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--arch", default=runtime.DEFAULT)
    given = parser.parse_args()
    try:
        runtime.check_python()
        given.out.mkdir(parents=True, exist_ok=True)
        print(package(given.stage, given.out.resolve(), given.arch))
    except Refused as refusal:
        print(f"make package: {refusal}", file=sys.stderr)
        return 2
    except Failed as failure:
        print(f"make package: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
