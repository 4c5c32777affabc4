"""Reads a template, with its short-form intrinsics, and keeps the part that stands without Chalice's package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

_SUBSTITUTION = re.compile(r"\$\{([A-Za-z0-9]+)(?:\.[^}]*)?\}")
_SAM = "AWS::Serverless"


class _Loader(yaml.SafeLoader):
    """YAML in which `!Ref x` and its like become the dictionaries of the long form."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _intrinsic)
# CloudFormation wants text where YAML 1.1 sees a date.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(path: Path) -> dict[str, Any]:
    """The template as JSON would say it."""
    with path.open() as source:
        template = yaml.load(source, _Loader)  # noqa: S506 - derives from SafeLoader
    if not isinstance(template, dict):
        raise TypeError(f"{path.name} is not a template")
    return template


def standalone(template: dict[str, Any]) -> dict[str, Any]:
    """The template without what exists only once Chalice has packaged the functions, and all that refers to it."""
    resources: dict[str, Any] = {
        name: body
        for name, body in template.get("Resources", {}).items()
        if "Type" in body and not body["Type"].startswith(_SAM)
    }
    known = set(template.get("Parameters", {})) | set(resources)
    while missing := {name for name, body in resources.items() if set(references(body)) - known}:
        resources = {name: body for name, body in resources.items() if name not in missing}
        known -= missing
    kept = {name: section for name, section in template.items() if name not in {"Transform", "Globals"}}
    kept["Resources"] = {name: _without_lost_dependencies(body, known) for name, body in resources.items()}
    outputs = {name: body for name, body in template.get("Outputs", {}).items() if not set(references(body)) - known}
    kept["Outputs"] = outputs
    return {name: section for name, section in kept.items() if section}


def references(value: Any) -> Iterator[str]:
    """The logical names that a piece of template refers to, but for pseudo parameters and DependsOn."""
    if isinstance(value, list):
        for each in value:
            yield from references(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key == "Ref":
                yield from [] if each.startswith("AWS::") else [each]
            elif key == "Fn::GetAtt":
                yield each[0] if isinstance(each, list) else each.split(".", 1)[0]
            elif key == "Fn::Sub":
                yield from _substituted(each)
            elif key != "DependsOn":
                yield from references(each)


def _substituted(value: Any) -> Iterator[str]:
    text, own = value if isinstance(value, list) else (value, {})
    yield from (name for name in _SUBSTITUTION.findall(text) if name not in own)
    yield from references(own)


def _without_lost_dependencies(body: dict[str, Any], known: set[str]) -> dict[str, Any]:
    if "DependsOn" not in body:
        return body
    given = body["DependsOn"]
    left = [name for name in ([given] if isinstance(given, str) else given) if name in known]
    rest = {key: value for key, value in body.items() if key != "DependsOn"}
    return rest | ({"DependsOn": left} if left else {})
