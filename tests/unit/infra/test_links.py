"""References to the data stack become names and imports, and nothing else of a template changes."""

from __future__ import annotations

from typing import Any

import pytest

from infra.stack.links import Unlinked, linked
from infra.stack.template import load
from infra.tools.process import ROOT

DATA: dict[str, Any] = {
    "Resources": {
        "Things": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {"TableName": {"Fn::Sub": "ctrip-${Stage}-things"}},
        },
        "Jobs": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "ctrip-${Stage}-jobs"}}},
        "Key": {"Type": "AWS::KMS::Key", "Properties": {}},
        "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": {"Fn::Sub": "ctrip/${Stage}/x"}}},
    },
    "Outputs": {
        "KeyArn": {"Value": {"Fn::GetAtt": ["Key", "Arn"]}, "Export": {"Name": {"Fn::Sub": "ctrip-${Stage}-key"}}},
        "SecretArn": {"Value": {"Ref": "Secret"}, "Export": {"Name": {"Fn::Sub": "ctrip-${Stage}-secret"}}},
    },
}
THINGS = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/ctrip-${Stage}-things"
JOBS = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:ctrip-${Stage}-jobs"


def of(value: Any) -> Any:
    return linked({"Resources": {"Worker": {"Properties": value}}}, DATA)["Resources"]["Worker"]["Properties"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"Fn::Sub": "${Things.Arn}"}, {"Fn::Sub": THINGS}),
        ({"Fn::Sub": "${Things.Arn}/index/due"}, {"Fn::Sub": f"{THINGS}/index/due"}),
        ({"Fn::GetAtt": ["Jobs", "Arn"]}, {"Fn::Sub": JOBS}),
        ({"Fn::Sub": "${Key.Arn}"}, {"Fn::ImportValue": {"Fn::Sub": "ctrip-${Stage}-key"}}),
        ({"Ref": "Secret"}, {"Fn::ImportValue": {"Fn::Sub": "ctrip-${Stage}-secret"}}),
    ],
)
def test_what_has_a_name_of_ours_is_named_and_the_rest_imported(written: Any, meant: Any) -> None:
    assert of([{"Resource": written}]) == [{"Resource": meant}]


@pytest.mark.parametrize(
    "own", [{"Ref": "Stage"}, {"Fn::Sub": "${Worker.Arn}"}, {"Fn::Sub": ["${Id}", {"Id": {"Ref": "RestAPI"}}]}, 7]
)
def test_what_is_the_applications_own_stays(own: Any) -> None:
    assert of(own) == own


@pytest.mark.parametrize(
    "written",
    [
        {"Ref": "Jobs"},  # a queue's reference is its address
        {"Fn::Sub": "${Key}"},  # a key's id, which is not exported
        {"Fn::Sub": "${Secret}-x"},
    ],
)
def test_what_the_data_stack_does_not_give_out_is_refused(written: Any) -> None:
    with pytest.raises(Unlinked):
        of(written)


def test_a_resource_of_both_stacks_is_refused() -> None:
    with pytest.raises(Unlinked, match="Jobs"):
        linked({"Resources": {"Jobs": {}}}, DATA)


def test_every_key_and_secret_is_exported() -> None:
    """By the one attribute that policies name it by."""
    data = load(ROOT / "data.yaml")
    exported = [output["Value"] for output in data["Outputs"].values()]
    for name, body in data["Resources"].items():
        if body["Type"] == "AWS::KMS::Key":
            assert {"Fn::GetAtt": [name, "Arn"]} in exported, name
        if body["Type"] == "AWS::SecretsManager::Secret":
            assert {"Ref": name} in exported, name
