"""Policies as AWS will see them: names and imports of a packaged stage resolved, so that a linter can read them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_OWN = {"AWS::Partition": "aws", "AWS::Region": "eu-central-1", "AWS::AccountId": "123456789012"}
_OWN |= {"AWS::URLSuffix": "amazonaws.com"}
_ARNS = {
    "AWS::KMS::Key": "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-4000-8000-000000000000",
    "AWS::SecretsManager::Secret": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:{name}-abcdef",
    "AWS::Lambda::Function": "arn:aws:lambda:eu-central-1:123456789012:function:{name}",
}
_NAMES = {"AWS::SecretsManager::Secret": "Name", "AWS::Lambda::Function": "FunctionName"}


class Resolver:
    """Resolves the intrinsics of a stage's two expanded templates."""

    def __init__(self, stage: str, *templates: Mapping[str, Any]) -> None:
        self._own = {**_OWN, "Stage": stage}
        self._resources = {name: body for each in templates for name, body in each["Resources"].items()}
        self._exports = {
            self.text(output["Export"]["Name"]): output["Value"]
            for each in templates
            for output in each.get("Outputs", {}).values()
            if "Export" in output
        }

    def whole(self, value: Any) -> Any:
        """Resolve every intrinsic inside a value."""
        if isinstance(value, list):
            return [self.whole(each) for each in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and "Fn::If" in value:  # of policies, whose conditions are about exceptions
            return self.whole(value["Fn::If"][2])
        if len(value) == 1 and next(iter(value)) in {"Ref", "Fn::Sub", "Fn::GetAtt", "Fn::ImportValue"}:
            return self.text(value)
        return {key: self.whole(each) for key, each in value.items()}

    def text(self, value: Any) -> str:
        """Resolve one intrinsic; raises `ValueError` for one that policies do not use."""
        match value:
            case str():
                return value
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{([^}]+)\}", lambda found: self._named(found[1]), text)
            case {"Ref": str(name)}:
                return self._named(name)
            case {"Fn::GetAtt": [str(name), "Arn"]}:
                return self._named(f"{name}.Arn")
            case {"Fn::ImportValue": name}:
                return self.text(self._exports[self.text(name)])
        raise ValueError(f"a policy says {value}")

    def _named(self, name: str) -> str:
        if name in self._own:
            return self._own[name]
        body = self._resources[name.removesuffix(".Arn")]
        own = body["Properties"].get(_NAMES.get(body["Type"], ""), "")
        return _ARNS[body["Type"]].format(name=self.text(own))


def inline(stage: str, *templates: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each policy that the templates' roles carry, or that is given to roles, resolved, by a name of its own."""
    resolver = Resolver(stage, *templates)
    for template in templates:
        for name, body in template["Resources"].items():
            properties = body.get("Properties", {})
            own = {"AWS::IAM::Role": properties.get("Policies", []), "AWS::IAM::Policy": [properties]}
            for policy in own.get(body["Type"], []):
                yield f"{name}-{resolver.text(policy['PolicyName'])}", resolver.whole(policy["PolicyDocument"])


def write(folder: Path, policies: Iterator[tuple[str, dict[str, Any]]]) -> int:
    """Write a file a policy; return how many there are."""
    number = 0
    for name, policy in policies:
        (folder / f"{name}.json").write_text(json.dumps(policy, indent=1))
        number += 1
    return number
