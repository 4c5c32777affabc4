"""Parameters of a deployment: what is given now, else what the stack has, else the template's default."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from infra.tools.errors import Refused

_NOT_GIVEN = {
    "Stage": "the package fixes it, and STAGE=... names it",
    "DeletionProtection": "make deploy sets it once the tables are there",
    "BackupVerified": "ctrip wallet verify notes it with the wallet's secret, where make deploy reads it",
}
Values = Mapping[str, str]


def read(path: Path | None, assignments: Iterable[str]) -> dict[str, str]:
    """Read a JSON file of names and values, and `Name=value` texts that go before it; raises `Refused`."""
    found: dict[str, Any] = {}
    if path:
        try:
            found = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise Refused(f"PARAMETERS={path.name} cannot be read as JSON: {error}") from error
        if not isinstance(found, dict):
            raise Refused(f"PARAMETERS={path.name} must be a JSON object of names and values.")
    for text in (part for each in assignments for part in shlex.split(each)):
        name, equals, value = text.partition("=")
        if not equals:
            raise Refused(f"SET takes Name=value, and {name[:40]!r} is none.")
        found[name] = value
    # A treasury for each chain is JSON itself, and may be written as such.
    return {name: each if isinstance(each, str) else json.dumps(each) for name, each in found.items()}


def check_known(given: Values, *templates: Mapping[str, Any]) -> None:
    """Refuse a name that no template has, with the nearest right one, and one that packaging has fixed."""
    from ctrip.domain.text import nearest

    there = sorted({name for each in templates for name in each["Parameters"]} - set(_NOT_GIVEN))
    for name in given:
        if name in _NOT_GIVEN:
            raise Refused(f"{name} is not given here: {_NOT_GIVEN[name]}.")
        if name not in there:
            raise Refused(f"{name[:40]} is no parameter{nearest(name, there)}; there are {', '.join(there)}.")


def chosen(template: Mapping[str, Any], current: Values, given: Values) -> list[dict[str, Any]]:
    """Return a change set's parameters; an update keeps what the stack has."""
    found: list[dict[str, Any]] = []
    for name in template["Parameters"]:
        if name in given:
            found.append({"ParameterKey": name, "ParameterValue": given[name]})
        elif name in current:
            found.append({"ParameterKey": name, "UsePreviousValue": True})
    return found


def value(name: str, template: Mapping[str, Any], current: Values, given: Values) -> str:
    """Return what a parameter will be."""
    default = str(template["Parameters"].get(name, {}).get("Default", ""))
    return given.get(name, current.get(name, default))


def check_settings(template: Mapping[str, Any], stage: str, current: Values, given: Values) -> None:
    """Refuse values with which the functions would refuse to start; raises `Refused`."""
    from ctrip import config, startup
    from ctrip.domain.errors import ConfigurationError

    variables = template.get("Globals", {}).get("Function", {}).get("Environment", {}).get("Variables", {})
    environment = {name: value(each["Ref"], template, current, given) for name, each in variables.items()}
    try:
        settings = config.load({**environment, "CTRIP_STAGE": stage})
        startup.check(settings)
        startup.enabled_networks(settings)
    except ConfigurationError as problem:
        raise Refused(str(problem)) from problem
