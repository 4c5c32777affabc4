"""Turns what the application's template says of the data stack's resources into names and imports.

What has a name of ours (tables, queues) is spelt by that name. What AWS gives a part of its name (keys, secrets) is
imported, so that a policy holds for that one alone; CloudFormation then also refuses to remove it from under the
application. See `data.yaml`, whose outputs are what may be imported.
"""

from __future__ import annotations

import re
from typing import Any

_REFERENCE = re.compile(r"\$\{([A-Za-z0-9]+)(?:\.Arn)?\}")
_OURS = "arn:${AWS::Partition}:%s:${AWS::Region}:${AWS::AccountId}:%s"
_NAMED = {"AWS::DynamoDB::Table": ("dynamodb", "table/", "TableName"), "AWS::SQS::Queue": ("sqs", "", "QueueName")}


class Unlinked(ValueError):
    """The application refers to something of the data stack by what it does not give out."""


def linked(application: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """Return the application's template without a reference to a resource of another stack."""
    resources: dict[str, Any] = data["Resources"]
    if both := set(resources) & set(application["Resources"]):
        raise Unlinked(f"both templates have {', '.join(sorted(both))}")
    done: dict[str, Any] = _linked(application, data)
    return done


def _linked(value: Any, data: dict[str, Any]) -> Any:
    match value:
        case {"Fn::Sub": str(text)} if len(value) == 1:
            return _substituted(text, data)
        case {"Ref": str(name)} if name in data["Resources"]:
            return _substituted(f"${{{name}}}", data)
        case {"Fn::GetAtt": [str(name), "Arn"]} if name in data["Resources"]:
            return _substituted(f"${{{name}.Arn}}", data)
        case dict():
            return {key: _linked(each, data) for key, each in value.items()}
        case list():
            return [_linked(each, data) for each in value]
    return value


def _substituted(text: str, data: dict[str, Any]) -> dict[str, Any]:
    whole = _REFERENCE.fullmatch(text)
    if whole and whole[1] in data["Resources"] and _type(whole[1], data) not in _NAMED:
        return {"Fn::ImportValue": _export(text, whole[1], data)}
    return {"Fn::Sub": _REFERENCE.sub(lambda found: _spelt(found, data), text)}


def _spelt(found: re.Match[str], data: dict[str, Any]) -> str:
    if found[1] not in data["Resources"]:
        return found[0]
    service, before, name = _NAMED.get(_type(found[1], data), ("", "", ""))
    if not service or not found[0].endswith(".Arn}"):
        raise Unlinked(f"{found[0]} is no name: only the ARN of a table or a queue can stand inside a text")
    own = data["Resources"][found[1]]["Properties"][name]["Fn::Sub"]
    return _OURS % (service, before + own)


def _export(text: str, logical: str, data: dict[str, Any]) -> Any:
    wanted = [{"Fn::GetAtt": [logical, "Arn"]}] if text.endswith(".Arn}") else [{"Ref": logical}]
    for output in data["Outputs"].values():
        if output["Value"] in wanted:
            return output["Export"]["Name"]
    raise Unlinked(f"data.yaml exports no {text}")


def _type(logical: str, data: dict[str, Any]) -> str:
    return str(data["Resources"][logical]["Type"])
